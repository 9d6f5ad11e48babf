//! Reads a pickle into plain data. Nothing is imported or called.
//!
//! The input is untrusted. The reader accepts only the opcodes and names of a state dict that
//! PyTorch saved, does not trust a declared length before it has seen the bytes, and limits what it
//! builds by a [`Budget`].

use super::corrupt;
use super::cost::{Budget, Cost};
use super::object::{Global, Object};
use crate::CheckpointError;
use std::collections::HashMap;

/// Reads up to the pickle's STOP and returns the object that it describes.
///
/// # Errors
/// [`CheckpointError::ForbiddenGlobal`] or [`CheckpointError::Corrupt`].
pub(super) fn unpickle(pickle: &[u8]) -> Result<Object, CheckpointError> {
    let mut reader = Reader { rest: pickle, ..Reader::default() };
    loop {
        if let Some(object) = reader.step()? {
            return Ok(object);
        }
    }
}

/// An object with the cost of copying and freeing it.
#[derive(Clone, Debug)]
struct Entry {
    object: Object,
    cost: Cost,
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a [u8],
    /// `None` is a mark.
    stack: Vec<Option<Entry>>,
    memo: HashMap<u32, Entry>,
    budget: Budget,
}

impl<'a> Reader<'a> {
    /// Runs an opcode; returns the finished object at STOP.
    fn step(&mut self) -> Result<Option<Object>, CheckpointError> {
        let [opcode] = self.take()?;
        match opcode {
            b'.' => return Ok(Some(self.pop()?.object)),
            // PROTO
            0x80 => {
                let [version] = self.take()?;
                if !(2..=3).contains(&version) {
                    return Err(corrupt(format!(
                        "pickle: expected protocol 2 or 3, found {version}"
                    )));
                }
            }
            // MARK
            b'(' => self.stack.push(None),
            // NONE, NEWTRUE, NEWFALSE, EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT
            b'N' => self.push(Object::None, Cost::LEAF)?,
            0x88 | 0x89 => self.push(Object::Bool, Cost::LEAF)?,
            b')' => self.push(Object::Tuple(Vec::new()), Cost::LEAF)?,
            b']' => self.push(Object::List, Cost::LEAF)?,
            b'}' => self.push(Object::Dict(Vec::new()), Cost::LEAF)?,
            // BININT1, BININT2, BININT, LONG1
            b'K' => {
                let [value] = self.take()?;
                self.push_int(i64::from(value))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.take()?);
                self.push_int(i64::from(value))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.take()?);
                self.push_int(i64::from(value))?;
            }
            0x8a => {
                let value = self.long()?;
                self.push_int(value)?;
            }
            // BINFLOAT
            b'G' => {
                let [_, ..]: [u8; 8] = self.take()?;
                self.push(Object::Float, Cost::LEAF)?;
            }
            // BINUNICODE
            b'X' => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                let text = std::str::from_utf8(self.slice(length)?)
                    .map_err(|error| corrupt(format!("pickle: a text: {error}")))?;
                self.push(Object::Text(text.to_string()), Cost::text(length))?;
            }
            // GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let global = Global::find(module, name).ok_or_else(|| forbidden(module, name))?;
                self.push(Object::Global(global), Cost::LEAF)?;
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Persistent(Box::new(id.object)), id.cost.wrapped())?;
            }
            // TUPLE1 to TUPLE3, TUPLE
            0x85..=0x87 => {
                let content = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_tuple(content)?;
            }
            b't' => {
                let content = self.pop_to_mark()?;
                self.push_tuple(content)?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let cost = args.cost.and(callable.cost).wrapped();
                self.push(Object::call(callable.object, args.object), cost)?;
            }
            // BUILD
            b'b' => {
                let (state, object) = (self.pop()?, self.pop()?);
                let cost = state.cost.and(object.cost).wrapped();
                self.push(object.object.build(), cost)?;
            }
            // APPEND, APPENDS
            b'a' => {
                let content = self.pop_many(1)?;
                self.append(&content)?;
            }
            b'e' => {
                let content = self.pop_to_mark()?;
                self.append(&content)?;
            }
            // SETITEM, SETITEMS
            b's' => {
                let content = self.pop_many(2)?;
                self.set_items(content)?;
            }
            b'u' => {
                let content = self.pop_to_mark()?;
                self.set_items(content)?;
            }
            // BINPUT, LONG_BINPUT
            b'q' => {
                let [id] = self.take()?;
                self.put(u32::from(id))?;
            }
            b'r' => {
                let id = u32::from_le_bytes(self.take()?);
                self.put(id)?;
            }
            // BINGET, LONG_BINGET
            b'h' => {
                let [id] = self.take()?;
                self.get(u32::from(id))?;
            }
            b'j' => {
                let id = u32::from_le_bytes(self.take()?);
                self.get(id)?;
            }
            other => {
                return Err(corrupt(format!(
                    "pickle: opcode {other:#04x} is not one of a state dict saved by PyTorch"
                )));
            }
        }
        Ok(None)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let (&head, rest) = self.rest.split_first_chunk().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(head)
    }

    fn slice(&mut self, count: usize) -> Result<&'a [u8], CheckpointError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(head)
    }

    fn line(&mut self) -> Result<&'a [u8], CheckpointError> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or_else(ends_early)?;
        let line = self.slice(end)?;
        self.slice(1)?;
        Ok(line)
    }

    /// A little-endian integer in two's complement; its first byte is the number of bytes that
    /// follow.
    fn long(&mut self) -> Result<i64, CheckpointError> {
        let [length] = self.take()?;
        if length > 8 {
            return Err(corrupt(format!("pickle: integer of {length} bytes")));
        }
        let digits = self.slice(usize::from(length))?;
        let negative = digits.last().is_some_and(|&byte| byte >= 0x80);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        for (byte, &digit) in bytes.iter_mut().zip(digits) {
            *byte = digit;
        }
        Ok(i64::from_le_bytes(bytes))
    }

    fn pop(&mut self) -> Result<Entry, CheckpointError> {
        self.stack.pop().flatten().ok_or_else(|| corrupt("pickle: an object is missing"))
    }

    fn push(&mut self, object: Object, cost: Cost) -> Result<(), CheckpointError> {
        self.budget.create(cost)?;
        self.stack.push(Some(Entry { object, cost }));
        Ok(())
    }

    fn push_int(&mut self, value: i64) -> Result<(), CheckpointError> {
        self.push(Object::Int(value), Cost::LEAF)
    }

    fn push_tuple(&mut self, content: Content) -> Result<(), CheckpointError> {
        self.push(Object::Tuple(content.objects), content.cost.wrapped())
    }

    /// Takes the top `count` objects off, in the order in which they were pushed.
    fn pop_many(&mut self, count: usize) -> Result<Content, CheckpointError> {
        let mut content = Content::default();
        for _ in 0..count {
            content.add(self.pop()?);
        }
        content.objects.reverse();
        Ok(content)
    }

    /// Takes everything above the last mark off, and the mark.
    fn pop_to_mark(&mut self) -> Result<Content, CheckpointError> {
        let mut content = Content::default();
        loop {
            match self.stack.pop() {
                Some(Some(entry)) => content.add(entry),
                Some(None) => break,
                None => return Err(corrupt("pickle: a mark is missing")),
            }
        }
        content.objects.reverse();
        Ok(content)
    }

    fn append(&mut self, content: &Content) -> Result<(), CheckpointError> {
        let list = self.pop()?;
        if list.object != Object::List {
            return Err(corrupt(format!("pickle: expected a list, found {}", list.object.kind())));
        }
        self.push(Object::List, list.cost.grown(content.cost))
    }

    fn set_items(&mut self, content: Content) -> Result<(), CheckpointError> {
        let Entry { object: Object::Dict(mut items), cost } = self.pop()? else {
            return Err(corrupt("pickle: expected a dict to set entries of"));
        };
        if !content.objects.len().is_multiple_of(2) {
            return Err(corrupt("pickle: a value is missing for a dict's last key"));
        }
        let mut objects = content.objects.into_iter();
        while let (Some(key), Some(value)) = (objects.next(), objects.next()) {
            items.push((key, value));
        }
        self.push(Object::Dict(items), cost.grown(content.cost))
    }

    fn put(&mut self, id: u32) -> Result<(), CheckpointError> {
        let top = self.pop()?;
        self.budget.copy(top.cost)?;
        self.memo.insert(id, top.clone());
        self.push(top.object, top.cost)
    }

    fn get(&mut self, id: u32) -> Result<(), CheckpointError> {
        let held = self.memo.get(&id);
        let held = held.ok_or_else(|| corrupt(format!("pickle: nothing in memo slot {id}")))?;
        self.budget.copy(held.cost)?;
        let Entry { object, cost } = held.clone();
        self.push(object, cost)
    }
}

/// Objects taken off the stack, and what they cost together.
#[derive(Default)]
struct Content {
    objects: Vec<Object>,
    cost: Cost,
}

impl Content {
    fn add(&mut self, entry: Entry) {
        self.objects.push(entry.object);
        self.cost = self.cost.and(entry.cost);
    }
}

fn forbidden(module: &[u8], name: &[u8]) -> CheckpointError {
    let shown = |text: &[u8]| text.get(..80).unwrap_or(text).escape_ascii().to_string();
    CheckpointError::ForbiddenGlobal(format!("{}.{}", shown(module), shown(name)))
}

fn ends_early() -> CheckpointError {
    corrupt("pickle: ends early")
}

#[cfg(test)]
#[path = "unpickle_tests.rs"]
mod tests;
