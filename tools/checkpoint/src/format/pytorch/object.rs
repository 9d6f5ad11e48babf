//! The Python objects that a state dict's pickle can hold, as plain data.

/// An object. Content that no state dict needs (the value of a float, the items of a list) is
/// dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    None,
    Bool,
    Float,
    Int(i64),
    Text(String),
    Global(Global),
    Tuple(Vec<Object>),
    List,
    /// In the order of the file; a key may occur twice.
    Dict(Vec<(Object, Object)>),
    /// A call that the pickle requests. It is never made.
    Call {
        callable: Box<Object>,
        args: Box<Object>,
    },
    /// An object with attributes that were set.
    Built,
    /// A reference to something outside the pickle: a storage's description.
    Persistent(Box<Object>),
}

/// A Python object that a state dict may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    /// `torch.FloatStorage` and its like; the name without `torch.`.
    Storage(String),
}

impl Global {
    /// The object that a pickle names; `None` for every object that a state dict does not need.
    pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        match (module, name) {
            (b"collections", b"OrderedDict") => Some(Self::OrderedDict),
            (b"torch._utils", b"_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            (b"torch._utils", b"_rebuild_parameter") => Some(Self::RebuildParameter),
            (b"torch", name) if name.ends_with(b"Storage") => {
                let plain = name.iter().all(u8::is_ascii_alphanumeric);
                plain.then(|| Self::Storage(String::from_utf8_lossy(name).into_owned()))
            }
            _ => None,
        }
    }

    /// Its Python name, without the module.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::OrderedDict => "OrderedDict",
            Self::RebuildTensor => "_rebuild_tensor_v2",
            Self::RebuildParameter => "_rebuild_parameter",
            Self::Storage(name) => name,
        }
    }
}

impl Object {
    /// The result of calling `callable`: `OrderedDict()` is a dict, everything else stays a call.
    pub(super) fn call(callable: Self, args: Self) -> Self {
        match (&callable, &args) {
            (Self::Global(Global::OrderedDict), Self::Tuple(none)) if none.is_empty() => {
                Self::Dict(Vec::new())
            }
            _ => Self::Call { callable: Box::new(callable), args: Box::new(args) },
        }
    }

    /// The object after `attributes` were set. Attributes of a dict are not entries (PyTorch
    /// attaches versions of modules as `_metadata`), so a dict does not change.
    pub(super) fn build(self) -> Self {
        match self {
            Self::Dict(_) => self,
            _ => Self::Built,
        }
    }

    /// A whole number of 0 or more.
    pub(super) fn size(&self) -> Option<usize> {
        match *self {
            Self::Int(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// A dict's key, for messages.
    pub(super) fn key_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            other => other.kind().to_string(),
        }
    }

    /// The kind of object, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a truth value",
            Self::Float => "a float",
            Self::Int(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Global(_) => "a class",
            Self::Tuple(_) => "a tuple",
            Self::List => "a list",
            Self::Dict(_) => "a dict",
            Self::Call { .. } => "a call",
            Self::Built => "an object with state",
            Self::Persistent(_) => "a storage",
        }
    }
}
