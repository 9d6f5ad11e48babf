//! Finds attention: `MatMul`, `Softmax`, `MatMul` and the layout moves around them.
//!
//! Two forms: windows of a map (image encoder), whose tokens travel as
//! `[n, w, n, w, parts, heads, d]`, and plain rows (mask decoder), `[rows, heads, d]`.

use super::attention_op::{INTEGER, NAME, Operand};
use super::graph::{Chains, integer_attribute, integers, operation};

/// Sizes of a map, a head and so on: whatever is larger is no attention, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 12;

/// Replaces what it finds; that of windows in 8-bit integers, if `in_integers`.
pub(super) fn replace(chains: &mut Chains, in_integers: bool) {
    for softmax in chains.outputs_of("Softmax") {
        let found = windowed(chains, &softmax, in_integers);
        if let Some(node) = found.or_else(|| plain(chains, &softmax)) {
            chains.replace(node);
        }
    }
}

/// What is read and written, as names: queries, transposed keys, values, and the sum.
struct Core<'a> {
    q: &'a str,
    keys: &'a str,
    v: &'a str,
    attended: &'a str,
}

fn core<'a>(chains: &'a Chains, softmax: &'a str, rank: i64) -> Option<Core<'a>> {
    let node = chains.producer(softmax, "Softmax")?;
    let axis = integer_attribute(node, "axis").unwrap_or(-1);
    let scores = node.input.first().filter(|_| axis == -1 || axis == rank - 1)?;
    chains.reader_of(scores, "Softmax")?;
    let [q, keys] = chains.producer(scores, "MatMul")?.input.as_slice() else { return None };
    let last = chains.reader_of(softmax, "MatMul")?;
    let ([weights, v], [attended]) = (last.input.as_slice(), last.output.as_slice()) else {
        return None;
    };
    (weights == softmax).then_some(Core { q, keys, v, attended })
}

/// Attention in the windows of a map.
fn windowed(
    chains: &Chains,
    softmax: &str,
    in_integers: bool,
) -> Option<tract_onnx::pb::NodeProto> {
    let core = core(chains, softmax, 4)?;
    let (k, perm) = chains.transpose(core.keys)?;
    if perm != [0, 1, 3, 2] {
        return None;
    }
    let (q, v) = (window_part(chains, core.q)?, window_part(chains, core.v)?);
    let k = window_part(chains, k)?;
    let same_grid = q.grid == k.grid && k.grid == v.grid && k.operand.window == v.operand.window;
    if !same_grid || [q.heads, q.dim] != [k.heads, k.dim] || v.heads != k.heads {
        return None;
    }

    // Back to a map: [ny, nx, heads, wy, wx, d] to [ny, wy, nx, wx, heads, d], cropped.
    let split = chains.reader_of(core.attended, "Reshape")?;
    let (_, shape) = chains.reshape_node(split)?;
    let ([ny, nx], [wy, wx]) = (q.grid, q.operand.window);
    if shape != [ny, nx, q.heads, wy, wx, v.dim] {
        return None;
    }
    let moved = chains.reader_of(split.output.first()?, "Transpose")?;
    if chains.transpose(moved.output.first()?)?.1 != [0, 3, 1, 4, 2, 5] {
        return None;
    }
    let map = chains.reader_of(moved.output.first()?, "Reshape")?;
    let channels = q.heads * v.dim;
    let mut size = [ny * wy, nx * wx];
    if chains.reshape_node(map)?.1 != [size[0], size[1], channels] {
        return None;
    }
    let mut last = map;
    while let Some(crop) = chains.reader_of(last.output.first()?, "Slice") {
        let (_, [axis, start, end]) = chains.slice_node(crop)?;
        let extent = size.get_mut(usize::try_from(axis).ok()?)?;
        if start != 0 || end < 1 || end > *extent {
            return None;
        }
        *extent = end;
        last = crop;
    }
    let tokens = chains.reader_of(last.output.first()?, "Reshape")?;
    if chains.reshape_node(tokens)?.1 != [size[0] * size[1], channels] {
        return None;
    }
    let sizes = [q.heads, q.dim, v.dim, size[0], size[1]];
    let mut node = fused([q.operand, k.operand, v.operand], sizes, tokens.output.first()?);
    if in_integers {
        node.attribute.push(integers(INTEGER, &[1]));
    }
    Some(node)
}

