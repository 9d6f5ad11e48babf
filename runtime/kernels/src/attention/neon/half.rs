//! Attention in f16, eight queries a block, for processors with FEAT_FP16 (Cortex-A55, A76, A78).
//!
//! An instruction multiplies eight values instead of four, and the exponential needs 6 instructions
//! for eight scores instead of 12 for four. What is lost is known: a score is off by its own
//! rounding, 2^-11 of it; a weight by 0.4 % ([`weigh()`]); a sum by the roundings of 32 additions,
//! because sums of more keys than that are themselves added up, and widened to f32 after each tile.
//! On the shipped f32 model's sample frame, results of an attention are within 0.6 % of the largest
//! one, and the decoder's logits within 0.15 % (ARCHITECTURE.md, "Attention on ARM").
//!
//! f16 has no range to spare. A task whose values would overflow or lose bits in it is left to f32:
//! [`fits`]. Only this decides, so a result does not depend on threads. What is not finite never
//! gets here.
//!
//! Stable Rust has no f16 and no intrinsics for it: halves are `u16`, and the loops assembly.

mod score;
mod weigh;

use super::{Arithmetic, LANES, PANEL, Parts, Softmax, padded};
use crate::attention::{Attention, Task};
use score::score;
use std::arch::aarch64::*;
use std::arch::asm;
use weigh::weigh;

/// Bits of the largest half that is allowed among queries, keys and values, 256, and of the
/// smallest that the largest may be, 2^-10. Sums of a tile's 128 values then stay below 2^15, half
/// of the largest f16, and values 2^-11 times the largest are off by at most 2^-4 of themselves.
const LARGEST: u16 = 0x5c00;
const SMALLEST: u16 = 0x1400;
/// Bound of the scores, in powers of two. Real ones are below 30, far below their bound of about
/// 100. A score near 256 would be off by up to 1/8: a weight by 9 %.
const LARGEST_SCORE: f32 = 256.0;
/// Keys whose weighted values are added up before the sum goes to the tile's sums.
const CHUNK: usize = 32;
/// Bits of minus infinity.
const NO_SCORE: u16 = 0xfc00;

/// Whether the processor has the instructions.
pub(super) fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("fp16")
        && std::arch::is_aarch64_feature_detected!("rdm")
}

/// Computes a task, unless its values do not fit.
pub(super) fn attend(
    attention: &Attention<'_>,
    task: &Task,
    parts: &mut Parts<u16>,
    out: &mut [f32],
) -> bool {
    parts.gather::<Half>(attention, task);
    let fits = fits(parts, task.rows.len(), attention.k.tokens());
    if fits {
        parts.attend::<Half>(attention.k.tokens(), attention.dim_v, out);
    }
    fits
}

/// Whether no score and no sum can overflow, and none is so large that rounding it changes its
/// weight visibly.
fn fits(parts: &Parts<u16>, queries: usize, keys: usize) -> bool {
    let (queries, keys) = (queries.next_multiple_of(LANES) * PANEL, padded(keys) * PANEL);
    let in_range = |largest: &[u16; PANEL]| {
        let largest = largest.iter().fold(0, |a: u16, b| a.max(*b));
        (SMALLEST..=LARGEST).contains(&largest)
    };
    let mut bound = 0.0;
    for (q, k) in parts.q.chunks_exact(queries).zip(parts.k.chunks_exact(keys)) {
        let largest = [magnitudes(q), magnitudes(k)];
        if !largest.iter().all(in_range) {
            return false;
        }
        let [q, k] = largest.map(|largest| largest.map(widen));
        bound += q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>();
    }
    bound <= LARGEST_SCORE && parts.v.chunks_exact(keys).all(|v| in_range(&magnitudes(v)))
}

/// The largest magnitudes of a panel's channels, as bits: those of halves are ordered like integers.
fn magnitudes(panel: &[u16]) -> [u16; PANEL] {
    let mut largest = [0; PANEL];
    // SAFETY: NEON is part of every processor that this target runs on. Each row and `largest` are
    // two vectors. (From a loop over 16 values, the compiler makes a gather of single values.)
    unsafe {
        let (mut low, mut high) = (vdupq_n_u16(0), vdupq_n_u16(0));
        for row in panel.as_chunks::<PANEL>().0 {
            let [a, b] = [vld1q_u16(row.as_ptr()), vld1q_u16(row.as_ptr().add(8))];
            low = vmaxq_u16(low, vandq_u16(a, vdupq_n_u16(0x7fff)));
            high = vmaxq_u16(high, vandq_u16(b, vdupq_n_u16(0x7fff)));
        }
        vst1q_u16(largest.as_mut_ptr(), low);
        vst1q_u16(largest.as_mut_ptr().add(8), high);
    }
    largest
}

/// The value of a half of at most [`LARGEST`] that is not negative.
fn widen(half: u16) -> f32 {
    // The same exponent and fraction at their places in an f32, whose exponent's bias is larger by
    // 112. Multiplying corrects that, and is right for subnormal halves, too.
    f32::from_bits(u32::from(half) << 13) * f32::from_bits((127 + 112) << 23)
}

