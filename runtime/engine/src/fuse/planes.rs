//! Products of tokens that give planes: 1x1 convolutions of the neck, mask logits.

use super::graph::{Chains, integers, operation};
use super::kernel_op::{KernelOp, ensure_volume, fixed, product, sizes, values};
use super::split::each;
use std::cell::RefCell;
use std::ops::Range;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Blocks, add_doubled, pack_tokens, panel_pixels, planes as products};

/// Sizes of a map, channels and so on: whatever is larger is none, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 12;
/// Pixels that are computed together, at least: few enough for their tokens and planes to stay in the
/// second cache.
const BAND_PIXELS: usize = 128;

pub(super) fn replace(chains: &mut Chains) {
    for product in chains.outputs_of("MatMul") {
        if let Some(node) = pointwise(chains, &product).or_else(|| masks(chains, &product)) {
            chains.replace(node);
        }
    }
    for sum in chains.outputs_of("Add") {
        if let Some(node) = doubled(chains, &sum) {
            chains.replace(node);
        }
    }
}

/// What an operation is told beside its inputs.
struct Place {
    /// Cells down and across, levels of blocks.
    blocks: [i64; 3],
    planes: i64,
    inputs: i64,
}

impl Place {
    fn is_sound(&self) -> bool {
        let [rows, columns, levels] = self.blocks;
        let sizes = [rows, columns, self.planes, self.inputs];
        sizes.iter().all(|size| SIZES.contains(size)) && (0..3).contains(&levels)
    }

    fn node(&self, inputs: &[&str], parts: [i64; 2], output: &str) -> NodeProto {
        let attributes = vec![
            integers("blocks", &self.blocks),
            integers("sizes", &[self.planes, self.inputs]),
            integers("parts", &parts),
        ];
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        operation(PlanesOp::NAME, inputs, output, attributes)
    }
}

/// `W [N, K]` times transposed tokens, plus a bias `[N, 1]`, as `[1, N, rows, columns]`.
fn pointwise(chains: &Chains, product: &str) -> Option<NodeProto> {
    let [weight, columns] = chains.producer(product, "MatMul")?.input.as_slice() else {
        return None;
    };
    let &[planes, inputs] = chains.weight_shape(weight, false)? else { return None };
    let (tokens, [1, 0]) = chains.transpose(columns)? else { return None };
    let sum = chains.reader_of(product, "Add")?;
    let ([a, b], [output]) = (sum.input.as_slice(), sum.output.as_slice()) else { return None };
    let bias = if a == product { b } else { a };
    if chains.weight_shape(bias, false)? != [planes, 1] {
        return None;
    }
    let map = chains.reader_of(output, "Reshape")?;
    let (_, shape) = chains.reshape_node(map)?;
    let [1, n, rows, columns] = shape[..] else { return None };
    let place = Place { blocks: [rows, columns, 0], planes, inputs };
    let node = place.node(&[tokens, weight, bias], [1, 0], map.output.first()?);
    (n == planes && place.is_sound()).then_some(node)
}

/// Any factors `[N, K]` times transposed tokens that go by blocks, in the order of the map.
fn masks(chains: &Chains, product: &str) -> Option<NodeProto> {
    let [factors, columns] = chains.producer(product, "MatMul")?.input.as_slice() else {
        return None;
    };
    let (tokens, [1, 0]) = chains.transpose(columns)? else { return None };
    let (_, token_shape) = chains.reshape(tokens)?;
    let [count, inputs] = token_shape[..] else { return None };
    let split = chains.reader_of(product, "Reshape")?;
    let (_, shape) = chains.reshape_node(split)?;
    let [planes, rows, columns, ref halves @ ..] = shape[..] else { return None };
    let levels = halves.len() / 2;
    let moved = chains.reader_of(split.output.first()?, "Transpose")?;
    let (_, perm) = chains.transpose(moved.output.first()?)?;
    // Planes, then what is down, then what is across.
    let axis = |i: usize| 2 * i as i64;
    let down = (0..=levels).map(|i| 1 + axis(i));
    let expected: Vec<i64> =
        std::iter::once(0).chain(down).chain((1..=levels + 1).map(axis)).collect();
    let map = chains.reader_of(moved.output.first()?, "Reshape")?;
    let (_, map_shape) = chains.reshape_node(map)?;
    let place = Place { blocks: [rows, columns, i64::try_from(levels).ok()?], planes, inputs };
    if !place.is_sound() || halves != vec![2; 2 * levels] || perm != expected {
        return None;
    }
    let sound = map_shape == [1, planes, rows << levels, columns << levels]
        && count == (rows * columns) << (2 * levels);
    sound.then(|| place.node(&[tokens, factors], [0, 0], map.output.first().map_or("", |o| o)))
}

