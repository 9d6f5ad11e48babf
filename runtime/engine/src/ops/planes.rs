//! Products of tokens that give planes: 1x1 convolutions of the neck, mask logits.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, ensure_volume, fixed, product, real_macs, values};
use super::share::each;
use super::tokens::Blocks;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{
    Blocks as Order, add_doubled, pack_tokens, panel_pixels, planes as products,
};

/// Pixels that are computed together, at least: few enough for their tokens and planes to stay in the
/// second cache.
const BAND_PIXELS: usize = 128;

attributes! {
    /// Tokens by blocks, factors `[planes, channels]`, a bias and planes of half the size if there are any,
    /// to `[1, planes, rows, columns]`.
    pub(crate) struct Planes {
        /// The order of the tokens.
        pub(crate) blocks: Blocks,
        pub(crate) planes: usize,
        /// Channels of a token.
        pub(crate) channels: usize,
        /// Whether a bias `[planes]` is added.
        pub(crate) bias: bool,
        /// Whether planes of half the size are added, each value to four pixels.
        pub(crate) half: bool,
    }
}

/// What tokens are multiplied by, and what is added to the products.
pub(super) struct Terms<'a> {
    /// `[planes, channels]`.
    pub(super) factors: &'a [f32],
    /// `[planes]`, or nothing.
    pub(super) bias: &'a [f32],
    /// Planes of half the size.
    pub(super) half: Option<&'a [f32]>,
}

/// What is done with some tokens.
pub(super) type UseTokens<'a> = &'a mut dyn FnMut(&[f32]) -> TractResult<()>;

/// Buffers of a thread for a band.
#[derive(Default)]
struct Buffers {
    packed: Vec<f32>,
    out: Vec<f32>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

impl Planes {
    /// `[1, planes, rows, columns]`.
    pub(super) fn map(&self) -> TractResult<[usize; 4]> {
        let [rows, columns] = self.blocks.order()?.size();
        Ok([1, self.planes, rows, columns])
    }

    /// Multiply-accumulates.
    pub(super) fn macs(&self) -> usize {
        let pixels = self.blocks.order().map_or(0, |order| order.pixels());
        product(&[self.planes, self.channels, pixels])
    }

    /// Whether the tokens of every band are whole rows of `n` values.
    pub(crate) fn holds_rows_of(&self, n: usize) -> bool {
        let band = self.blocks.columns << (2 * self.blocks.levels);
        n > 0 && (band * self.channels).is_multiple_of(n)
    }

    /// Rows of cells that are computed together. Rows of pixels are even, for planes of half the size.
    fn band(&self) -> usize {
        let Blocks { columns, levels, .. } = self.blocks;
        let cells = BAND_PIXELS.div_ceil(columns << (2 * levels));
        if levels == 0 { cells.next_multiple_of(2) } else { cells }
    }

    /// Computes all planes, band by band; `tokens` hands over those of a range of pixels.
    pub(super) fn compute(
        &self,
        tokens: impl Fn(Range<usize>, UseTokens<'_>) -> TractResult<()> + Sync,
        Terms { factors, bias, half }: Terms<'_>,
        out: &mut [f32],
    ) -> TractResult<()> {
        let (planes, width, order) = (self.planes, self.channels, self.blocks.order()?);
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
            let order = Order::new([rows >> levels, self.blocks.columns], levels)?;
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

impl KernelOp for Planes {
    type Packed = ();

    const NAMES: &'static [&'static str] = &["uniultra.Planes"];

    fn arity(&self) -> Arity {
        Arity { inputs: 2 + usize::from(self.bias) + usize::from(self.half), constants: 0 }
    }

    fn pack(&self, _: &[Arc<Tensor>]) -> TractResult<()> {
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let (&Self { planes, channels, .. }, order) = (self, self.blocks.order()?);
        let [rows, columns] = order.size();
        ensure_volume("tokens", &inputs[0], &[order.pixels(), channels])?;
        ensure_volume("factors of planes", &inputs[1], &[planes, channels])?;
        if let Some(bias) = inputs.get(2).filter(|_| self.bias) {
            ensure_volume("bias of planes", bias, &[planes])?;
        }
        if let Some(half) = inputs.last().filter(|_| self.half) {
            ensure_volume("planes of half the size", half, &[planes, rows / 2, columns / 2])?;
        }
        Ok(fixed(&self.map()?))
    }

    fn cost(&self, _: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(real_macs(self.macs()))
    }

    fn run(&self, (): &(), inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let (tokens, factors) = (values(inputs[0])?, values(inputs[1])?);
        let bias = if self.bias { values(inputs[2])? } else { &[] };
        let half = inputs.last().filter(|_| self.half).map(|half| values(half)).transpose()?;
        let width = self.channels;
        let read = |range: Range<usize>, use_them: UseTokens<'_>| {
            use_them(&tokens[range.start * width..range.end * width])
        };
        let mut out = out.try_as_plain_ram_mut()?;
        self.compute(read, Terms { factors, bias, half }, out.as_slice_mut::<f32>()?)
    }
}
