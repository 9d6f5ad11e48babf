//! Refuses pickles that candle's reader could not survive.
//!
//! That reader trusts its input: it allocates a string's declared length, copies an object on
//! every memo access (so a few hundred bytes can double an object thirty times over), and frees
//! nested objects recursively. It also keeps names of arbitrary Python objects, which no state
//! dict needs. This pass walks the opcodes first, with a stack of costs in place of objects, and
//! lets through only pickles whose every step is known and cheap.

use super::corrupt;
use crate::CheckpointError;
use std::collections::HashMap;

/// Deepest nesting accepted. A nested state dict's tensors need seven levels.
const MAX_DEPTH: u32 = 32;

/// Most objects that reading may create or copy; SAM 2 large with CH-Adapters needs some 150,000.
const MAX_NODES: u64 = 2 << 20;

/// Bytes of text that cost as much as one object.
const TEXT_NODE_BYTES: u64 = 64;

/// Python objects that a state dict may name, beside `torch.*Storage`.
const GLOBALS: [(&str, &str); 3] = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
];

/// What an object costs to copy and to free.
#[derive(Clone, Copy, Debug)]
struct Cost {
    depth: u32,
    nodes: u64,
}

const LEAF: Cost = Cost { depth: 1, nodes: 1 };

/// Checks a whole pickle, up to its STOP.
///
/// # Errors
/// [`CheckpointError::ForbiddenGlobal`] or [`CheckpointError::Corrupt`].
pub(super) fn check(pickle: &[u8]) -> Result<(), CheckpointError> {
    let mut guard = Guard { rest: pickle, ..Guard::default() };
    while !guard.step()? {}
    Ok(())
}

#[derive(Default)]
struct Guard<'a> {
    rest: &'a [u8],
    /// `None` is a mark.
    stack: Vec<Option<Cost>>,
    memo: HashMap<u32, Cost>,
    /// Created or copied so far.
    nodes: u64,
}

impl<'a> Guard<'a> {
    /// One opcode; true at STOP.
    fn step(&mut self) -> Result<bool, CheckpointError> {
        let [opcode] = self.take()?;
        match opcode {
            b'.' => {
                self.pop()?;
                return Ok(true);
            }
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
            b'N' | 0x88 | 0x89 | b')' | b']' | b'}' => self.push(LEAF)?,
            // BININT1, BININT2, BININT, BINFLOAT
            b'K' => self.skip_and_push(1)?,
            b'M' => self.skip_and_push(2)?,
            b'J' => self.skip_and_push(4)?,
            b'G' => self.skip_and_push(8)?,
            // LONG1
            0x8a => match self.take()? {
                [length @ 0..=8] => self.skip_and_push(usize::from(length))?,
                [length] => return Err(corrupt(format!("pickle: integer of {length} bytes"))),
            },
            // BINUNICODE
            b'X' => {
                let length = u32::from_le_bytes(self.take()?);
                self.skip(length as usize)?;
                self.push(Cost { depth: 1, nodes: 1 + u64::from(length) / TEXT_NODE_BYTES })?;
            }
            // GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                check_global(module, name)?;
                self.push(LEAF)?;
            }
            // BINPERSID, TUPLE1 to TUPLE3
            b'Q' | 0x85 => self.wrap(1)?,
            0x86 => self.wrap(2)?,
            0x87 => self.wrap(3)?,
            // REDUCE, NEWOBJ, BUILD: one object of two
            b'R' | 0x81 | b'b' => self.wrap(2)?,
            // TUPLE
            b't' => {
                let content = self.pop_to_mark()?;
                self.push(wrapped(content))?;
            }
            // APPEND, SETITEM
            b'a' => self.absorb(1)?,
            b's' => self.absorb(2)?,
            // APPENDS, SETITEMS
            b'e' | b'u' => {
                let content = self.pop_to_mark()?;
                self.grow(content)?;
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
        Ok(false)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let (&head, rest) = self.rest.split_first_chunk().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(head)
    }

    fn skip(&mut self, count: usize) -> Result<(), CheckpointError> {
        self.rest = self.rest.get(count..).ok_or_else(ends_early)?;
        Ok(())
    }

    fn skip_and_push(&mut self, count: usize) -> Result<(), CheckpointError> {
        self.skip(count)?;
        self.push(LEAF)
    }

    fn line(&mut self) -> Result<&'a [u8], CheckpointError> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or_else(ends_early)?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(line)
    }

    fn pop(&mut self) -> Result<Cost, CheckpointError> {
        self.stack.pop().flatten().ok_or_else(|| corrupt("pickle: an object is missing"))
    }

    fn push(&mut self, cost: Cost) -> Result<(), CheckpointError> {
        if cost.depth > MAX_DEPTH {
            return Err(corrupt(format!("pickle: nested deeper than {MAX_DEPTH}")));
        }
        self.spend(1)?;
        self.stack.push(Some(cost));
        Ok(())
    }