/// The sum of planes and of planes of half their size, each value of these for four pixels.
fn doubled(chains: &Chains, sum: &str) -> Option<NodeProto> {
    let [a, b] = chains.producer(sum, "Add")?.input.as_slice() else { return None };
    let ((a, a_shape), (b, b_shape)) = (chains.reshape(a)?, chains.reshape(b)?);
    let swapped = a_shape.get(2) == Some(&1);
    let ((fine, shape), (coarse, half)) =
        if swapped { ((b, b_shape), (a, a_shape)) } else { ((a, a_shape), (b, b_shape)) };
    let [n, rows, 2, columns, 2] = shape[..] else { return None };
    if half != [n, rows, 1, columns, 1] {
        return None;
    }
    // The product gives the finer planes to this sum alone.
    let product = chains.producer(fine, PlanesOp::NAME)?;
    chains.reader(fine)?;
    let op = PlanesOp::read(product).ok()?;
    let ([planes, inputs], [cells_y, cells_x, levels]) = (op.sizes, op.blocks);
    let number = |size: usize| i64::try_from(size).unwrap_or(0);
    let place = Place {
        blocks: [cells_y, cells_x, levels].map(number),
        planes: number(planes),
        inputs: number(inputs),
    };
    let map = chains.reader_of(sum, "Reshape")?;
    let size = [2 * rows, 2 * columns];
    let sound = place.blocks == [size[0], size[1], 0]
        && op.parts == [1, 0]
        && place.planes == n
        && chains.reshape_node(map)?.1 == [1, n, size[0], size[1]];
    let mut names: Vec<&str> = product.input.iter().map(String::as_str).collect();
    names.push(coarse);
    sound.then(|| place.node(&names, [1, 1], map.output.first().map_or("", |o| o)))
}

/// Tokens, factors `[planes, inputs]`, then what `parts` says, to `[1, planes, rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanesOp {
    pub(super) blocks: [usize; 3],
    /// Planes, and channels of tokens.
    pub(super) sizes: [usize; 2],
    /// Whether there is a bias `[planes]`, and planes of half the size.
    pub(super) parts: [usize; 2],
}

impl PlanesOp {
    pub(super) fn order(&self) -> TractResult<Blocks> {
        let [rows, columns, levels] = self.blocks;
        Ok(Blocks::new([rows, columns], u32::try_from(levels)?)?)
    }

    /// Rows of cells that are computed together. Rows of pixels are even, for planes of half the size.
    fn band(&self) -> usize {
        let [_, columns, levels] = self.blocks;
        let cells = BAND_PIXELS.div_ceil(columns << (2 * levels));
        if levels == 0 { cells.next_multiple_of(2) } else { cells }
    }
}

