//! Attention in 16-bit and 8-bit fixed point, for ARM processors that calculate neither in f16 nor with dot products
//! (Cortex-A53, A72), and models in 8 bits.
//!
//! An f32 multiply-add of NEON has four lanes. A 16-bit one has eight, and bytes need five instructions for 32
//! products:
//!
//! - **Queries** have one step each, and **keys** one for the window's head. The steps come from lengths, not from the
//!   largest channel: by Cauchy's inequality no score can leave 16 bits then, so scores need no wider sums. The keys'
//!   mean is subtracted first. It adds the same amount to all scores of a query, which softmax ignores, and without it
//!   keys are shorter.
//! - **Scores** are exact for these operands.
//! - **Weights** are `2^-x`, where `x` is the scaled distance from the query's largest score, with
//!   [`FRACTION_BITS`] after the point: a parabola for the fraction, a shift for the rest. They are rounded to 6 bits
//!   with the ordered dither of [`integer`](super::integer), whose documentation says why.
//! - **Values** less their mean have 8 bits and one step a channel. Four products of a weight and a value fit 16 bits,
//!   so only every fifth instruction has to widen.
//!
//! Every step is defined to the bit: `portable` is the definition, and `neon` gives its bits. Float operations are
//! single ones (no fused multiply-add), in the same order.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(test)]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "aarch64")]
pub(super) use neon::{Buffers, attend};

/// Channels of a head: those of UniUltra. Other heads stay in float.
pub(super) const CHANNELS: usize = 16;
/// A token's part of a head.
type Row = [f32; CHANNELS];
/// Keys and values come padded to a multiple of it.
pub(super) const TILE: usize = 16;
/// Keys of a step of weights and values.
#[cfg(target_arch = "aarch64")]
const STEP: usize = 2 * TILE;
/// Fewest keys of a window: with fewer, rounding takes longer than the faster products save.
pub(super) const MIN_KEYS: usize = 32;
/// Most keys of a window: sums of a query's weights in eight lanes of 16 bits, at most 126 for each 16 keys, then fit.
pub(super) const MAX_KEYS: usize = 8192;
/// Length of the longest key and of every query, in steps. Rounding moves each of 16 channels by up to half a step, the
/// length by up to 2: (178.9 + 2)^2 is less than 2^15.
const LENGTH: f32 = 178.9;
/// Fractional bits of the distance `x`.
const FRACTION_BITS: u32 = 11;
/// A weight of 1: 63 in the high byte.
const ONE: i16 = 63 << 8;
/// `2^y` for y in [-0.5, 0.5) is `1 + y (a + b y)` within 0.002 of itself. These are `a ONE / 2` and `b ONE / 4`, as
/// the instruction for the high half of a product doubles it.
const LINEAR: i16 = 5_669;
const SQUARE: i16 = 968;
/// Lengths below this count as zero: their reciprocal might overflow.
const TINY: f32 = 1e-18;
/// The largest shift that can change a weight.
const MOST_SHIFT: u32 = 15;

/// One head's tokens. Behind the `keys` first, `k` and `v` repeat the last one up to a whole [`TILE`].
pub(super) struct Tokens<'a> {
    pub(super) q: &'a [Row],
    pub(super) k: &'a [Row],
    pub(super) v: &'a [Row],
    pub(super) keys: usize,
    /// As many rows as `q`.
    pub(super) out: &'a mut [Row],
}

/// Whether windows of `keys` keys and heads of these channels are computed this way.
#[cfg(target_arch = "aarch64")]
pub(super) fn fits(keys: usize, dims: [usize; 2]) -> bool {
    (MIN_KEYS..=MAX_KEYS).contains(&keys) && dims == [CHANNELS; 2]
}

/// The step of vectors whose greatest squared length has these bits, and its reciprocal. The step is NaN if a value
/// was not finite, or its square, and 0 if all are as good as zero.
#[inline(always)]
fn length_step(square: f32) -> [f32; 2] {
    let length = square.sqrt();
    if !length.is_finite() {
        [f32::NAN, 0.0]
    } else if length < TINY {
        [0.0, 0.0]
    } else {
        [length / LENGTH, LENGTH / length]
    }
}