    fn spend(&mut self, nodes: u64) -> Result<(), CheckpointError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(corrupt(format!("pickle: expands to more than {MAX_NODES} objects")));
        }
        Ok(())
    }

    /// The sum of the top `count` objects, taken off.
    fn pop_many(&mut self, count: usize) -> Result<Cost, CheckpointError> {
        (0..count).try_fold(Cost { depth: 0, nodes: 0 }, |sum, _| Ok(sum.and(self.pop()?)))
    }

    fn pop_to_mark(&mut self) -> Result<Cost, CheckpointError> {
        let mut sum = Cost { depth: 0, nodes: 0 };
        loop {
            match self.stack.pop() {
                Some(Some(cost)) => sum = sum.and(cost),
                Some(None) => return Ok(sum),
                None => return Err(corrupt("pickle: a mark is missing")),
            }
        }
    }

    /// Replaces the top `count` objects by one that holds them.
    fn wrap(&mut self, count: usize) -> Result<(), CheckpointError> {
        let content = self.pop_many(count)?;
        self.push(wrapped(content))
    }

    /// Moves the top `count` objects into the one below.
    fn absorb(&mut self, count: usize) -> Result<(), CheckpointError> {
        let content = self.pop_many(count)?;
        self.grow(content)
    }

    fn grow(&mut self, content: Cost) -> Result<(), CheckpointError> {
        let container = self.pop()?;
        let depth = container.depth.max(content.depth + 1);
        self.push(Cost { depth, nodes: container.nodes + content.nodes })
    }

    /// The reader copies what it puts into the memo.
    fn put(&mut self, id: u32) -> Result<(), CheckpointError> {
        let top = self.pop()?;
        self.spend(top.nodes)?;
        self.memo.insert(id, top);
        self.push(top)
    }

    /// The reader copies what it gets from the memo.
    fn get(&mut self, id: u32) -> Result<(), CheckpointError> {
        let cost = *self
            .memo
            .get(&id)
            .ok_or_else(|| corrupt(format!("pickle: nothing in memo slot {id}")))?;
        self.spend(cost.nodes)?;
        self.push(cost)
    }
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), nodes: self.nodes + other.nodes }
    }
}

fn wrapped(content: Cost) -> Cost {
    Cost { depth: content.depth + 1, nodes: content.nodes + 1 }
}

fn check_global(module: &[u8], name: &[u8]) -> Result<(), CheckpointError> {
    let known = GLOBALS.iter().any(|&(m, n)| (module, name) == (m.as_bytes(), n.as_bytes()));
    let storage = module == b"torch"
        && name.ends_with(b"Storage")
        && name.iter().all(u8::is_ascii_alphanumeric);
    if known || storage {
        return Ok(());
    }
    let shown = |text: &[u8]| text.get(..80).unwrap_or(text).escape_ascii().to_string();
    Err(CheckpointError::ForbiddenGlobal(format!("{}.{}", shown(module), shown(name))))
}

fn ends_early() -> CheckpointError {
    corrupt("pickle: ends early")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pickle: &[u8]) -> String {
        check(pickle).unwrap_err().to_string()
    }

    #[test]
    fn accepts_a_small_dict() {
        // {"a": (1, None)}
        check(b"\x80\x02}q\0X\x01\0\0\0aK\x01N\x86s.").unwrap();
    }

    #[test]
    fn refuses_objects_that_a_state_dict_does_not_name() {
        for global in ["os\nsystem", "builtins\neval", "torch\nload", "torch\nos.Storage"] {
            let pickle = [b"\x80\x02c", global.as_bytes(), b"\n."].concat();
            assert!(matches!(check(&pickle), Err(CheckpointError::ForbiddenGlobal(_))), "{global}");
        }
    }

    #[test]
    fn refuses_declared_lengths_beyond_the_file() {
        assert!(refused(b"\x80\x02X\xff\xff\xff\xffab.").contains("ends early"));
        assert!(refused(b"\x80\x02\x8a\xff\x01.").contains("255 bytes"));
    }

    #[test]
    fn refuses_what_grows_or_nests_without_end() {
        // Each round doubles the tuple by way of the memo.
        let mut doubling = b"\x80\x02)q\0".to_vec();
        for _ in 0..40 {
            doubling.extend(b"h\0\x86q\0");
        }
        assert!(refused(&doubling).contains("nested") || refused(&doubling).contains("expands"));
        // The same breadth first: appending a list's copy to itself adds no depth at first.
        let mut wide = b"\x80\x02]K\x01aq\0".to_vec();
        for round in 0..28 {
            wide.extend(b"]");
            for _ in 0..8 {
                wide.extend([b'h', round, b'a']);
            }
            wide.extend([b'q', round + 1]);
        }
        assert!(refused(&wide).contains("expands"));
        let deep = [b"\x80\x02)".as_slice(), &[0x85; 100_000], b"."].concat();
        assert!(refused(&deep).contains("nested deeper"));
    }

    #[test]
    fn refuses_stacks_that_do_not_balance() {
        for pickle in
            [b"\x80\x02.".as_slice(), b"\x80\x02\x86.", b"\x80\x02N(\x85.", b"u.", b"h\x05."]
        {
            let message = refused(pickle);
            assert!(message.contains("missing") || message.contains("memo"), "{message}");
        }
    }

    #[test]
    fn refuses_unknown_opcodes_and_protocols() {
        assert!(refused(b"\x80\x04N.").contains("protocol"));
        // DICT, which candle's reader mistakes for EMPTY_DICT.
        assert!(refused(b"\x80\x02(d.").contains("0x64"));
        assert!(refused(b"").contains("ends early"));
    }
}
