//! The patch embedding with its position, from the image to tokens.

use super::graph::{Graph, node as plain_node};
use super::pattern::{Check, Match, Step, either, node, transpose};
use super::{Choices, Fused, edges, fused};
use crate::ops::patches::{Pair, Patches};

/// A convolution of the image by windows of one size and step, with as many zeros on opposite sides, and
/// the sum with a position.
const EMBEDDED: &[Step] = &[
    node(
        "planes",
        "Conv",
        &["image", "weight", "bias"],
        &[
            Check::Integers("kernel_shape", "kernel_y kernel_x"),
            Check::Integers("strides", "stride_y stride_x"),
            Check::Integers("pads", "padding_y padding_x padding_y padding_x"),
            Check::NoOthers(&["kernel_shape", "strides", "pads"]),
        ],
    ),
    Step::Floats("weight", "outputs channels kernel_y kernel_x"),
    Step::Floats("bias", "outputs"),
    Step::Input("image", "1 channels height width"),
    Step::Below(1 << 14, "outputs channels height width kernel_y kernel_x stride_y stride_x"),
    either("map", "Add", ["planes", "position"]),
];

/// The position follows from constants: it is one, or `rows * (core * columns)`.
const CONSTANT: &[Step] = &[Step::Floats("position", "1 outputs rows columns")];
const INTERPOLATED: &[Step] = &[
    node("position", "MatMul", &["down", "right"], &[]),
    node("right", "MatMul", &["core", "across"], &[]),
    Step::Floats("down", "rows core_rows"),
    Step::Floats("core", "1 outputs core_rows core_columns"),
    Step::Floats("across", "core_columns columns"),
];

const TO_TOKENS: &[Step] = &[transpose("tokens", "map", "0 2 3 1")];

/// From a `Conv`. The fused operation does not produce the map as planes, so the pattern must know all its
/// readers: one move to tokens, and the convolutions of edge maps, which then read the tokens.
pub(super) fn find(graph: &Graph, planes: &str, _: Choices) -> Option<Fused> {
    let embedded = Match::new(graph, "planes", planes).and(EMBEDDED)?;
    let found = embedded.and(CONSTANT).or_else(|| embedded.and(INTERPOLATED))?;
    let names = ["outputs", "channels", "height", "width", "rows", "columns"];
    let [outputs, channels, height, width, rows, columns] = found.sizes(names)?;
    let pair = |names| found.sizes(names).map(|[y, x]| Pair { y, x });
    let kernel = pair(["kernel_y", "kernel_x"])?;
    let stride = pair(["stride_y", "stride_x"])?;
    let padding = pair(["padding_y", "padding_x"])?;
    let along = |size: usize, kernel: usize, stride: usize, padding: usize| {
        Some(size.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)? / stride + 1)
    };
    let whole = along(height, kernel.y, stride.y, padding.y) == Some(rows)
        && along(width, kernel.x, stride.x, padding.x) == Some(columns)
        && padding.y.max(padding.x) < 1 << 14;
    if !whole {
        return None;
    }
    let map = found.value("map")?;
    let mut tokens = None;
    for reader in graph.readers(map)? {
        let output = reader.output.first()?;
        match reader.op_type.as_str() {
            "Transpose" if tokens.is_none() => {
                Match::new(graph, "tokens", output).and(TO_TOKENS)?;
                tokens = Some(output);
            }
            "Conv" => {
                edges::edges_of(graph, output, found.size("outputs")?)?;
            }
            _ => return None,
        }
    }
    let op = Patches { outputs, channels, height, width, rows, columns, kernel, stride, padding };
    let inputs = found.values(["image", "position", "weight", "bias"])?;
    let mut nodes = fused(&op, inputs, map);
    nodes.push(plain_node("Identity", [map], tokens?, vec![]));
    Some(nodes)
}
