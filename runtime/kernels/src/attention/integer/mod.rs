//! Attention in 8-bit integers, for models whose linear layers are int8 too.
//!
//! An int8 dot product does four times the multiplications of a float instruction of the same
//! width. The kernel quantizes its operands itself, symmetrically, and rescales as late as it can:
//!
//! - **Queries** have one step each. The step scales a whole row of scores, so it can wait until
//!   the row's integer maximum is known.
//! - **Keys** have one step for the window's head: with a step for each key, integer scores could
//!   not be compared. Their mean is subtracted first. It adds the same amount to all scores of a
//!   query, which softmax ignores, and without it the range, and so the step, is smaller.
//! - **Values** have one step a channel, which factors out of the weighted sum.
//! - **Scores** are exact in int32. A weight is `2^-x`, where `x` is the scaled distance from the
//!   row's largest score in fixed point: the integer part shifts, a polynomial of degree two covers
//!   the fraction.
//! - **Weights** are rounded to 8 bits with an ordered dither. Plain rounding turns every weight
//!   below half a step into 0, although thousands of them can hold a quarter of the sum; dithered,
//!   some become 1 and the sum survives. The divisor is the sum of the rounded weights, so they
//!   always add up to one.
//!
//! Every step is defined to the bit. `portable` is the definition, and `vnni` must give the same
//! bits.

mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

/// Keys of a tile: a full register of 8-bit weights in AVX-512.
const TILE: usize = 64;
/// The unit to which channels are padded with zeros: the floats of an AVX-512 vector. It is the
/// same on all paths, because it must not change a result.
pub(super) const LANES: usize = 16;
/// Fractional bits of the distance `x`. The five bits above them hold exponents up to 31, more than
/// needed: weights of 2^-15 and less round to zero whatever the dither.
const FRACTION_BITS: u32 = 11;
/// `2^-y` for y in [0, 1) is `1 - y (LINEAR - y SQUARE)` within 0.002, in units of 1/65280: exact
/// at both ends and in the middle. A weight of 1 is `ONE`, 255 * 256: with the largest dither, 254,
/// it still fits 16 bits, and its high byte is 255.
const ONE: u16 = 65_280;
const LINEAR: u16 = 43_841;
const SQUARE: u16 = 11_201;
/// Largest magnitude of an 8-bit operand.
const TOP: f32 = 127.0;
/// Magnitudes below this count as zero: their reciprocal might overflow.
const TINY: f32 = 1e-30;
/// Fewest keys of a window: with 16, quantizing takes as long as the faster products save.
pub(super) const MIN_KEYS: usize = 32;
/// Most keys of a window: sums of weights times values, at most 65,536 * 255 * 127, then fit int32.
pub(super) const MAX_KEYS: usize = 1 << 16;
/// Most channels of a head: scores, at most 256 * 127 * 127, and their differences are then exact
/// in f32.
pub(super) const MAX_DIM: usize = 256;

/// The dither: added to the weight of key `i` before its low byte is cut off. Its 64 levels are
/// spread evenly with a mean of 128, so that a weight is rounded to nearest on average.
/// Bit-reversed order gives neighbouring keys very different levels: any short run of keys is
/// dithered evenly.
pub(super) const DITHER: [u8; TILE] = {
    let mut levels = [0; TILE];
    let mut i = 0;
    while i < TILE {
        // `i` has 6 bits, so its 8 bits reversed are the 6 reversed, times 4: steps of 4 from 0 to
        // 252.
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

/// One head's tokens, `q [queries, dim]`, `k [keys, dim]` and `v [keys, dim_v]`, with `dim` and
/// `dim_v` padded to multiples of [`LANES`]. The result is `out [queries, width]`, the first
/// `width <= dim_v` channels.
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

/// The instructions to use.
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

/// The portable code, compiled for wider vectors. Its loops are simple enough for the compiler to
/// vectorise, so AVX2 needs no path of its own.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn attend_avx2(head: &mut Head<'_>, buffers: &mut Buffers) {
    portable::attend(head, buffers);
}

/// The step of a range and its reciprocal, from the bits of the largest magnitude. The step is NaN
/// if any value was not finite, and 0 if all were zero.
#[inline(always)]
pub(super) fn steps(magnitude_bits: u32) -> [f32; 2] {
    let magnitude = f32::from_bits(magnitude_bits);
    if !magnitude.is_finite() {
        [f32::NAN, 0.0]
    } else if magnitude < TINY {
        [0.0, 0.0]
    } else {
        [magnitude / TOP, TOP / magnitude]
    }
}

/// The factor from a difference of scores to the distance `x` in fixed point; NaN if a step is.
#[inline(always)]
fn distance_scale(query_step: f32, key_step: f32, dim: usize) -> f32 {
    let scale = query_step * key_step * (std::f32::consts::LOG2_E * (1 << FRACTION_BITS) as f32);
    // The limit keeps distances of up to four times the largest score within int32. It only binds
    // where a step of the scores is worth at least a factor of two (at 16 channels; 2^(1/16) at
    // 256). Scores are off by tens of steps there, because the operands are rounded, so such
    // weights are noise.
    let limit = (1_u32 << 29) as f32 / (dim as f32 * TOP * TOP);
    if scale.is_finite() { scale.min(limit) } else { f32::NAN }
}

/// The score of a key that is only padding: less than any real one, so that it never is the
/// maximum.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn padding_score(dim: usize) -> i32 {
    -2 * (dim as i32) * (TOP * TOP) as i32
}

/// The factor of a row's sums. A NaN in the operands is lost in integers; this brings it back.
#[inline(always)]
fn row_factor(distance_scale: f32, weight_sum: i32) -> f32 {
    if distance_scale.is_nan() { f32::NAN } else { 1.0 / weight_sum as f32 }
}