/// Attention over plain rows.
fn plain(chains: &Chains, softmax: &str) -> Option<tract_onnx::pb::NodeProto> {
    let core = core(chains, softmax, 3)?;
    let rows = |value: &str, perm: &[i64]| {
        let (split, found) = chains.transpose(value)?;
        let (source, shape) = chains.reshape(split)?;
        let [-1, heads, dim] = shape[..] else { return None };
        if !SIZES.contains(&heads) || !SIZES.contains(&dim) {
            return None;
        }
        let operand = Operand {
            source: source.to_string(),
            columns: 1,
            channels: heads * dim,
            first: 0,
            window: [0, 1],
            rows: 0,
        };
        (found == perm).then_some((operand, [heads, dim]))
    };
    let (q, size) = rows(core.q, &[1, 0, 2])?;
    let (k, k_size) = rows(core.keys, &[1, 2, 0])?;
    let (v, [v_heads, v_dim]) = rows(core.v, &[1, 0, 2])?;
    if size != k_size || v_heads != size[0] {
        return None;
    }
    let moved = chains.reader_of(core.attended, "Transpose")?;
    if chains.transpose(moved.output.first()?)?.1 != [1, 0, 2] {
        return None;
    }
    let joined = chains.reader_of(moved.output.first()?, "Reshape")?;
    if chains.reshape_node(joined)?.1 != [-1, v_heads * v_dim] {
        return None;
    }
    Some(fused([q, k, v], [size[0], size[1], v_dim, 0, 1], joined.output.first()?))
}

fn fused(operands: [Operand; 3], sizes: [i64; 5], output: &str) -> tract_onnx::pb::NodeProto {
    let names = ["q", "k", "v"];
    let mut attributes: Vec<_> =
        names.iter().zip(&operands).map(|(name, o)| integers(name, &o.place())).collect();
    attributes.push(integers("sizes", &sizes));
    operation(NAME, operands.map(|operand| operand.source).to_vec(), output, attributes)
}

/// One of queries, keys and values in the windows of a map.
struct WindowPart {
    operand: Operand,
    /// Windows down and across.
    grid: [i64; 2],
    heads: i64,
    dim: i64,
}

/// Follows `[windows, heads, tokens, d]` back to the map it was cut from.
fn window_part(chains: &Chains, value: &str) -> Option<WindowPart> {
    let (mut grouped, shape) = chains.reshape(value)?;
    let mut part = 0..i64::MAX;
    if let Some((whole, [axis, start, end])) = chains.slice(grouped) {
        if axis != 0 || start < 0 || end != start + 1 {
            return None;
        }
        (grouped, part) = (whole, start..end);
    }
    let (moved, grouped_shape) = chains.reshape(grouped)?;
    let (split, perm) = chains.transpose(moved)?;
    let (source, split_shape) = chains.reshape(split)?;
    let [ny, wy, nx, wx, parts, heads, dim] = split_shape[..] else { return None };
    let sizes = [ny, wy, nx, wx, parts, heads, dim];
    let sound = sizes.iter().all(|size| SIZES.contains(size))
        && perm == [4, 0, 2, 5, 1, 3, 6]
        && grouped_shape == [parts, ny * nx, heads, wy * wx, dim]
        && shape == [ny * nx, heads, wy * wx, dim]
        && (part.end <= parts || (part.end == i64::MAX && parts == 1));
    if !sound {
        return None;
    }
    let mut operand = Operand {
        source: source.to_string(),
        columns: nx * wx,
        channels: parts * heads * dim,
        first: part.start * heads * dim,
        window: [wy, wx],
        rows: ny * wy,
    };
    // The map itself may be some channels of a wider one.
    if let Some((whole, [2, start, end])) = chains.slice(source)
        && let Some((_, wide)) = chains.reshape(whole)
        && let [rows, columns, channels] = wide[..]
        && [rows, columns] == [ny * wy, nx * wx]
        && 0 <= start
        && end <= channels
        && end - start == operand.channels
    {
        operand.source = whole.to_string();
        operand.channels = channels;
        operand.first += start;
    }
    Some(WindowPart { operand, grid: [ny, nx], heads, dim })
}
