//! Replaces chains of standard operations by operations of our own, when a graph is loaded.
//!
//! A pack holds nothing but standard ONNX; what runs here are a few chains of it that decide how
//! long a frame takes, each as one operation on the kernels of `uniultra-kernels`. The chains are
//! looked for in the decoded file, after it was vetted: names of our operations in a file are
//! refused there. Where a chain is not exactly as expected, it stays as it is.
//!
//! A matcher puts its operation where the chain's last node was and leaves the others; whatever
//! nothing reads afterwards is dropped. So a value that something else reads too is still there.

mod attention;
mod attention_op;
mod edges;
mod gelu;
mod graph;
mod kernel_op;
mod layer;
mod linear;
mod linear_op;
mod masks;
mod norm;
mod padding;
mod patches;
mod planes;
mod pool;
mod quantize;
mod recycle;
mod split;
#[cfg(test)]
mod tests;
mod tokens;

use graph::Chains;
use kernel_op::{KernelOp, build};
use tract_onnx::Onnx;
use tract_onnx::pb::GraphProto;

/// Rewrites a vetted graph; the attention of windows in 8-bit integers, if `integer_attention`.
pub(crate) fn fuse(graph: &mut GraphProto, integer_attention: bool) {
    let mut chains = Chains::of(std::mem::take(graph));
    attention::replace(&mut chains, integer_attention);
    patches::replace(&mut chains);
    planes::replace(&mut chains);
    tokens::replace(&mut chains);
    linear::replace(&mut chains);
    // What was replaced reads nothing any more.
    chains = Chains::of(chains.into_graph());
    masks::replace(&mut chains);
    // Knows the sizes of maps that layers have padded.
    pool::replace(&mut chains);
    norm::replace(&mut chains);
    gelu::replace(&mut chains);
    quantize::replace(&mut chains);
    *graph = chains.into_graph();
}

/// Makes our operations known to the reader of graphs.
pub(crate) fn register(onnx: &mut Onnx) {
    let register = &mut onnx.op_register;
    register.insert(attention_op::NAME, attention_op::build);
    register.insert(linear_op::REAL, linear_op::build);
    register.insert(linear_op::INTEGER, linear_op::build);
    register.insert(masks::NAME, masks::build);
    register.insert(norm::NAME, norm::build);
    register.insert(quantize::NAME, quantize::build);
    add::<patches::PatchesOp>(onnx);
    add::<edges::EdgeMapOp>(onnx);
    add::<edges::MagnitudeOp>(onnx);
    add::<edges::PoolOp>(onnx);
    add::<pool::PoolTokensOp>(onnx);
    add::<planes::PlanesOp>(onnx);
    add::<tokens::TokensOp>(onnx);
    add::<gelu::GeluOp>(onnx);
}

fn add<K: KernelOp>(onnx: &mut Onnx) {
    onnx.op_register.insert(K::NAME, |_, node| Ok((build::<K>(node)?, vec![])));
}
