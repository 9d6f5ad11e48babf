//! Attention as an operation of ours.

use super::graph::integers_attribute;
use super::split::pool;
use rayon::prelude::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Attention, MapView, Scratch};

pub(super) const NAME: &str = "uniultra.Attention";

/// Where queries, keys or values are in a tensor; see [`MapView`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operand {
    pub(super) source: String,
    pub(super) columns: i64,
    pub(super) channels: i64,
    pub(super) first: i64,
    /// Rows and columns; no rows mean all.
    pub(super) window: [i64; 2],
}

impl Operand {
    /// All but the source, as an attribute.
    pub(super) fn place(&self) -> [i64; 5] {
        [self.columns, self.channels, self.first, self.window[0], self.window[1]]
    }
}

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let place = |name: &str| -> TractResult<[usize; 5]> {
        let values = integers_attribute(node, name).context("attribute of attention")?;
        let values: Vec<usize> =
            values.iter().map(|&value| usize::try_from(value)).collect::<Result<_, _>>()?;
        Ok(<[usize; 5]>::try_from(values.as_slice())?)
    };
    let op =
        AttentionOp { places: [place("q")?, place("k")?, place("v")?], sizes: place("sizes")? };
    Ok((expand(op), vec![]))
}

/// `q`, `k` and `v` to `[rows * columns, heads * dim_v]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AttentionOp {
    /// Columns, channels, first channel, rows and columns of a window.
    places: [[usize; 5]; 3],
    /// Heads, channels of a head, and of its values, rows and columns of the output. No rows: as
    /// many as the queries have.
    sizes: [usize; 5],
}

impl Expansion for AttentionOp {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3)?;
        check_output_arity(outputs, 1)?;
        let [heads, _, dim_v, rows, columns] = self.sizes;
        s.equals(&outputs[0].datum_type, f32::datum_type())?;
        s.equals(&outputs[0].rank, 2)?;
        s.equals(&outputs[0].shape[1], (heads * dim_v).to_dim())?;
        if rows > 0 {
            return s.equals(&outputs[0].shape[0], (rows * columns).to_dim());
        }
        s.given(&inputs[0].shape, move |s, shape| {
            s.equals(&outputs[0].shape[0], self.query_rows(&shape))
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for AttentionOp {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    op_as_typed_op!();
}

impl EvalOp for AttentionOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [q, k, v] = &inputs[..] else { bail!("attention: expected 3 inputs") };
        let [q, k, v] = [self.view(0, q)?, self.view(1, k)?, self.view(2, v)?];
        let [heads, dim, dim_v, rows, columns] = self.sizes;
        let rows = if rows == 0 { q.window[0] } else { rows };
        let attention = Attention::new([q, k, v], heads, [dim, dim_v], [rows, columns])?;
        let mut out = Tensor::zero::<f32>(&[rows * columns, heads * dim_v])?;
        let mut plain = out.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        match pool() {
            None => attention.run(&mut Scratch::default(), values)?,
            Some(pool) => {
                let compute = |scratch: &mut Scratch, task| {
                    attention.compute(task, scratch);
                    scratch.result().to_vec()
                };
                let results: Vec<Vec<f32>> = pool.install(|| {
                    let tasks = (0..attention.tasks()).into_par_iter();
                    tasks.with_min_len(8).map_init(Scratch::default, compute).collect()
                });
                for (task, result) in results.iter().enumerate() {
                    attention.place(task, result, values)?;
                }
            }
        }
        Ok(tvec!(out.into_tvalue()))
    }
}

impl AttentionOp {
    /// Rows of plain queries of this shape.
    fn query_rows(&self, shape: &[TDim]) -> TDim {
        let [_, channels, ..] = self.places[0];
        match shape {
            [rows, last] if *last == channels.to_dim() => rows.clone(),
            _ => shape.iter().product::<TDim>() / channels,
        }
    }

    fn view<'t>(&self, index: usize, tensor: &'t Tensor) -> TractResult<MapView<'t>> {
        let values = tensor.try_as_plain_ram()?.as_slice::<f32>()?;
        let [columns, channels, first, rows, window_columns] = self.places[index];
        let all = values.len().checked_div(columns * channels).unwrap_or(0);
        let rows = if rows == 0 { all } else { rows };
        Ok(MapView { values, columns, channels, first, window: [rows, window_columns] })
    }
}

impl TypedOp for AttentionOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.iter().all(|fact| fact.datum_type == f32::datum_type()));
        let [heads, _, dim_v, rows, columns] = self.sizes;
        let rows =
            if rows == 0 { self.query_rows(&inputs[0].shape) } else { (rows * columns).to_dim() };
        Ok(tvec!(f32::fact([rows, (heads * dim_v).to_dim()])))
    }

    as_op!();
}
