//! What an operation is told beside its inputs: fields of a struct, as attributes of its node.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};
use tract_onnx::tract_hir::internal::*;

/// Can be written to the attributes of a node, and read from them.
pub(crate) trait Attributes: Sized {
    /// Adds attributes with this name, or whose names begin with it and a dot.
    fn write(&self, name: &str, to: &mut Vec<AttributeProto>);

    /// Reads what [`write`](Self::write) wrote.
    fn read(name: &str, node: &NodeProto) -> TractResult<Self>;
}

/// A struct whose fields are attributes with their names.
macro_rules! attributes {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $($(#[$field_about:meta])* $field_visible:vis $field:ident: $kind:ty,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        $visible struct $name {
            $($(#[$field_about])* $field_visible $field: $kind,)*
        }

        impl $crate::ops::attributes::Attributes for $name {
            fn write(&self, name: &str, to: &mut Vec<tract_onnx::pb::AttributeProto>) {
                $($crate::ops::attributes::Attributes::write(
                    &self.$field,
                    &$crate::ops::attributes::inside(name, stringify!($field)),
                    to,
                );)*
                // A struct without fields has no use for them.
                let _ = (name, to);
            }

            fn read(
                name: &str,
                node: &tract_onnx::pb::NodeProto,
            ) -> tract_onnx::tract_hir::internal::TractResult<Self> {
                let _ = (name, node);
                Ok(Self {
                    $($field: $crate::ops::attributes::Attributes::read(
                        &$crate::ops::attributes::inside(name, stringify!($field)),
                        node,
                    )?,)*
                })
            }
        }
    };
}
pub(crate) use attributes;

/// The name of a field: the part's name and the field's, or the field's alone for the operation itself.
pub(crate) fn inside(name: &str, field: &str) -> String {
    if name.is_empty() { field.to_string() } else { format!("{name}.{field}") }
}

fn found<'n>(name: &str, node: &'n NodeProto) -> TractResult<&'n AttributeProto> {
    let found = node.attribute.iter().find(|attribute| attribute.name == name);
    found.with_context(|| format!("{}: expected an attribute {name}", node.op_type))
}

impl Attributes for usize {
    fn write(&self, name: &str, to: &mut Vec<AttributeProto>) {
        to.push(AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Int as i32,
            // A size that does not fit is refused when it is read.
            i: i64::try_from(*self).unwrap_or(-1),
            ..AttributeProto::default()
        });
    }

    fn read(name: &str, node: &NodeProto) -> TractResult<Self> {
        Ok(usize::try_from(found(name, node)?.i)?)
    }
}

impl Attributes for bool {
    fn write(&self, name: &str, to: &mut Vec<AttributeProto>) {
        usize::from(*self).write(name, to);
    }

    fn read(name: &str, node: &NodeProto) -> TractResult<Self> {
        Ok(usize::read(name, node)? == 1)
    }
}

impl Attributes for f32 {
    fn write(&self, name: &str, to: &mut Vec<AttributeProto>) {
        to.push(AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Float as i32,
            f: *self,
            ..AttributeProto::default()
        });
    }

    fn read(name: &str, node: &NodeProto) -> TractResult<Self> {
        Ok(found(name, node)?.f)
    }
}

/// Nothing has no attribute.
impl<T: Attributes> Attributes for Option<T> {
    fn write(&self, name: &str, to: &mut Vec<AttributeProto>) {
        if let Some(value) = self {
            value.write(name, to);
        }
    }

    fn read(name: &str, node: &NodeProto) -> TractResult<Self> {
        let part = inside(name, "");
        let given = |found: &AttributeProto| found.name == name || found.name.starts_with(&part);
        node.attribute.iter().any(given).then(|| T::read(name, node)).transpose()
    }
}
