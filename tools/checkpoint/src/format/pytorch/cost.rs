//! Limits the objects that a pickle can make its reader build.
//!
//! A pickle can refer to an object again through its memo, and the reader then copies the object. A
//! few hundred bytes could double an object thirty times. Nested objects are freed recursively, so
//! a hundred thousand levels would overflow the stack. Therefore every object carries its cost.

use super::corrupt;
use crate::CheckpointError;

/// Deepest nesting accepted. A nested state dict's tensors need seven levels.
const MAX_DEPTH: u32 = 32;

/// Most objects that reading may create or copy; SAM 2 large with CH-Adapters needs some 150,000.
const MAX_NODES: u64 = 2 << 20;

/// Bytes of text that cost as much as one object.
const TEXT_NODE_BYTES: u64 = 64;

/// The cost of copying and freeing an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    depth: u32,
    nodes: u64,
}

impl Cost {
    /// The cost of an object without others inside.
    pub(super) const LEAF: Self = Self { depth: 1, nodes: 1 };

    pub(super) fn text(length_bytes: usize) -> Self {
        Self { depth: 1, nodes: 1 + length_bytes as u64 / TEXT_NODE_BYTES }
    }

    /// The cost of two objects side by side.
    pub(super) fn and(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), nodes: self.nodes.saturating_add(other.nodes) }
    }

    /// The cost of an object that contains the present ones.
    pub(super) fn wrapped(self) -> Self {
        Self { depth: self.depth + 1, nodes: self.nodes.saturating_add(1) }
    }

    /// The cost of a container that takes in more objects.
    pub(super) fn grown(self, content: Self) -> Self {
        Self {
            depth: self.depth.max(content.depth + 1),
            nodes: self.nodes.saturating_add(content.nodes),
        }
    }
}

/// Objects created or copied so far.
#[derive(Debug, Default)]
pub(super) struct Budget(u64);

impl Budget {
    /// Pays for a new object.
    pub(super) fn create(&mut self, cost: Cost) -> Result<(), CheckpointError> {
        if cost.depth > MAX_DEPTH {
            return Err(corrupt(format!("pickle: nested deeper than {MAX_DEPTH}")));
        }
        self.spend(1)
    }

    /// Pays for a copy of an object and all it holds.
    pub(super) fn copy(&mut self, cost: Cost) -> Result<(), CheckpointError> {
        self.spend(cost.nodes)
    }

    fn spend(&mut self, nodes: u64) -> Result<(), CheckpointError> {
        self.0 = self.0.saturating_add(nodes);
        if self.0 > MAX_NODES {
            return Err(corrupt(format!("pickle: expands to more than {MAX_NODES} objects")));
        }
        Ok(())
    }
}
