//! 2x2 max-pooling of a map of tokens, which graphs have as maxima of contiguous halves.

use super::graph::{Chains, integers, integers_attribute, operation};
use super::kernel_op::{KernelOp, ensure_volume, fixed, sizes, values};
use super::layer::PADDING;
use super::linear_op::{INTEGER, REAL};
use super::split::by_parts;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::max_pool_tokens;

/// Sizes of a map and its channels: whatever is larger is none, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 12;
/// Rows of the result that are worth a thread's attention.
const MIN_ROWS: usize = 4;

pub(super) fn replace(chains: &mut Chains) {
    for largest in chains.outputs_of("Max") {
        if let Some(node) = find(chains, &largest) {
            chains.replace(node);
        }
    }
}

fn find(chains: &Chains, largest: &str) -> Option<NodeProto> {
    // Pairs of pixels, of the maxima of pairs of rows.
    let (rows_largest, [pixels, 2, channels]) = pairs(chains, largest)? else { return None };
    let (map, [half, 2, line]) = pairs(chains, rows_largest)? else { return None };
    let last = chains.reader_of(largest, "Reshape")?;
    let [half_rows, half_columns, width] = chains.reshape_node(last)?.1[..] else { return None };
    let sizes = [half_rows, half_columns, channels];
    let sound = sizes.iter().all(|size| SIZES.contains(size))
        && width == channels
        && half == half_rows
        && pixels == half_rows * half_columns
        && line == 2 * half_columns * channels;
    if !sound {
        return None;
    }
    // The map may be some channels of a wider one, whose width is found where it was shaped.
    let map_size = [2 * half_rows, 2 * half_columns];
    let (source, width, first) = match chains.slice(map) {
        Some((whole, [2, start, end])) => {
            let [rows, columns, wide] = map_shape(chains, whole)?;
            let inside = [rows, columns] == map_size
                && SIZES.contains(&wide)
                && (0..end).contains(&start)
                && end <= wide
                && end - start == channels;
            (whole, Some(wide).filter(|_| inside)?, start)
        }
        _ => (map, channels, 0),
    };
    let attributes = vec![
        integers("sizes", &[half_rows, half_columns, width]),
        integers("part", &[first, channels]),
    ];
    Some(operation(PoolTokensOp::NAME, vec![source.to_string()], last.output.first()?, attributes))
}

/// Rows, columns and channels of a map, where a `Reshape` or a layer's padding says them.
fn map_shape(chains: &Chains, map: &str) -> Option<[i64; 3]> {
    if let Some((_, shape)) = chains.reshape(map) {
        return shape.try_into().ok();
    }
    let layer = |name| chains.producer(map, name).map(|node| (node, name == INTEGER));
    let (node, integer) = layer(REAL).or_else(|| layer(INTEGER))?;
    let [_, _, rows, columns] = *integers_attribute(node, PADDING)? else { return None };
    let &[_, channels] = chains.weight_shape(node.input.get(1)?, integer)? else { return None };
    Some([rows, columns, channels])
}

/// The source and the target shape of `Max(Slice(Reshape(source), 0..1), Slice(.., 1..2))`.
fn pairs<'a>(chains: &'a Chains, largest: &str) -> Option<(&'a str, [i64; 3])> {
    let [a, b] = chains.producer(largest, "Max")?.input.as_slice() else { return None };
    let (first, [1, 0, 1]) = chains.slice(a)? else { return None };
    let (second, [1, 1, 2]) = chains.slice(b)? else { return None };
    let (source, shape) = chains.reshape(first)?;
    let shape = <[i64; 3]>::try_from(shape.as_slice()).ok()?;
    (first == second).then_some((source, shape))
}

/// A map of tokens, `[2 rows, 2 columns, width]`, to `[rows, columns, channels]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PoolTokensOp {
    /// Rows, columns, width.
    sizes: [usize; 3],
    /// The first channel and how many.
    part: [usize; 2],
}

impl KernelOp for PoolTokensOp {
    const NAME: &'static str = "uniultra.PoolTokens";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self { sizes: sizes(node, "sizes")?, part: sizes(node, "part")? })
    }

    fn arity(&self) -> [usize; 2] {
        [1, 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [rows, columns, width] = self.sizes;
        ensure_volume("a map of tokens", &inputs[0], &[2, rows, 2, columns, width])?;
        Ok(fixed(&[rows, columns, self.part[1]]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let ([_, columns, width], map) = (self.sizes, values(inputs[0])?);
        by_parts(out, columns * self.part[1], MIN_ROWS, |first, out| {
            Ok(max_pool_tokens(map, [2 * columns, width], self.part, first, out)?)
        })
    }
}
