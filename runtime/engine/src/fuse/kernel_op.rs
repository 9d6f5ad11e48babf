//! What the operations on f32 tensors with fixed sizes have in common, so that each says only what
//! is its own.

use super::graph::integers_attribute;
use super::recycle;
use std::fmt::Debug;
use std::sync::Arc;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// An operation from f32 tensors to one f32 tensor.
pub(super) trait KernelOp: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The name in a graph.
    const NAME: &'static str;

    /// Reads the attributes.
    fn read(node: &NodeProto) -> TractResult<Self>;

    /// How many inputs there are, and how many constants after them.
    fn arity(&self) -> [usize; 2];

    /// Takes the constants.
    fn bind(&mut self, constants: &[Arc<Tensor>]) -> TractResult<()> {
        ensure!(constants.is_empty(), "{}: expected no constants", Self::NAME);
        Ok(())
    }

    /// Brings the inputs, of the right number, to the form that [`run`](Self::run) reads. Their volume
    /// stays.
    fn adapt(&self, _: &str, _: &mut TypedModel, _: &mut [OutletId]) -> TractResult<()> {
        Ok(())
    }

    /// The shape of the output, or what is wrong with those of the inputs.
    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>>;

    /// Multiply-accumulates of the products, if that is where its work is.
    fn macs(&self) -> usize {
        0
    }

    /// Computes every value of `out`, which has that shape and holds anything.
    fn run(&self, inputs: &[&Tensor], shape: &[usize], out: &mut [f32]) -> TractResult<()>;
}

/// Reads a node of this operation.
pub(super) fn build<K: KernelOp>(node: &NodeProto) -> TractResult<Box<dyn InferenceOp>> {
    Ok(expand(Wired(K::read(node)?)))
}

/// An attribute of `N` sizes.
pub(super) fn sizes<const N: usize>(node: &NodeProto, name: &str) -> TractResult<[usize; N]> {
    let values = integers_attribute(node, name).context("sizes of an operation")?;
    let values = values.iter().map(|&value| usize::try_from(value));
    let values: Vec<usize> = values.collect::<Result<_, _>>()?;
    Ok(<[usize; N]>::try_from(values.as_slice())?)
}

/// The product of sizes, or the largest number if it is larger.
pub(super) fn product<'s>(sizes: impl Iterator<Item = &'s usize>) -> usize {
    sizes.fold(1, |product, &size| product.saturating_mul(size))
}

/// A shape of known sizes.
pub(super) fn fixed(sizes: &[usize]) -> TVec<TDim> {
    sizes.iter().map(|size| size.to_dim()).collect()
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

/// Constants packed for a kernel, once they are known.
#[derive(Clone, Debug)]
pub(super) struct Bound<T>(Option<Arc<T>>);

impl<T> Bound<T> {
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn to(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }

    pub(super) fn get(&self) -> TractResult<&T> {
        self.0.as_deref().context("an operation without its constants")
    }
}

impl<T> PartialEq for Bound<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

/// An operation as tract knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wired<K>(pub(super) K);

impl<K: KernelOp> Eq for Wired<K> {}

impl<K: KernelOp> Expansion for Wired<K> {
    fn name(&self) -> StaticName {
        K::NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let [variable, constant] = self.0.arity();
        check_input_arity(inputs, variable + constant)?;
        check_output_arity(outputs, 1)?;
        for input in inputs {
            s.equals(&input.datum_type, f32::datum_type())?;
        }
        s.equals(&outputs[0].datum_type, f32::datum_type())?;
        s.given_all(inputs[..variable].iter().map(|input| &input.shape), move |s, shapes| {
            s.equals(&outputs[0].shape, self.0.shape(&shapes)?)
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [variable, _] = self.0.arity();
        ensure!(inputs.len() >= variable, "{}: found {} inputs", K::NAME, inputs.len());
        let (inputs, constants) = inputs.split_at(variable);
        let constants = constants.iter().map(|&constant| -> TractResult<_> {
            let konst = model.outlet_fact(constant)?.konst.clone();
            konst.with_context(|| format!("{}: expected a constant", K::NAME))
        });
        let constants = constants.collect::<TractResult<Vec<_>>>()?;
        let mut op = self.0.clone();
        op.bind(&constants)?;
        let mut inputs: TVec<OutletId> = inputs.into();
        op.adapt(prefix, model, &mut inputs)?;
        model.wire_node(prefix, Wired(op), &inputs)
    }
}

impl<K: KernelOp> Op for Wired<K> {
    fn name(&self) -> StaticName {
        K::NAME.into()
    }

    op_as_typed_op!();
}

impl<K: KernelOp> EvalOp for Wired<K> {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shapes: Vec<TVec<TDim>> = inputs.iter().map(|input| fixed(input.shape())).collect();
        ensure!(shapes.len() == self.0.arity()[0], "{}: found {} inputs", K::NAME, shapes.len());
        let shape = self.0.shape(&shapes)?;
        let shape = shape.iter().map(|dim| Ok(dim.to_usize()?));
        let shape = shape.collect::<TractResult<TVec<_>>>()?;
        let tensors: Vec<&Tensor> = inputs.iter().map(|input| &**input).collect();
        let mut out = recycle::tensor(f32::datum_type(), &shape)?;
        self.0.run(&tensors, &shape, out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
        recycle::recycle(inputs);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl<K: KernelOp> TypedOp for Wired<K> {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == self.0.arity()[0], "{}: found {} inputs", K::NAME, inputs.len());
        for input in inputs {
            ensure!(input.datum_type == f32::datum_type(), "{}: found {input:?}", K::NAME);
        }
        let shapes: Vec<TVec<TDim>> = inputs.iter().map(|input| input.shape.to_tvec()).collect();
        Ok(tvec!(f32::fact(self.0.shape(&shapes)?)))
    }

    fn cost(&self, _: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(match self.0.macs() {
            0 => tvec!(),
            macs => tvec!((Cost::FMA(f32::datum_type()), macs.to_dim())),
        })
    }

    as_op!();
}
