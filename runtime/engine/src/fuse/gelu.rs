//! GELU that no other operation takes.

use super::graph::{Chains, operation};
use super::kernel_op::{KernelOp, values};
use super::linear::function;
use super::split::by_rows;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Activation, gelu};

/// Values that are a row to the threads.
const ROW: usize = 256;

pub(super) fn replace(chains: &mut Chains) {
    for output in chains.outputs_of("Gelu") {
        let node = chains.producer(&output, "Gelu").and_then(|node| {
            let input = node.input.first().filter(|_| function(node) == Some(Activation::Gelu))?;
            Some(operation(GeluOp::NAME, vec![input.clone()], &output, vec![]))
        });
        if let Some(node) = node {
            chains.replace(node);
        }
    }
}

/// Of any shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GeluOp;

impl KernelOp for GeluOp {
    const NAME: &'static str = "uniultra.Gelu";

    fn read(_: &NodeProto) -> TractResult<Self> {
        Ok(Self)
    }

    fn arity(&self) -> [usize; 2] {
        [1, 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        Ok(inputs[0].clone())
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let x = values(inputs[0])?;
        by_rows(out, ROW, |first, out| {
            out.copy_from_slice(&x[first * ROW..][..out.len()]);
            gelu(out);
            Ok(())
        })
    }
}