pub(super) struct Half;

impl Arithmetic for Half {
    type Value = u16;
    const LANES: usize = LANES;

    #[inline(always)]
    fn convert(from: &[f32; PANEL], scale: f32, to: &mut [u16; PANEL]) {
        // SAFETY: NEON is part of every processor that this target runs on.
        unsafe { convert(from, scale, to) }
    }

    #[inline(always)]
    fn transpose(rows: &[u16], columns: &mut [u16]) {
        // SAFETY: as above.
        unsafe { transpose(rows, columns) }
    }

    #[inline(always)]
    fn score(
        columns: &[u16],
        k: &[u16],
        is_first: bool,
        scores: &mut [u16],
        max: &mut [f32; LANES],
    ) {
        // SAFETY: `has_halves` was asked before this type is used.
        unsafe { score(columns, k, is_first, scores, max) }
    }

    #[inline(always)]
    fn mask(scores: &mut [u16], count: usize) {
        let start = scores.len() - count * LANES;
        scores[start..].fill(NO_SCORE);
    }

    #[inline(always)]
    fn weigh(
        scores: &mut [u16],
        v: &[u16],
        _: usize,
        is_first: bool,
        shrink: &[f32; LANES],
        softmax: &mut Softmax,
        sums: &mut [f32],
    ) {
        let mut total = softmax.total;
        // SAFETY: as above.
        unsafe { weigh(scores, v, shrink, &softmax.max, &mut total, sums) };
        if is_first {
            softmax.total = total;
        }
    }
}

/// Rounds vectors to halves.
#[inline]
#[target_feature(enable = "neon")]
fn narrow(low: float32x4_t, high: float32x4_t) -> uint16x8_t {
    let out;
    // SAFETY: works on registers alone, and the instruction is part of NEON.
    unsafe {
        asm!(
            "fcvtn {out:v}.4h, {low:v}.4s",
            "fcvtn2 {out:v}.8h, {high:v}.4s",
            out = out(vreg) out,
            low = in(vreg) low,
            high = in(vreg) high,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    out
}

/// The first and the last four of eight halves.
#[inline]
#[target_feature(enable = "neon")]
fn widened(halves: uint16x8_t) -> [float32x4_t; 2] {
    let (low, high);
    // SAFETY: works on registers alone, and the instruction is part of NEON.
    unsafe {
        asm!(
            "fcvtl {low:v}.4s, {halves:v}.4h",
            "fcvtl2 {high:v}.4s, {halves:v}.8h",
            low = out(vreg) low,
            high = lateout(vreg) high,
            halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [low, high]
}

#[inline]
#[target_feature(enable = "neon")]
fn convert(from: &[f32; PANEL], scale: f32, to: &mut [u16; PANEL]) {
    for (from, to) in from.chunks_exact(8).zip(to.chunks_exact_mut(8)) {
        // SAFETY: `from` holds eight values, and `to` too.
        unsafe {
            let low = vmulq_n_f32(vld1q_f32(from.as_ptr()), scale);
            let high = vmulq_n_f32(vld1q_f32(from.as_ptr().add(4)), scale);
            vst1q_u16(to.as_mut_ptr(), narrow(low, high));
        }
    }
}

/// Two squares of 8 x 8, in three steps: pairs of rows are woven together, then pairs of pairs.
#[target_feature(enable = "neon")]
fn transpose(rows: &[u16], columns: &mut [u16]) {
    let (rows, columns) = (&rows[..LANES * PANEL], &mut columns[..LANES * PANEL]);
    for first in (0..PANEL).step_by(LANES) {
        let mut row = [vdupq_n_u16(0); LANES];
        for (i, row) in row.iter_mut().enumerate() {
            // SAFETY: `rows` holds eight rows of a panel, and a vector is left from `first` on.
            *row = unsafe { vld1q_u16(rows.as_ptr().add(i * PANEL + first)) };
        }
        for (i, j) in [(0, 1), (2, 3), (4, 5), (6, 7)] {
            (row[i], row[j]) = (vtrn1q_u16(row[i], row[j]), vtrn2q_u16(row[i], row[j]));
        }
        for (i, j) in [(0, 2), (1, 3), (4, 6), (5, 7)] {
            let [a, b] = [row[i], row[j]].map(|x| vreinterpretq_u32_u16(x));
            row[i] = vreinterpretq_u16_u32(vtrn1q_u32(a, b));
            row[j] = vreinterpretq_u16_u32(vtrn2q_u32(a, b));
        }
        for (i, j) in [(0, 4), (1, 5), (2, 6), (3, 7)] {
            let [a, b] = [row[i], row[j]].map(|x| vreinterpretq_u64_u16(x));
            row[i] = vreinterpretq_u16_u64(vtrn1q_u64(a, b));
            row[j] = vreinterpretq_u16_u64(vtrn2q_u64(a, b));
        }
        for (j, column) in row.into_iter().enumerate() {
            let to = &mut columns[(first + j) * LANES..][..LANES];
            // SAFETY: `to` is a vector.
            unsafe { vst1q_u16(to.as_mut_ptr(), column) };
        }
    }
}
