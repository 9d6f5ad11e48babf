//! Attention in 8-bit integers, for models whose layers are int8 anyway.
//!
//! Queries, keys and values are quantized here, symmetrically: a query by its own largest
//! magnitude, keys (less their mean, which softmax does not see) by that of the window's head,
//! values by that of their channel. Products are exact in int32. A weight is `2^-x` of the scaled
//! distance `x` from the row's largest score, in fixed point, and is rounded to 8 bits with an
//! ordered dither, so that many small weights together keep their sum; the sum that divides is
//! that of the rounded weights. Every step is defined to the bit, and both paths follow it.

mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

/// Keys of a tile; weights are computed by whole tiles.
const TILE: usize = 64;
/// Channels are padded with zeros to whole vectors of AVX-512.
pub(super) const LANES: usize = 16;
/// Fractional bits of the distance `x`.
const FRACTION_BITS: u32 = 11;
/// `2^-y` for y in [0, 1) is `1 - y (LINEAR - y SQUARE)` within 0.002, in 1/65280 (a weight of 1 is
/// `ONE`): exact at both ends and in the middle.
const ONE: u16 = 65_280;
const LINEAR: u16 = 43_841;
const SQUARE: u16 = 11_201;
/// Largest magnitude of an 8-bit operand.
const TOP: f32 = 127.0;
/// Magnitudes below are zero: their reciprocal might overflow.
const TINY: f32 = 1e-30;
/// Fewest keys of a window: with 16, quantizing takes the time that the products save.
pub(super) const MIN_KEYS: usize = 32;
/// Most keys of a window: the sums of weights times values stay within int32.
pub(super) const MAX_KEYS: usize = 1 << 16;
/// Most channels of a head: scores are exact in f32.
pub(super) const MAX_DIM: usize = 256;

/// Added to a weight of key `i` before its low byte is cut off: 64 levels, in bit-reversed order.
const DITHER: [u8; TILE] = {
    let mut levels = [0; TILE];
    let mut i = 0;
    while i < TILE {
        // The reversed 6 bits, times 4, are the reversed 8 bits.
        levels[i] = (i as u8).reverse_bits() + 2;
        i += 1;
    }
    levels
};

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    keys: Vec<i8>,
    #[cfg(target_arch = "x86_64")]
    start: Vec<i32>,
    values: Vec<i8>,
    value_scale: Vec<f32>,
    mean: Vec<f32>,
    #[cfg(target_arch = "x86_64")]
    query: Vec<u8>,
    scores: Vec<i32>,
    weights: Vec<u8>,
}

/// One head's tokens: `q [queries, dim]`, `k [keys, dim]`, `v [keys, dim_v]` with both dims padded
/// to whole vectors, to `out [queries, width]`, the first `width <= dim_v` channels.
pub(super) struct Head<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) out: &'a mut [f32],
    pub(super) dim: usize,
    pub(super) dim_v: usize,
    pub(super) width: usize,
}

impl Head<'_> {
    fn key_count(&self) -> usize {
        self.k.len() / self.dim
    }
}

/// The instructions that compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Path {
    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw") {
                return Self::Vnni;
            }
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

pub(super) fn attend(head: &mut Head<'_>, buffers: &mut Buffers) {
    attend_on(Path::detect(), head, buffers);
}

fn attend_on(path: Path, head: &mut Head<'_>, buffers: &mut Buffers) {
    match path {
        // SAFETY: found on this processor by `detect`, or by the test that names the path.
        #[cfg(target_arch = "x86_64")]
        Path::Vnni => unsafe { vnni::attend(head, buffers) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { attend_avx2(head, buffers) },
        Path::Portable => portable::attend(head, buffers),
    }
}

/// The portable code, compiled for wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn attend_avx2(head: &mut Head<'_>, buffers: &mut Buffers) {
    portable::attend(head, buffers);
}

/// Step of a range and its reciprocal, from the largest magnitude's bits. The step is NaN if
/// something was not finite, zero if all is.
#[inline(always)]
fn steps(magnitude_bits: u32) -> [f32; 2] {
    let magnitude = f32::from_bits(magnitude_bits);
    if !magnitude.is_finite() {
        [f32::NAN, 0.0]
    } else if magnitude < TINY {
        [0.0, 0.0]
    } else {
        [magnitude / TOP, TOP / magnitude]
    }
}

/// From a difference of scores to the distance `x` in fixed point; NaN where there is none.
#[inline(always)]
fn distance_scale(query_step: f32, key_step: f32, dim: usize) -> f32 {
    let scale = query_step * key_step * (std::f32::consts::LOG2_E * (1 << FRACTION_BITS) as f32);
    // Distances of up to four times the largest score are then within int32. Beyond, a step of
    // the scores would be worth more than 2^7 and the weights are one 1 and zeros either way.
    let limit = (1_u32 << 29) as f32 / (dim as f32 * TOP * TOP);
    if scale.is_finite() { scale.min(limit) } else { f32::NAN }
}

/// What a key that is only padding scores: less than any other.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn padding_score(dim: usize) -> i32 {
    -2 * (dim as i32) * (TOP * TOP) as i32
}

/// The factor of a row's sums: NaN passes on what was not finite.
#[inline(always)]
fn row_factor(distance_scale: f32, weight_sum: i32) -> f32 {
    if distance_scale.is_nan() { f32::NAN } else { 1.0 / weight_sum as f32 }
}
