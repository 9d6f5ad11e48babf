//! Linear layers: a product with constant weights and a bias, with what is added to it, an activation,
//! quantization before and after, or the padding of the map that it makes.

use super::graph::Graph;
use super::pattern::{Check, Match, Step, either, node, reshape};
use super::{Choices, Fused, activation, fused, quantize};
use crate::ops::linear::{Linear, ResidualKind};
use crate::ops::{Attributes, Padding};
use tract_onnx::pb::tensor_proto::DataType;

/// In f32. A product of constants alone is left to tract, which computes it once.
const REAL: &[Step] = &[
    node("product", "MatMul", &["x", "weight"], &[]),
    Step::Computed("x"),
    Step::Floats("weight", "k n"),
    either("sum", "Add", ["product", "bias"]),
    Step::Floats("bias", "n"),
];

/// In int8, of which the sums of 32 bits become f32 by a scale for each column.
const INTEGER: &[Step] = &[
    node("product", "MatMulInteger", &["x", "weight"], &[]),
    Step::Int8("weight", "k n"),
    node("real", "Cast", &["product"], &[Check::Integer("to", 0, &[DataType::Float as i64])]),
    either("scaled", "Mul", ["real", "scale"]),
    Step::Floats("scale", "n"),
    either("sum", "Add", ["scaled", "bias"]),
    Step::Floats("bias", "n"),
];

/// Something computed is added. A constant is not, as it might be of any shape.
const ADDED: &[Step] = &[either("added", "Add", ["sum", "residual"]), Step::Computed("residual")];

/// What is added is itself the sum of something and of the edges: a factor for each row times one for
/// each column. Only if nothing else reads it is it not made.
const WITH_EDGES: &[Step] = &[
    Step::Reads("residual", 1),
    either("residual", "Add", ["values", "edges"]),
    Step::Reads("edges", 1),
    either("edges", "Mul", ["rows", "columns"]),
    reshape("rows", "_", "_ 1"),
    Step::Floats("columns", "1 n"),
];

/// The output as a map that the same constant pads to the right and below.
const PADDED: &[Step] = &[
    reshape("map", "sum", "rows columns n"),
    node("wide", "Concat", &["map", "right"], &[Check::Integer("axis", 0, &[1])]),
    node("padded", "Concat", &["wide", "below"], &[Check::Integer("axis", -1, &[0])]),
    node("right", "Expand", &["vector", "_"], &[Check::List(1, "rows more_columns n")]),
    node("below", "Expand", &["vector", "_"], &[Check::List(1, "more_rows all_columns n")]),
    Step::Floats("vector", "1 1 n"),
    Step::Below(1 << 12, "rows columns n more_rows more_columns"),
];

/// From a `MatMul`.
pub(super) fn real(graph: &Graph, product: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "product", product).and(REAL)?;
    layer(graph, &found, found.value("x")?, None)
}

/// From a `MatMulInteger`.
pub(super) fn integer(graph: &Graph, product: &str, _: Choices) -> Option<Fused> {
    let found = Match::new(graph, "product", product).and(INTEGER)?;
    let int8 = found.value("x")?;
    if graph.producer(int8, "QuantizeLinear").is_none() {
        // Only a layer that was found before is known to give int8 with the zero point 0.
        let before = Linear::read("", graph.producer(int8, Linear::INTEGER)?).ok()?;
        before.output_scale?;
        return layer(graph, &found, int8, None);
    }
    let (scale, x) = quantize::before(graph, int8)?;
    // Where other layers read the int8 values, too, they are made once for all.
    let own = graph.reads(int8) == 1;
    layer(graph, &found, if own { x } else { int8 }, own.then_some(scale))
}

/// The layer that was `found`, with what follows its sum.
fn layer(graph: &Graph, found: &Match<'_>, x: &str, input_scale: Option<f32>) -> Option<Fused> {
    let [inputs, outputs] = found.sizes(["k", "n"])?;
    // The sum with a single column would repeat it.
    let added = found.and(ADDED).filter(|_| outputs > 1);
    let edges = added.as_ref().and_then(|added| added.and(WITH_EDGES));
    let sum = added.as_ref().map_or(found.value("sum"), |added| added.value("added"))?;
    let (activation, mut output) = activation::follow(graph, sum);
    let integer = found.has("scale");
    let mut op = Linear {
        integer,
        inputs,
        outputs,
        residual: ResidualKind::None,
        activation,
        input_scale,
        output_scale: None,
        padding: None,
    };
    if integer && let Some((step, int8)) = quantize::after(graph, output) {
        (op.output_scale, output) = (Some(step), int8);
    }
    let mut names = vec![x];
    if let Some(edges) = edges {
        op.residual = ResidualKind::WithProduct;
        names.extend(edges.values(["values", "rows", "columns"])?);
    } else if let Some(added) = added {
        op.residual = ResidualKind::Values;
        names.push(added.value("residual")?);
    }
    names.push(found.value("weight")?);
    names.extend(found.value("scale"));
    names.push(found.value("bias")?);
    if op.residual == ResidualKind::None
        && op.output_scale.is_none()
        && let Some((padding, vector, padded)) = padding(graph, output, found.size("n")?)
    {
        op.padding = Some(padding);
        names.push(vector);
        output = padded;
    }
    Some(fused(&op, names, output))
}

/// How the map of a layer of `n` outputs is padded, by which constant, and the padded map.
fn padding<'g>(graph: &'g Graph, output: &'g str, n: i64) -> Option<(Padding, &'g str, &'g str)> {
    let found = Match::new(graph, "sum", output).with_size("n", n).and(PADDED)?;
    let names = ["rows", "columns", "more_rows", "more_columns", "all_columns"];
    let [rows, columns, more_rows, more_columns, padded_columns] = found.sizes(names)?;
    let padding = Padding { rows, columns, padded_rows: rows + more_rows, padded_columns };
    let [vector, padded] = found.values(["vector", "padded"])?;
    (padded_columns == columns + more_columns).then_some((padding, vector, padded))
}
