//! Finds descriptions of tensors in a pickle's tree of objects.

use super::corrupt;
use super::object::{Global, Object};
use super::storage::{Storage, Stored};
use crate::CheckpointError;
use crate::format::Float;

/// Keys under which training code nests the state dict: Meta's, and the one common in PyTorch.
const NESTING_KEYS: [&str; 2] = ["model", "state_dict"];

#[derive(Debug, Default)]
pub(super) struct StateDict {
    pub(super) stored: Vec<Stored>,
    /// Names of entries that are not tensors.
    pub(super) ignored: Vec<String>,
}

type Items = Vec<(Object, Object)>;

/// The state dict of a pickle: the dict itself or the one nested in it.
pub(super) fn find(object: Object) -> Result<StateDict, CheckpointError> {
    let Object::Dict(mut items) = object else {
        return Err(corrupt(format!("expected a pickled dict, found {}", object.kind())));
    };
    let mut found = StateDict::default();
    let nested = items.iter().position(|(key, value)| {
        matches!(key, Object::Text(key) if NESTING_KEYS.contains(&key.as_str()))
            && matches!(value, Object::Dict(_))
    });
    if let Some(place) = nested {
        if let (_, Object::Dict(inner)) = items.swap_remove(place) {
            found.ignored.extend(items.into_iter().map(|(key, _)| key.key_text()));
            items = inner;
        } else {
            items = Items::new();
        }
    }
    for (key, value) in items {
        match (key, value) {
            (Object::Text(name), Object::Call { callable, args }) => {
                found.stored.push(rebuilt(name, *callable, *args)?);
            }
            (key, _) => found.ignored.push(key.key_text()),
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

/// The tensor that a call of one of PyTorch's rebuild functions describes.
fn rebuilt(name: String, callable: Object, args: Object) -> Result<Stored, CheckpointError> {
    let bad = |what: String| CheckpointError::BadTensor { name: name.clone(), what };
    let mut args = arguments(args);
    match callable {
        Object::Global(Global::RebuildTensor) => {}
        // A parameter consists of its data and whether it has a gradient.
        Object::Global(Global::RebuildParameter) if !args.is_empty() => match args.swap_remove(0) {
            Object::Call { callable, args: inner }
                if *callable == Object::Global(Global::RebuildTensor) =>
            {
                args = arguments(*inner);
            }
            other => return Err(bad(format!("expected a tensor's data, found {}", other.kind()))),
        },
        other => {
            let found = match &other {
                Object::Global(global) => global.name(),
                other => other.kind(),
            };
            return Err(bad(format!("expected a tensor, found a call of `{found}`")));
        }
    }
    // storage, offset, sizes, strides; then gradient and hooks, which do not matter here.
    let [Object::Persistent(id), offset, sizes, strides, ..] = args.as_slice() else {
        return Err(bad("expected storage, offset, sizes and strides".into()));
    };
    let Object::Tuple(id) = id.as_ref() else {
        return Err(bad(format!("expected a storage's description, found {}", id.kind())));
    };
    let [Object::Text(tag), Object::Global(class), Object::Text(key), _, elements] = id.as_slice()
    else {
        return Err(bad("expected a storage's type, key, location and size".into()));
    };
    if tag != "storage" {
        return Err(bad(format!("expected a reference to a storage, found `{tag}`")));
    }
    let float = match class.name() {
        "FloatStorage" => Float::F32,
        "HalfStorage" => Float::F16,
        "BFloat16Storage" => Float::BF16,
        "DoubleStorage" => Float::F64,
        other => return Err(CheckpointError::DType { name, found: format!("torch.{other}") }),
    };
    let whole = |object: &Object, what: &str| {
        object.size().ok_or_else(|| bad(format!("expected {what}, found {}", object.kind())))
    };
    let storage =
        Storage { key: key.clone(), float, elements: whole(elements, "a storage's size")? };
    let offset = whole(offset, "an offset of 0 or more")?;
    let axes = |object: &Object, what: &str| match object {
        Object::Tuple(axes) => axes.iter().map(|axis| whole(axis, what)).collect(),
        other => Err(bad(format!("expected a tuple, found {}", other.kind()))),
    };
    let shape = axes(sizes, "sizes of 0 or more")?;
    let strides = axes(strides, "strides of 0 or more")?;
    Stored::new(name.clone(), storage, offset, shape, strides)
}

fn arguments(args: Object) -> Vec<Object> {
    match args {
        Object::Tuple(args) => args,
        other => vec![other],
    }
}
