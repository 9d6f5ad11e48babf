//! Reads a pickle into plain data. Nothing is imported or called.
//!
//! The input is untrusted. The reader accepts only the names of [`Global`], and the number of objects
//! is limited. It knows the opcodes of protocols 2 to 5 that Python's picklers write.

use super::corrupt;
use super::global::Global;
use super::object::{Id, Object, Objects};
use super::source::Source;
use crate::CheckpointError;
use std::collections::HashMap;

/// Protocols of `torch.save`: 2 unless the user asks for another.
const PROTOCOLS: std::ops::RangeInclusive<u8> = 2..=5;

/// Most objects of a pickle. SAM 2 large with CH-Adapters and two moments of an optimiser has some
/// 450,000.
const MAX_OBJECTS: usize = 2 << 20;

/// The objects of a pickle, and the one that it describes.
pub(super) struct Pickle {
    pub(super) objects: Objects,
    pub(super) root: Id,
}

/// Reads up to the pickle's STOP.
///
/// # Errors
/// [`CheckpointError::ForbiddenGlobal`] or [`CheckpointError::Corrupt`].
pub(super) fn unpickle(pickle: &[u8]) -> Result<Pickle, CheckpointError> {
    unpickle_first(pickle).map(|(pickle, _)| pickle)
}

/// Reads up to the first STOP; also returns the bytes after it.
///
/// # Errors
/// Those of [`unpickle`].
pub(super) fn unpickle_first(bytes: &[u8]) -> Result<(Pickle, &[u8]), CheckpointError> {
    let mut reader = Reader { source: Source::new(bytes), ..Reader::default() };
    loop {
        if let Some(root) = reader.step()? {
            return Ok((Pickle { objects: reader.objects, root }, reader.source.rest()));
        }
    }
}

#[derive(Default)]
struct Reader<'a> {
    source: Source<'a>,
    objects: Objects,
    /// `None` is a mark.
    stack: Vec<Option<Id>>,
    memo: HashMap<u32, Id>,
    /// Entries of dicts that were made from a list, which stays.
    copied: usize,
}