impl KernelOp for PlanesOp {
    const NAME: &'static str = "uniultra.Planes";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self {
            blocks: sizes(node, "blocks")?,
            sizes: sizes(node, "sizes")?,
            parts: sizes(node, "parts")?,
        })
    }

    fn arity(&self) -> [usize; 2] {
        [2 + self.parts[0] + self.parts[1], 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let ([count, width], order) = (self.sizes, self.order()?);
        let [rows, columns] = order.size();
        ensure_volume("tokens", &inputs[0], &[order.pixels(), width])?;
        ensure_volume("factors of planes", &inputs[1], &[count, width])?;
        if self.parts[0] > 0 {
            ensure_volume("bias of planes", &inputs[2], &[count])?;
        }
        if self.parts[1] > 0 {
            let half = [count, rows / 2, columns / 2];
            ensure_volume("planes of half the size", &inputs[2 + self.parts[0]], &half)?;
        }
        Ok(fixed(&[1, count, rows, columns]))
    }

    fn macs(&self) -> usize {
        let pixels = self.order().map_or(0, |order| order.pixels());
        product(self.sizes.iter().chain([&pixels]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let (tokens, factors) = (values(inputs[0])?, values(inputs[1])?);
        let bias = if self.parts[0] > 0 { values(inputs[2])? } else { &[] };
        let half = if self.parts[1] > 0 { Some(values(inputs[2 + self.parts[0]])?) } else { None };
        let width = self.sizes[1];
        let read = |range: Range<usize>, use_them: UseTokens<'_>| {
            use_them(&tokens[range.start * width..range.end * width])
        };
        self.compute(read, Terms { factors, bias, half }, out)
    }
}

/// What tokens are multiplied by, and what is added to the products.
pub(super) struct Terms<'a> {
    /// `[planes, inputs]`.
    pub(super) factors: &'a [f32],
    /// `[planes]`, or nothing.
    pub(super) bias: &'a [f32],
    /// Planes of half the size.
    pub(super) half: Option<&'a [f32]>,
}

/// What is done with some tokens.
pub(super) type UseTokens<'a> = &'a mut dyn FnMut(&[f32]) -> TractResult<()>;

impl PlanesOp {
    /// Whether the tokens of every band are whole rows of `n` values.
    pub(super) fn holds_rows_of(&self, n: usize) -> bool {
        let band = self.blocks[1] << (2 * self.blocks[2]);
        n > 0 && (band * self.sizes[1]).is_multiple_of(n)
    }

    /// Computes all planes, band by band; `tokens` hands over those of a range of pixels.
    pub(super) fn compute(
        &self,
        tokens: impl Fn(Range<usize>, UseTokens<'_>) -> TractResult<()> + Sync,
        Terms { factors, bias, half }: Terms<'_>,
        out: &mut [f32],
    ) -> TractResult<()> {
        let ([planes, width], order) = (self.sizes, self.order()?);
        let (sides, levels) = (order.size(), order.levels());
        let (height, pixels) = (self.band() << levels, sides[0] * sides[1]);
        let mut bands: Vec<Vec<&mut [f32]>> = Vec::new();
        bands.resize_with(sides[0].div_ceil(height), || Vec::with_capacity(planes));
        for plane in out.chunks_exact_mut(pixels) {
            for (band, part) in bands.iter_mut().zip(plane.chunks_mut(height * sides[1])) {
                band.push(part);
            }
        }
        each(&mut bands, |index, parts| {
            let rows = parts.first().map_or(0, |part| part.len() / sides[1]);
            let order = Blocks::new([rows >> levels, self.blocks[1]], levels)?;
            let (first, count) = (index * height * sides[1], order.pixels());
            tokens(first..first + count, &mut |tokens| {
                BUFFERS.with_borrow_mut(|Buffers { packed, out }| {
                    packed.resize(count.next_multiple_of(panel_pixels()) * width, 0.0);
                    pack_tokens(&order, tokens, width, 0, packed)?;
                    out.resize(planes * count, 0.0);
                    Ok(products(packed, factors, [width, count], bias, out)?)
                })
            })?;
            BUFFERS.with_borrow(|Buffers { out, .. }| {
                for (plane, (part, made)) in parts.iter_mut().zip(out.chunks(count)).enumerate() {
                    part.copy_from_slice(made);
                    if let Some(half) = half {
                        let half = &half[(plane * pixels + first) / 4..][..count / 4];
                        add_doubled(half, [rows, sides[1]], part)?;
                    }
                }
                Ok(())
            })
        })
    }
}

/// Buffers of a thread for a band.
#[derive(Default)]
struct Buffers {
    packed: Vec<f32>,
    out: Vec<f32>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}
