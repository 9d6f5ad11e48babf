//! Tensors as a pickle describes them: a call of one of PyTorch's functions that rebuild one.

use super::global::Global;
use super::object::{Id, Object, Objects};
use super::storage::{Storage, Stored};
use crate::CheckpointError;
use crate::format::Float;

/// A tensor, before its values are read.
#[derive(Debug)]
pub(super) enum Described {
    /// A view of a storage of floating-point numbers.
    Float(Stored),
    /// A tensor of another type or kind.
    Other { shape: Vec<usize>, kind: String },
}

impl Described {
    /// Number of elements; `usize::MAX` if that is beyond counting.
    pub(super) fn element_count(&self) -> usize {
        match self {
            Self::Float(stored) => stored.element_count(),
            Self::Other { shape, .. } => crate::tensor::element_count(shape).unwrap_or(usize::MAX),
        }
    }
}

/// A parameter holds a tensor, and a tensor with attributes wraps one.
const MAX_WRAPPERS: usize = 4;

/// The tensor that a call describes; `None` if the object is something else.
///
/// # Errors
/// [`CheckpointError::BadTensor`] if the description contradicts itself.
pub(super) fn tensor(
    objects: &Objects,
    name: &str,
    mut object: Id,
) -> Result<Option<Described>, CheckpointError> {
    let call = Call { objects, name };
    for _ in 0..MAX_WRAPPERS {
        let Object::Call { callable, args } = objects.get(object) else { return Ok(None) };
        let (mut callable, mut args) = (*callable, objects.tuple(*args).unwrap_or_default());
        if *objects.get(callable) == Object::Global(Global::RebuildFromType) {
            let &[function, _, inner, ..] = args else {
                return Err(call.bad("expected a function, a type and arguments"));
            };
            (callable, args) = (function, objects.tuple(inner).unwrap_or_default());
        }
        match objects.get(callable) {
            Object::Global(Global::RebuildTensor) => return call.view(args).map(Some),
            Object::Global(Global::RebuildOther(kind)) => {
                let kind = kind.trim_start_matches("_rebuild_").to_string();
                return Ok(Some(Described::Other { shape: Vec::new(), kind }));
            }
            Object::Global(Global::RebuildParameter) => match args.first() {
                Some(data) if matches!(objects.get(*data), Object::Call { .. }) => object = *data,
                other => {
                    let found = other.map_or("nothing", |id| objects.get(*id).kind());
                    return Err(call.bad(format!("expected a tensor's data, found {found}")));
                }
            },
            _ => return Ok(None),
        }
    }
    Err(call.bad("expected a tensor, found too many wrappers around it"))
}

struct Call<'a> {
    objects: &'a Objects,
    name: &'a str,
}

impl Call<'_> {
    fn bad(&self, what: impl Into<String>) -> CheckpointError {
        CheckpointError::BadTensor { name: self.name.to_string(), what: what.into() }
    }

    /// Storage, offset, sizes, strides; then gradient and hooks, which do not matter, and the type
    /// where the storage has none.
    fn view(&self, args: &[Id]) -> Result<Described, CheckpointError> {
        let objects = self.objects;
        let &[storage, offset, sizes, strides, ref rest @ ..] = args else {
            return Err(self.bad("expected storage, offset, sizes and strides"));
        };
        let Object::Persistent(id) = objects.get(storage) else {
            let found = objects.get(storage).kind();
            return Err(self.bad(format!("expected a storage, found {found}")));
        };
        let Some(&[tag, class, key, _, elements, ref part @ ..]) = objects.tuple(*id) else {
            return Err(self.bad("expected a storage's type, key, location and size"));
        };
        // Before 1.6 a storage could be a part of another.
        if part.iter().any(|id| *objects.get(*id) != Object::None) {
            return Err(self.bad("expected a storage of its own, found a part of another"));
        }
        let (Some(tag), Object::Global(Global::Storage(class)), Some(key)) =
            (objects.text(tag), objects.get(class), objects.text(key))
        else {
            return Err(self.bad("expected a storage's type, key, location and size"));
        };
        if tag != "storage" {
            return Err(self.bad(format!("expected a reference to a storage, found `{tag}`")));
        }
        let shape = self.axes(sizes, "sizes of 0 or more")?;
        let float = match class.as_str() {
            "FloatStorage" => Float::F32,
            "HalfStorage" => Float::F16,
            "BFloat16Storage" => Float::BF16,
            "DoubleStorage" => Float::F64,
            other => {
                let dtype = rest.iter().find_map(|id| match objects.get(*id) {
                    Object::Global(Global::DType(name)) => Some(name.as_str()),
                    _ => None,
                });
                let kind = format!("torch.{}", dtype.unwrap_or(other));
                return Ok(Described::Other { shape, kind });
            }
        };
        let elements = self.whole(elements, "a storage's size")?;
        let storage = Storage { key: key.to_string(), float, elements };
        let offset = self.whole(offset, "an offset of 0 or more")?;
        let strides = self.axes(strides, "strides of 0 or more")?;
        Stored::new(self.name.to_string(), storage, offset, shape, strides).map(Described::Float)
    }

    fn whole(&self, id: Id, what: &str) -> Result<usize, CheckpointError> {
        self.objects.size(id).ok_or_else(|| {
            self.bad(format!("expected {what}, found {}", self.objects.get(id).kind()))
        })
    }

    fn axes(&self, id: Id, what: &str) -> Result<Vec<usize>, CheckpointError> {
        // A `torch.Size` is a call with the tuple or list as its argument.
        let plain = match self.objects.get(id) {
            Object::Call { args, .. } => self.objects.tuple(*args).and_then(<[Id]>::first).copied(),
            _ => Some(id),
        };
        match plain.map(|id| self.objects.get(id)) {
            Some(Object::Tuple(axes) | Object::List(axes)) => {
                axes.iter().map(|axis| self.whole(*axis, what)).collect()
            }
            _ => Err(self.bad(format!("expected a tuple, found {}", self.objects.get(id).kind()))),
        }
    }
}
