//! Attention as an operation of ours.

use super::graph::integers_attribute;
use super::recycle;
use super::split::{each, pool};
use rayon::prelude::*;
use std::cell::RefCell;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Attention, MapView, Scratch};

pub(super) const NAME: &str = "uniultra.Attention";
/// Attribute of an attention in 8-bit integers.
pub(super) const INTEGER: &str = "in_integers";

thread_local! {
    /// Buffers of a thread, as large as its largest attention needs, kept from frame to frame.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Where queries, keys or values are in a tensor; see [`MapView`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operand {
    pub(super) source: String,
    pub(super) columns: i64,
    pub(super) channels: i64,
    pub(super) first: i64,
    /// Rows and columns; no rows mean all.
    pub(super) window: [i64; 2],
    /// Rows of the map; none mean any number.
    pub(super) rows: i64,
}

impl Operand {
    /// All but the source, as an attribute.
    pub(super) fn place(&self) -> [i64; 6] {
        let [rows, columns] = self.window;
        [self.columns, self.channels, self.first, rows, columns, self.rows]
    }
}

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let op = AttentionOp {
        places: [numbers(node, "q")?, numbers(node, "k")?, numbers(node, "v")?],
        sizes: numbers(node, "sizes")?,
        in_integers: integers_attribute(node, INTEGER).is_some(),
    };
    Ok((expand(op), vec![]))
}

fn numbers<const N: usize>(node: &NodeProto, name: &str) -> TractResult<[usize; N]> {
    let values = integers_attribute(node, name).context("attribute of attention")?;
    let values = values.iter().map(|&value| usize::try_from(value));
    let values: Vec<usize> = values.collect::<Result<_, _>>()?;
    Ok(<[usize; N]>::try_from(values.as_slice())?)
}

/// `q`, `k` and `v` to `[rows * columns, heads * dim_v]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AttentionOp {
    /// Columns, channels, first channel, rows and columns of a window, rows.
    places: [[usize; 6]; 3],
    /// Heads, channels of a head, and of its values, rows and columns of the output. No rows: as
    /// many as the queries have.
    sizes: [usize; 5],
    in_integers: bool,
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
        let attention = if self.in_integers { attention.in_integers() } else { attention };
        let mut out = recycle::tensor(f32::datum_type(), &[rows * columns, heads * dim_v])?;
        let mut plain = out.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        let bands = attention.bands().count();
        match pool() {
            Some(pool) if bands < pool.current_num_threads() => {
                // Few queries: a head for each thread.
                let compute = |task| {
                    SCRATCH.with_borrow_mut(|scratch| {
                        attention.compute(task, scratch);
                        scratch.result().to_vec()
                    })
                };
                let results: Vec<Vec<f32>> = pool.install(|| {
                    let share = attention.tasks() / (8 * pool.current_num_threads());
                    let tasks = (0..attention.tasks()).into_par_iter();
                    tasks.with_min_len(share.max(1)).map(compute).collect()
                });
                for (task, result) in results.iter().enumerate() {
                    attention.place(task, result, values)?;
                }
            }
            _ => {
                let mut rest = values;
                let mut parts = Vec::with_capacity(bands);
                for len in attention.bands() {
                    let (part, after) = rest.split_at_mut(len);
                    parts.push(part);
                    rest = after;
                }
                each(&mut parts, |band, part| {
                    SCRATCH.with_borrow_mut(|scratch| Ok(attention.run_band(band, scratch, part)?))
                })?;
            }
        }
        recycle::recycle(inputs);
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
        let [columns, channels, first, rows, window_columns, _] = self.places[index];
        let all = values.len().checked_div(columns * channels).unwrap_or(0);
        let rows = if rows == 0 { all } else { rows };
        Ok(MapView { values, columns, channels, first, window: [rows, window_columns] })
    }
}

impl TypedOp for AttentionOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        for (fact, [columns, channels, .., rows]) in inputs.iter().zip(self.places) {
            let whole = rows == 0 || fact.shape.volume() == (rows * columns * channels).to_dim();
            ensure!(fact.datum_type == f32::datum_type() && whole, "attention on {fact:?}");
        }
        let [heads, _, dim_v, rows, columns] = self.sizes;
        let rows =
            if rows == 0 { self.query_rows(&inputs[0].shape) } else { (rows * columns).to_dim() };
        Ok(tvec!(f32::fact([rows, (heads * dim_v).to_dim()])))
    }

    /// Both products; softmax is not counted.
    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [q, k, _] = inputs else { bail!("attention: expected 3 inputs") };
        let [[_, q_channels, ..], [columns, channels, _, window_rows, window_columns, _], _] =
            self.places;
        let [heads, dim, dim_v, ..] = self.sizes;
        let integers =
            self.in_integers && Attention::fits_integers(window_rows * window_columns, dim);
        let kind = if integers { i8::datum_type() } else { f32::datum_type() };
        let window_rows = match window_rows {
            0 => k.shape.volume() / (columns * channels),
            rows => rows.to_dim(),
        };
        let queries = q.shape.volume() / q_channels;
        let products = queries * window_rows * window_columns * (heads * (dim + dim_v));
        Ok(tvec!((Cost::FMA(kind), products)))
    }

    as_op!();
}
