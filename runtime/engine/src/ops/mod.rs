//! The runtime's own operations: each is a few standard ones, on the kernels of `uniultra-kernels`.
//!
//! Patterns put them into a graph as nodes named `uniultra.*`, with what they are told as attributes;
//! tract's reader makes them of these nodes. An operation implements [`KernelOp`].

pub(crate) mod attention;
mod attributes;
pub(crate) mod edge_magnitude;
pub(crate) mod edge_map;
pub(crate) mod gelu;
pub(crate) mod linear;
pub(crate) mod masks;
pub(crate) mod norm;
mod op;
mod padding;
pub(crate) mod patches;
pub(crate) mod planes;
pub(crate) mod pool_map;
pub(crate) mod pool_tokens;
pub(crate) mod quantize;
mod recycle;
mod share;
pub(crate) mod tokens;

pub(crate) use attributes::Attributes;
pub(crate) use op::KernelOp;
pub(crate) use padding::Padding;

use tract_onnx::Onnx;

/// Makes the operations known to the reader of graphs.
pub(crate) fn register(onnx: &mut Onnx) {
    add::<attention::Attention>(onnx);
    add::<linear::Linear>(onnx);
    add::<masks::Masks>(onnx);
    add::<patches::Patches>(onnx);
    add::<edge_map::EdgeMap>(onnx);
    add::<edge_magnitude::EdgeMagnitude>(onnx);
    add::<pool_map::PoolMap>(onnx);
    add::<pool_tokens::PoolTokens>(onnx);
    add::<planes::Planes>(onnx);
    add::<tokens::Tokens>(onnx);
    add::<norm::LayerNorm>(onnx);
    add::<gelu::Gelu>(onnx);
    add::<quantize::Quantize>(onnx);
}

fn add<K: KernelOp>(onnx: &mut Onnx) {
    for name in K::NAMES {
        onnx.op_register.insert(name, |_, node| Ok((op::build::<K>(node)?, vec![])));
    }
}
