//! What all operations have in common, so that each says only what is its own: [`KernelOp`] is what an
//! operation implements, and here are tract's traits for all that do.

use super::attributes::Attributes;
use super::recycle;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use tract_onnx::pb::{AttributeProto, NodeProto};
use tract_onnx::tract_hir::internal::*;

/// An operation on one of the kernels, from tensors to one tensor. The fields of what implements it are
/// what the operation is told beside its inputs.
pub(crate) trait KernelOp:
    Attributes + Clone + Debug + PartialEq + Send + Sync + 'static
{
    /// Constants as the kernel wants them, made once.
    type Packed: Debug + Send + Sync + 'static;

    /// The names in a graph that are read as this operation.
    const NAMES: &'static [&'static str];

    /// The name of this one.
    fn name(&self) -> &'static str {
        Self::NAMES.first().copied().unwrap_or_default()
    }

    /// How many inputs there are, and how many constants after them.
    fn arity(&self) -> Arity;

    /// The type of an input.
    fn input_type(&self, _index: usize) -> DatumType {
        f32::datum_type()
    }

    fn output_type(&self) -> DatumType {
        f32::datum_type()
    }

    /// The shape of the output, or what is wrong with those of the inputs.
    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>>;

    /// Packs the constants, of the right number.
    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Self::Packed>;

    /// Brings the inputs to the form that [`run`](Self::run) reads; their number and types stay, and so
    /// does the output's shape.
    fn adapt(&self, _: &str, _: &mut TypedModel, _: &mut [OutletId]) -> TractResult<()> {
        Ok(())
    }

    /// Multiply-accumulates of the products and bytes of packed weights, for `profile`; nothing where
    /// the work is elsewhere.
    fn cost(&self, _inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(tvec!())
    }

    /// Computes every value of `out`, which has the output's type and shape and holds anything.
    fn run(&self, packed: &Self::Packed, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()>;

    /// All that the operation is told, as attributes of a node.
    fn attributes(&self) -> Vec<AttributeProto> {
        let mut attributes = Vec::new();
        self.write("", &mut attributes);
        attributes
    }
}

/// How many inputs an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arity {
    /// What it reads whenever it runs.
    pub(crate) inputs: usize,
    /// What it packs once. They follow the inputs.
    pub(crate) constants: usize,
}

/// Reads a node of this operation.
pub(super) fn build<K: KernelOp>(node: &NodeProto) -> TractResult<Box<dyn InferenceOp>> {
    Ok(expand(Unpacked(K::read("", node)?)))
}

/// An operation whose constants are not packed yet.
#[derive(Clone, Debug)]
struct Unpacked<K>(K);

impl<K: KernelOp> Expansion for Unpacked<K> {
    fn name(&self) -> StaticName {
        Cow::Borrowed(self.0.name())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let Arity { inputs: count, constants } = self.0.arity();
        check_input_arity(inputs, count + constants)?;
        check_output_arity(outputs, 1)?;
        for (index, input) in inputs[..count].iter().enumerate() {
            s.equals(&input.datum_type, self.0.input_type(index))?;
        }
        s.equals(&outputs[0].datum_type, self.0.output_type())?;
        s.given_all(inputs[..count].iter().map(|input| &input.shape), move |s, shapes| {
            s.equals(&outputs[0].shape, self.0.shape(&shapes)?)
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let (op, name) = (&self.0, self.0.name());
        let Arity { inputs: count, constants } = op.arity();
        ensure!(inputs.len() == count + constants, "{name}: found {} inputs", inputs.len());
        let (inputs, constants) = inputs.split_at(count);
        let constants = constants.iter().map(|&constant| -> TractResult<_> {
            let konst = model.outlet_fact(constant)?.konst.clone();
            konst.with_context(|| format!("{name}: expected a constant"))
        });
        let packed = Arc::new(op.pack(&constants.collect::<TractResult<Vec<_>>>()?)?);
        let mut inputs: TVec<OutletId> = inputs.into();
        op.adapt(prefix, model, &mut inputs)?;
        model.wire_node(prefix, Ready { op: op.clone(), packed }, &inputs)
    }
}

/// An operation that can run.
#[derive(Debug)]
struct Ready<K: KernelOp> {
    op: K,
    packed: Arc<K::Packed>,
}

impl<K: KernelOp> Clone for Ready<K> {
    fn clone(&self) -> Self {
        Self { op: self.op.clone(), packed: Arc::clone(&self.packed) }
    }
}

impl<K: KernelOp> PartialEq for Ready<K> {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && Arc::ptr_eq(&self.packed, &other.packed)
    }
}

impl<K: KernelOp> Eq for Ready<K> {}

impl<K: KernelOp> Op for Ready<K> {
    fn name(&self) -> StaticName {
        Cow::Borrowed(self.op.name())
    }

    op_as_typed_op!();
}

impl<K: KernelOp> EvalOp for Ready<K> {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let name = self.op.name();
        ensure!(inputs.len() == self.op.arity().inputs, "{name}: found {} inputs", inputs.len());
        let shapes: Vec<TVec<TDim>> = inputs.iter().map(|input| fixed(input.shape())).collect();
        let shape = self.op.shape(&shapes)?;
        let shape = shape.iter().map(|dim| Ok(dim.to_usize()?));
        let shape = shape.collect::<TractResult<TVec<_>>>()?;
        let tensors: Vec<&Tensor> = inputs.iter().map(|input| &**input).collect();
        let mut out = recycle::tensor(self.op.output_type(), &shape)?;
        self.op.run(&self.packed, &tensors, &mut out)?;
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl<K: KernelOp> TypedOp for Ready<K> {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let name = self.op.name();
        ensure!(inputs.len() == self.op.arity().inputs, "{name}: found {} inputs", inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            ensure!(input.datum_type == self.op.input_type(index), "{name}: found {input:?}");
        }
        Ok(tvec!(self.op.output_type().fact(self.op.shape(&shapes(inputs))?)))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        self.op.cost(&shapes(inputs))
    }

    as_op!();
}

fn shapes(inputs: &[&TypedFact]) -> Vec<TVec<TDim>> {
    inputs.iter().map(|input| input.shape.to_tvec()).collect()
}

/// A shape of known sizes.
pub(super) fn fixed(sizes: &[usize]) -> TVec<TDim> {
    sizes.iter().map(|size| size.to_dim()).collect()
}

/// The product of sizes, or the largest number if it is larger.
pub(super) fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// Refuses an input of another number of values than its sizes say.
pub(super) fn ensure_volume(what: &str, shape: &[TDim], sizes: &[usize]) -> TractResult<()> {
    let volume = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    let expected = volume.with_context(|| format!("{what}: {sizes:?}"))?.to_dim();
    let found: TDim = shape.iter().product();
    ensure!(found == expected, "{what}: expected {sizes:?}, found {shape:?}");
    Ok(())
}

/// The values of an f32 tensor.
pub(super) fn values(tensor: &Tensor) -> TractResult<&[f32]> {
    tensor.try_as_plain_ram()?.as_slice::<f32>()
}

/// Multiply-accumulates of f32.
pub(super) fn real_macs(count: impl ToDim) -> TVec<(Cost, TDim)> {
    tvec!((Cost::FMA(f32::datum_type()), count.to_dim()))
}