impl Reader<'_> {
    /// Runs an opcode; returns the finished object at STOP.
    fn step(&mut self) -> Result<Option<Id>, CheckpointError> {
        let opcode = self.source.byte()?;
        match opcode {
            b'.' => return self.pop().map(Some),
            // PROTO
            0x80 => {
                let version = self.source.byte()?;
                if !PROTOCOLS.contains(&version) {
                    return Err(corrupt(format!(
                        "pickle: expected protocol 2 to 5, found {version}"
                    )));
                }
            }
            // FRAME: only says how much to read ahead.
            0x95 => drop(self.source.take::<8>()?),
            // MARK, POP, POP_MARK, DUP
            b'(' if self.stack.len() >= MAX_OBJECTS => return Err(too_many()),
            b'(' => self.stack.push(None),
            b'0' => drop(self.stack.pop()),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top_id()?;
                self.push_again(top)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE
            b'q' => {
                let slot = self.source.byte()?;
                self.put(u32::from(slot))?;
            }
            b'r' => {
                let slot = self.source.u32()?;
                self.put(slot)?;
            }
            0x94 => self.put(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))?,
            // BINGET, LONG_BINGET
            b'h' => {
                let slot = self.source.byte()?;
                self.get(u32::from(slot))?;
            }
            b'j' => {
                let slot = self.source.u32()?;
                self.get(slot)?;
            }
            // APPEND and APPENDS, ADDITEMS, SETITEM and SETITEMS
            b'a' => {
                let content = vec![self.pop()?];
                self.append(content)?;
            }
            b'e' | 0x90 => {
                let content = self.pop_to_mark()?;
                self.append(content)?;
            }
            b's' => {
                let content = self.pop_many(2)?;
                self.set_items(&content)?;
            }
            b'u' => {
                let content = self.pop_to_mark()?;
                self.set_items(&content)?;
            }
            // BUILD: attributes of a dict are not entries (PyTorch attaches versions of modules as
            // `_metadata`), and those of other objects are not needed.
            b'b' => drop(self.pop()?),
            _ => {
                let object = self.object(opcode)?;
                self.push(object)?;
            }
        }
        Ok(None)
    }

    /// The object that an opcode makes.
    fn object(&mut self, opcode: u8) -> Result<Object, CheckpointError> {
        Ok(match opcode {
            // NONE, NEWTRUE, NEWFALSE, EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT, EMPTY_SET
            b'N' => Object::None,
            0x88 | 0x89 => Object::Bool(opcode == 0x88),
            b')' => Object::Tuple(Vec::new()),
            b']' => Object::List(Vec::new()),
            b'}' => Object::Dict(Vec::new()),
            0x8f => Object::Other("a set"),
            // BININT1, BININT2, BININT, LONG1, LONG4
            b'K' => Object::Int(i64::from(self.source.byte()?)),
            b'M' => Object::Int(i64::from(u16::from_le_bytes(self.source.take()?))),
            b'J' => Object::Int(i64::from(i32::from_le_bytes(self.source.take()?))),
            0x8a => self.source.long(1)?.map_or(Object::Other("a long integer"), Object::Int),
            0x8b => self.source.long(4)?.map_or(Object::Other("a long integer"), Object::Int),
            // BINFLOAT
            b'G' => {
                self.source.take::<8>()?;
                Object::Float
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
            0x8c => Object::Text(self.source.text(1)?),
            b'X' => Object::Text(self.source.text(4)?),
            0x8d => Object::Text(self.source.text(8)?),
            // SHORT_BINSTRING and BINSTRING, which Python 2 wrote for texts and for bytes
            b'U' | b'T' => {
                let bytes = self.source.counted(if opcode == b'U' { 1 } else { 4 })?;
                let text = std::str::from_utf8(bytes).map(ToString::to_string);
                text.map_or(Object::Other("bytes"), Object::Text)
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => self.bytes(1)?,
            b'B' => self.bytes(4)?,
            0x8e | 0x96 => self.bytes(8)?,
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.source.line()?, self.source.line()?);
                global(module, name)?
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.objects.text(module), self.objects.text(name)) {
                    (Some(module), Some(name)) => global(module, name)?,
                    _ => return Err(corrupt("pickle: expected the name of a class as text")),
                }
            }
            // BINPERSID
            b'Q' => Object::Persistent(self.pop()?),
            // TUPLE1 to TUPLE3, TUPLE, LIST, FROZENSET
            0x85..=0x87 => Object::Tuple(self.pop_many(usize::from(opcode - 0x84))?),
            b't' => Object::Tuple(self.pop_to_mark()?),
            b'l' => Object::List(self.pop_to_mark()?),
            0x91 => {
                self.pop_to_mark()?;
                Object::Other("a set")
            }
            // DICT
            b'd' => Object::Dict(pairs(&self.pop_to_mark()?)?),
            // REDUCE, NEWOBJ, NEWOBJ_EX
            b'R' | 0x81 => {
                let (args, callable) = (self.pop()?, self.pop()?);
                self.call(callable, args)?
            }
            0x92 => {
                let (_, args, callable) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(callable, args)?
            }
            other => {
                return Err(corrupt(format!(
                    "pickle: opcode {other:#04x} is not one of a state dict saved by PyTorch"
                )));
            }
        })
    }

    fn call(&mut self, callable: Id, args: Id) -> Result<Object, CheckpointError> {
        let object = self.objects.call(callable, args);
        if let Object::Dict(entries) = &object {
            self.copied += entries.len();
        }
        if self.copied > MAX_OBJECTS { Err(too_many()) } else { Ok(object) }
    }

    fn bytes(&mut self, length_bytes: u8) -> Result<Object, CheckpointError> {
        self.source.counted(length_bytes)?;
        Ok(Object::Other("bytes"))
    }

    fn push(&mut self, object: Object) -> Result<(), CheckpointError> {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(too_many());
        }
        let id = self.objects.add(object);
        self.push_again(id)
    }

    /// Pushes an object that is there already.
    fn push_again(&mut self, id: Id) -> Result<(), CheckpointError> {
        if self.stack.len() >= MAX_OBJECTS {
            return Err(too_many());
        }
        self.stack.push(Some(id));
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, CheckpointError> {
        self.stack.pop().flatten().ok_or_else(|| corrupt("pickle: an object is missing"))
    }

    /// Takes the top `count` objects off, in the order in which they were pushed.
    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, CheckpointError> {
        let mut content = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        content.reverse();
        Ok(content)
    }

    /// Takes everything above the last mark off, and the mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Id>, CheckpointError> {
        let mark = self.stack.iter().rposition(Option::is_none);
        let mark = mark.ok_or_else(|| corrupt("pickle: a mark is missing"))?;
        let content = self.stack.drain(mark..).flatten().collect();
        Ok(content)
    }

    fn top_id(&self) -> Result<Id, CheckpointError> {
        self.stack.last().copied().flatten().ok_or_else(|| corrupt("pickle: an object is missing"))
    }

    /// The object on top, which the pickle changes.
    fn top(&mut self) -> Result<&mut Object, CheckpointError> {
        let top = self.top_id()?;
        self.objects.get_mut(top).ok_or_else(|| corrupt("pickle: an object is missing"))
    }

    fn append(&mut self, content: Vec<Id>) -> Result<(), CheckpointError> {
        match self.top()? {
            Object::List(items) => items.extend(content),
            Object::Other(_) | Object::Call { .. } => {}
            other => {
                let found = other.kind();
                return Err(corrupt(format!("pickle: expected a list, found {found}")));
            }
        }
        Ok(())
    }

    fn set_items(&mut self, content: &[Id]) -> Result<(), CheckpointError> {
        let content = pairs(content)?;
        match self.top()? {
            Object::Dict(items) => items.extend(content),
            Object::Other(_) | Object::Call { .. } => {}
            other => {
                let found = other.kind();
                return Err(corrupt(format!(
                    "pickle: expected a dict to set entries of, found {found}"
                )));
            }
        }
        Ok(())
    }

    fn put(&mut self, slot: u32) -> Result<(), CheckpointError> {
        let top = self.top_id()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn get(&mut self, slot: u32) -> Result<(), CheckpointError> {
        let held = self.memo.get(&slot).copied();
        let held = held.ok_or_else(|| corrupt(format!("pickle: nothing in memo slot {slot}")))?;
        self.push_again(held)
    }
}

fn too_many() -> CheckpointError {
    corrupt(format!("pickle: more than {MAX_OBJECTS} objects"))
}

fn pairs(content: &[Id]) -> Result<Vec<(Id, Id)>, CheckpointError> {
    let (pairs, rest) = content.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(corrupt("pickle: a value is missing for a dict's last key"));
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

fn global(module: &str, name: &str) -> Result<Object, CheckpointError> {
    let shown = |text: &str| text.chars().take(80).collect::<String>().escape_debug().to_string();
    Global::find(module, name).map(Object::Global).ok_or_else(|| {
        CheckpointError::ForbiddenGlobal(format!("{}.{}", shown(module), shown(name)))
    })
}

#[cfg(test)]
#[path = "unpickle_tests.rs"]
mod tests;
