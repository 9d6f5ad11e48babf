//! Planes to tokens in one pass: by rows, or by blocks as the mask decoder's upscaling has them.

use super::graph::{Chains, integers, operation};
use super::kernel_op::{KernelOp, ensure_volume, fixed, sizes, values};
use super::split::by_parts;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Blocks, planes_to_tokens};

/// Sizes of a map, channels and so on: whatever is larger is none, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 12;

/// Rows of cells that are worth a thread's attention.
const MIN_BANDS: usize = 4;

pub(super) fn replace(chains: &mut Chains) {
    for moved in chains.outputs_of("Transpose") {
        if let Some(node) = by_blocks(chains, &moved).or_else(|| by_rows(chains, &moved)) {
            chains.replace(node);
        }
    }
}

/// `[C, rows, columns]` cut into cells and their quarters, channels last.
fn by_blocks(chains: &Chains, moved: &str) -> Option<NodeProto> {
    let (split, perm) = chains.transpose(moved)?;
    let (planes, shape) = chains.reshape(split)?;
    let &[channels, rows, ref rest @ ..] = &shape[..] else { return None };
    // Levels of quarters down, columns, as many levels across.
    let levels = rest.len().checked_sub(1)? / 2;
    let columns = *rest.get(levels)?;
    let halves = rest.iter().enumerate().all(|(i, &size)| i == levels || size == 2);
    let down = |i: usize| i as i64 + 1;
    let across = |i: usize| (levels + i) as i64 + 2;
    let mut expected: Vec<i64> = (0..=levels).flat_map(|i| [down(i), across(i)]).collect();
    expected.push(0);
    let sizes = [channels, rows, columns];
    let sound = rest.len() == 2 * levels + 1
        && (1..3).contains(&levels)
        && halves
        && perm == expected
        && sizes.iter().all(|size| SIZES.contains(size));
    if !sound {
        return None;
    }
    let last = chains.reader_of(moved, "Reshape")?;
    let (_, shape) = chains.reshape_node(last)?;
    let pixels = (rows * columns) << (2 * levels);
    let &[count, width] = &shape[..] else { return None };
    if count.checked_mul(width) != pixels.checked_mul(channels) || count < 1 {
        return None;
    }
    let attributes = vec![
        integers("blocks", &[rows, columns, i64::try_from(levels).ok()?]),
        integers("sizes", &[channels, count, width]),
    ];
    Some(operation(TokensOp::NAME, vec![planes.to_string()], last.output.first()?, attributes))
}

/// `[1, C, rows, columns]`, an input of the graph, as rows of channels.
fn by_rows(chains: &Chains, moved: &str) -> Option<NodeProto> {
    let (flat, [1, 0]) = chains.transpose(moved)? else { return None };
    let (planes, shape) = chains.reshape(flat)?;
    let [1, channels, rows, columns] = chains.input_sizes(planes)?[..] else { return None };
    let pixels = rows.checked_mul(columns)?;
    let sound = [channels, rows, columns].iter().all(|size| SIZES.contains(size))
        && (shape == [channels, -1] || shape == [channels, pixels]);
    let attributes = vec![
        integers("blocks", &[rows, columns, 0]),
        integers("sizes", &[channels, pixels, channels]),
    ];
    sound.then(|| operation(TokensOp::NAME, vec![planes.to_string()], moved, attributes))
}

/// Planes `[channels, rows, columns]` to tokens by blocks, `[count, width]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TokensOp {
    blocks: [usize; 3],
    /// Channels of planes, and the shape of the output.
    sizes: [usize; 3],
}

impl TokensOp {
    fn order(&self) -> TractResult<Blocks> {
        let [rows, columns, levels] = self.blocks;
        Ok(Blocks::new([rows, columns], u32::try_from(levels)?)?)
    }
}

impl KernelOp for TokensOp {
    const NAME: &'static str = "uniultra.Tokens";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self { blocks: sizes(node, "blocks")?, sizes: sizes(node, "sizes")? })
    }

    fn arity(&self) -> [usize; 2] {
        [1, 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [channels, count, width] = self.sizes;
        let [rows, columns] = self.order()?.size();
        ensure_volume("planes", &inputs[0], &[channels, rows, columns])?;
        Ok(fixed(&[count, width]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let (channels, order, planes) = (self.sizes[0], self.order()?, values(inputs[0])?);
        by_parts(out, order.band() * channels, MIN_BANDS, |first, out| {
            Ok(planes_to_tokens(&order, planes, channels, first, out)?)
        })
    }
}
