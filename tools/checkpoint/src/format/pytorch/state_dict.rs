//! From a pickle's object tree to descriptions of tensors.

use super::corrupt;
use super::storage::{Storage, Stored};
use crate::CheckpointError;
use crate::format::Float;
use candle_core::pickle::Object;

/// Keys under which training code nests the state dict: Meta's, and PyTorch's own habit.
const NESTING_KEYS: [&str; 2] = ["model", "state_dict"];

/// Versions of modules that PyTorch attaches to a state dict.
const METADATA_KEY: &str = "_metadata";

#[derive(Debug, Default)]
pub(super) struct StateDict {
    pub(super) stored: Vec<Stored>,
    /// Names of entries that are no tensors.
    pub(super) ignored: Vec<String>,
}

type Items = Vec<(Object, Object)>;

/// The state dict of a pickle: the dict itself or the one nested in it.
pub(super) fn find(object: Object) -> Result<StateDict, CheckpointError> {
    let Object::Dict(mut items) = object else {
        return Err(corrupt(format!("expected a pickled dict, found {}", kind(&object))));
    };
    let mut found = StateDict::default();
    let nested = items.iter().position(|(key, value)| {
        matches!(key, Object::Unicode(key) if NESTING_KEYS.contains(&key.as_str()))
            && matches!(value, Object::Dict(_))
    });
    if let Some(place) = nested {
        if let (_, Object::Dict(inner)) = items.swap_remove(place) {
            found.ignored.extend(items.into_iter().map(|(key, _)| text(&key)));
            items = inner;
        } else {
            items = Items::new();
        }
    }
    for (key, value) in items {
        match (key, value) {
            (Object::Unicode(name), Object::Reduce { callable, args }) => {
                found.stored.push(rebuilt(name, *callable, *args)?);
            }
            (Object::Unicode(name), _) if name == METADATA_KEY => {}
            (key, _) => found.ignored.push(text(&key)),
        }
    }
    if found.stored.is_empty() {
        return Err(corrupt(format!(
            "the pickled dict holds no tensors: {} other entries",
            found.ignored.len()
        )));
    }
    found.ignored.sort();
    Ok(found)
}

/// The tensor that a call of one of PyTorch's rebuild functions stands for.
fn rebuilt(name: String, callable: Object, args: Object) -> Result<Stored, CheckpointError> {
    let bad = |what: String| CheckpointError::BadTensor { name: name.clone(), what };
    let (callable, mut args) = (function(callable), arguments(args));
    if callable == "_rebuild_parameter" && !args.is_empty() {
        // A parameter is its data and whether it has a gradient.
        match args.swap_remove(0) {
            Object::Reduce { callable, args: inner } if function_is_tensor(&callable) => {
                args = arguments(*inner);
            }
            other => return Err(bad(format!("expected a tensor's data, found {}", kind(&other)))),
        }
    } else if callable != "_rebuild_tensor_v2" {
        return Err(bad(format!("expected a tensor, found a call of `{callable}`")));
    }
    // storage, offset, sizes, strides; then gradient and hooks, which do not matter here.
    let [Object::PersistentLoad(id), offset, sizes, strides, ..] = args.as_slice() else {
        return Err(bad("expected storage, offset, sizes and strides".into()));
    };
    let Object::Tuple(id) = id.as_ref() else {
        return Err(bad(format!("expected a storage's description, found {}", kind(id))));
    };
    let [Object::Unicode(tag), Object::Class { class_name, .. }, Object::Unicode(key), _, elements] =
        id.as_slice()
    else {
        return Err(bad("expected a storage's type, key, location and size".into()));
    };
    if tag != "storage" {
        return Err(bad(format!("expected a reference to a storage, found `{tag}`")));
    }
    let float = match class_name.as_str() {
        "FloatStorage" => Float::F32,
        "HalfStorage" => Float::F16,
        "BFloat16Storage" => Float::BF16,
        "DoubleStorage" => Float::F64,
        other => return Err(CheckpointError::DType { name, found: format!("torch.{other}") }),
    };
    let whole = |object: &Object, what: &str| {
        size(object).ok_or_else(|| bad(format!("expected {what}, found {}", kind(object))))
    };
    let storage =
        Storage { key: key.clone(), float, elements: whole(elements, "a storage's size")? };
    let offset = whole(offset, "an offset of 0 or more")?;
    let axes = |object: &Object, what: &str| match object {
        Object::Tuple(axes) => axes.iter().map(|axis| whole(axis, what)).collect(),
        other => Err(bad(format!("expected a tuple, found {}", kind(other)))),
    };
    let shape = axes(sizes, "sizes of 0 or more")?;
    let strides = axes(strides, "strides of 0 or more")?;
    Stored::new(name.clone(), storage, offset, shape, strides)
}

fn function_is_tensor(callable: &Object) -> bool {
    matches!(callable, Object::Class { class_name, .. } if class_name == "_rebuild_tensor_v2")
}

/// The name of a function; the guard has checked its module.
fn function(callable: Object) -> String {
    match callable {
        Object::Class { class_name, .. } => class_name,
        other => kind(&other).to_string(),
    }
}

fn arguments(args: Object) -> Vec<Object> {
    match args {
        Object::Tuple(args) => args,
        other => vec![other],
    }
}

fn size(object: &Object) -> Option<usize> {
    match *object {
        Object::Int(value) => usize::try_from(value).ok(),
        Object::Long(value) => usize::try_from(value).ok(),
        _ => None,
    }
}

/// A key for messages.
fn text(key: &Object) -> String {
    match key {
        Object::Unicode(text) => text.clone(),
        Object::Int(number) => number.to_string(),
        other => kind(other).to_string(),
    }
}

fn kind(object: &Object) -> &'static str {
    match object {
        Object::Class { .. } => "a class",
        Object::Int(_) | Object::Long(_) => "an integer",
        Object::Float(_) => "a float",
        Object::Unicode(_) => "a text",
        Object::Bool(_) => "a truth value",
        Object::None => "None",
        Object::Tuple(_) => "a tuple",
        Object::List(_) => "a list",
        Object::Mark => "a mark",
        Object::Dict(_) => "a dict",
        Object::Reduce { .. } => "a call",
        Object::Build { .. } => "an object with state",
        Object::PersistentLoad(_) => "a storage",
    }
}
