//! The Python objects that a checkpoint's pickle can hold, as plain data.
//!
//! A pickle refers to an object again through its memo, and may still change the object afterwards.
//! So objects lie in one list, [`Objects`], and refer to each other by their place in it: nothing is
//! copied, and an object that contains itself does no harm.

use super::global::Global;

/// An object's place in [`Objects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u32);

/// An object. Content that no checkpoint needs (the value of a float, the members of a set) is
/// dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    None,
    Bool(bool),
    Float,
    Int(i64),
    Text(String),
    Global(Global),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// In the order of the file; a key may occur twice.
    Dict(Vec<(Id, Id)>),
    /// A call that the pickle requests. It is never made.
    Call {
        callable: Id,
        args: Id,
    },
    /// Bytes, a set, or an object with attributes: nothing in it is needed.
    Other(&'static str),
    /// A reference to something outside the pickle: a storage's description.
    Persistent(Id),
}

/// Every object of a pickle.
#[derive(Debug, Default)]
pub(super) struct Objects(Vec<Object>);

impl Objects {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, object: Object) -> Id {
        // The reader's limit is far below 2^32 objects.
        let id = Id(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(object);
        id
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.0.iter()
    }

    pub(super) fn get(&self, id: Id) -> &Object {
        // Every Id comes from `add` of the same list, which only grows.
        self.0.get(id.0 as usize).unwrap_or(&Object::None)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Object> {
        self.0.get_mut(id.0 as usize)
    }

    /// The members of a tuple.
    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Object::Tuple(members) => Some(members),
            _ => None,
        }
    }

    /// The text of a text.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number of 0 or more.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match *self.get(id) {
            Object::Int(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// The result of calling `callable`: `OrderedDict()` is a dict, everything else stays a call.
    pub(super) fn call(&self, callable: Id, args: Id) -> Object {
        if let Object::Global(Global::Dict) = self.get(callable) {
            // `OrderedDict([(key, value), ...])` is how Python 2 wrote it. The argument of
            // `defaultdict(list)` is not a list of entries.
            let list = self.tuple(args).and_then(|args| args.first());
            let pairs = match list.map(|list| self.get(*list)) {
                Some(Object::List(pairs)) => pairs.as_slice(),
                _ => &[],
            };
            return Object::Dict(pairs.iter().filter_map(|pair| self.pair(*pair)).collect());
        }
        Object::Call { callable, args }
    }

    fn pair(&self, id: Id) -> Option<(Id, Id)> {
        match self.get(id) {
            Object::Tuple(pair) | Object::List(pair) => match pair.as_slice() {
                &[key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A dict's key, for messages.
    pub(super) fn key_text(&self, id: Id) -> String {
        match self.get(id) {
            Object::Text(text) => text.chars().take(100).collect(),
            Object::Int(number) => number.to_string(),
            other => other.kind().to_string(),
        }
    }
}

impl Object {
    /// The kind of object, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Float => "a float",
            Self::Int(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Global(_) => "a class",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Call { .. } => "an object",
            Self::Other(kind) => kind,
            Self::Persistent(_) => "a storage",
        }
    }
}
