//! The f32 graph: an index over its tensors, the layers in it, and its int8 form.

mod equalize;
mod index;
mod layer;
mod rewrite;

pub(crate) use equalize::equalize;
pub(crate) use index::Index;
pub use layer::{FloatReason, LayerKind, NetworkKind};
pub(crate) use layer::{Layer, find_layers};
pub use rewrite::Crossings;
pub(crate) use rewrite::{Int8Layer, is_quantized, rewrite};
