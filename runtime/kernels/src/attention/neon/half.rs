//! Attention in f16, eight queries a block, for processors with FEAT_FP16 (Cortex-A55, A76, A78).
//!
//! An instruction multiplies eight values instead of four, and the exponential needs 6 instructions
//! for eight scores instead of 12 for four. What is lost is known: a score is off by its own
//! rounding, 2^-11 of it; a weight by 0.4 % ([`weigh`]); a sum by the roundings of 32 additions,
//! because sums of more keys than that are themselves added up, and widened to f32 after each tile.
//! On the shipped f32 model's sample frame, results of an attention are within 0.6 % of the largest
//! one, and the decoder's logits within 0.04 % (Dice of the masks 0.9996).
//!
//! f16 has no range to spare. A task whose values would overflow or lose bits in it is left to f32:
//! [`fits`]. Only this decides, so a result does not depend on threads. What is not finite never
//! gets here.
//!
//! Stable Rust has no f16 and no intrinsics for it: halves are `u16`, and the loops assembly.

use super::{Arithmetic, LANES, PANEL, Parts, Softmax, padded};
use crate::attention::{Attention, Task};
use std::arch::aarch64::*;
use std::arch::asm;

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

/// The multiply-adds of four keys with column `$column` of the queries; `$lane` of `$a` to `$d` are
/// the keys' channels.
macro_rules! products {
    ($operation:literal, $column:literal, $a:literal, $b:literal, $c:literal, $d:literal, $lane:literal) => {
        concat!(
            $operation,
            " v8.8h, v",
            $column,
            ".8h, v",
            $a,
            ".h[",
            $lane,
            "]\n",
            $operation,
            " v9.8h, v",
            $column,
            ".8h, v",
            $b,
            ".h[",
            $lane,
            "]\n",
            $operation,
            " v10.8h, v",
            $column,
            ".8h, v",
            $c,
            ".h[",
            $lane,
            "]\n",
            $operation,
            " v11.8h, v",
            $column,
            ".8h, v",
            $d,
            ".h[",
            $lane,
            "]\n",
        )
    };
    ($column:literal, low, $lane:literal) => {
        products!("fmla", $column, "0", "2", "4", "6", $lane)
    };
    ($column:literal, high, $lane:literal) => {
        products!("fmla", $column, "1", "3", "5", "7", $lane)
    };
}

/// Scores of all keys: columns of queries in registers 16 to 31, four keys in 0 to 7.
#[target_feature(enable = "neon,fp16")]
fn score(columns: &[u16], k: &[u16], is_first: bool, scores: &mut [u16], max: &mut [f32; LANES]) {
    let groups = k.len() / (4 * PANEL);
    if groups == 0 {
        return;
    }
    assert!(columns.len() >= PANEL * LANES && scores.len() >= groups * 4 * LANES);
    // SAFETY: `max` holds two vectors.
    let highest = unsafe { narrow(vld1q_f32(max.as_ptr()), vld1q_f32(max.as_ptr().add(4))) };
    let highest_now: uint16x8_t;
    macro_rules! all_keys {
        ($($start:expr),*) => {
            // SAFETY: reads `PANEL` vectors of `columns` and `groups` times four rows of `k`, and
            // reads and writes four vectors of `scores` for each group (asserted above).
            unsafe {
                asm!(
                    "ldp q16, q17, [{c}]",
                    "ldp q18, q19, [{c}, #32]",
                    "ldp q20, q21, [{c}, #64]",
                    "ldp q22, q23, [{c}, #96]",
                    "ldp q24, q25, [{c}, #128]",
                    "ldp q26, q27, [{c}, #160]",
                    "ldp q28, q29, [{c}, #192]",
                    "ldp q30, q31, [{c}, #224]",
                    "2:",
                    "ldp q0, q1, [{k}]",
                    "ldp q2, q3, [{k}, #32]",
                    "ldp q4, q5, [{k}, #64]",
                    "ldp q6, q7, [{k}, #96]",
                    $($start,)*
                    products!("17", low, "1"),
                    products!("18", low, "2"),
                    products!("19", low, "3"),
                    products!("20", low, "4"),
                    products!("21", low, "5"),
                    products!("22", low, "6"),
                    products!("23", low, "7"),
                    products!("24", high, "0"),
                    products!("25", high, "1"),
                    products!("26", high, "2"),
                    products!("27", high, "3"),
                    products!("28", high, "4"),
                    products!("29", high, "5"),
                    "add {k}, {k}, #128",
                    products!("30", high, "6"),
                    "subs {n}, {n}, #1",
                    products!("31", high, "7"),
                    "fmax v12.8h, v12.8h, v8.8h",
                    "stp q8, q9, [{s}], #32",
                    "fmax v13.8h, v13.8h, v9.8h",
                    "fmax v12.8h, v12.8h, v10.8h",
                    "stp q10, q11, [{s}], #32",
                    "fmax v13.8h, v13.8h, v11.8h",
                    "b.ne 2b",
                    "fmax v12.8h, v12.8h, v13.8h",
                    c = in(reg) columns.as_ptr(),
                    k = inout(reg) k.as_ptr() => _,
                    s = inout(reg) scores.as_mut_ptr() => _,
                    n = inout(reg) groups => _,
                    inout("v12") highest => highest_now,
                    inout("v13") highest => _,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                    out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                    out("v8") _, out("v9") _, out("v10") _, out("v11") _,
                    out("v16") _, out("v17") _, out("v18") _, out("v19") _,
                    out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                    out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                    out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                    options(nostack),
                );
            }
        };
    }
    if is_first {
        all_keys!(products!("fmul", "16", "0", "2", "4", "6", "0"));
    } else {
        all_keys!("ldp q8, q9, [{s}]", "ldp q10, q11, [{s}, #32]", products!("16", low, "0"));
    }
    let [low, high] = widened(highest_now);
    // SAFETY: `max` holds two vectors.
    unsafe {
        vst1q_f32(max.as_mut_ptr(), low);
        vst1q_f32(max.as_mut_ptr().add(4), high);
    }
}

/// The bits of 1, where the fraction bits of a half have the weight of 1, and half an octave.
const ONE: u16 = 15 << 10;
const HALF_OCTAVE: u16 = 1 << 9;
/// The parabola's height: 0.3432 / 4 in the same units.
const HEIGHT: u16 = 88;
/// What the distance is subtracted from, before the parabola is added; a copy for each of four
/// vectors, because the addition overwrites it.
static COPIES: [u16; 4 * LANES] = [ONE + HALF_OCTAVE - HEIGHT; 4 * LANES];

/// Adds a key's 16 values, in `$low` and `$high`, times the eight weights in `$weights` to the sums.
macro_rules! weighted {
    ($weights:literal, $low:literal, $high:literal) => {
        concat!(
            "fmla v16.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[0]\n",
            "fmla v17.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[0]\n",
            "fmla v18.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[1]\n",
            "fmla v19.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[1]\n",
            "fmla v20.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[2]\n",
            "fmla v21.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[2]\n",
            "fmla v22.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[3]\n",
            "fmla v23.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[3]\n",
            "fmla v24.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[4]\n",
            "fmla v25.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[4]\n",
            "fmla v26.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[5]\n",
            "fmla v27.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[5]\n",
            "fmla v28.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[6]\n",
            "fmla v29.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[6]\n",
            "fmla v30.8h, v",
            $low,
            ".8h, v",
            $weights,
            ".h[7]\n",
            "fmla v31.8h, v",
            $high,
            ".8h, v",
            $weights,
            ".h[7]\n",
        )
    };
}

/// Turns a tile's scores into weights and adds the values times these to the sums.
///
/// A weight `2^-y`, where `y` is the distance from the largest score, is made in integers, in units
/// of 2^-10, the last fraction bit of a half. Read as integers, halves are their own logarithm, with
/// straight lines between the powers of two: `y` subtracted from the bits of 1 is nearly `2^-y`. A
/// parabola over the fraction `f` of the result, which is 0 at both ends of an octave, corrects it:
/// `1 + f - 0.3432 f (1 - f)` is `2^f` within 0.2 %. The distance is taken from half an octave above
/// the maximum. Its fraction, shifted to the top of a signed number, is then `u = 1 - 2 f`, and
/// `4 f (1 - f) = 1 - u^2`. The saturating subtraction makes 0 of all weights below 2^-15.
#[target_feature(enable = "neon,fp16,rdm")]
fn weigh(
    scores: &[u16],
    v: &[u16],
    shrink: &[f32; LANES],
    max: &[f32; LANES],
    totals: &mut [f32; LANES],
    sums: &mut [f32],
) {
    let mut partial = [0_u16; LANES * PANEL];
    // SAFETY: both hold two vectors.
    let max = unsafe { [vld1q_f32(max.as_ptr()), vld1q_f32(max.as_ptr().add(4))] };
    // With half an octave, which is exact: no maximum is large.
    let [first, last] = max.map(|max| vaddq_f32(max, vdupq_n_f32(0.5)));
    let max = narrow(first, last);
    let [mut low, mut high] =
        unsafe { [vld1q_f32(totals.as_ptr()), vld1q_f32(totals.as_ptr().add(4))] };
    for (scores, v) in scores.chunks(CHUNK * LANES).zip(v.chunks(CHUNK * PANEL)) {
        let groups = v.len() / (4 * PANEL);
        assert!(groups > 0 && scores.len() >= groups * 4 * LANES);
        let total: uint16x8_t;
        // SAFETY: reads `groups` times four vectors of `scores` and rows of `v` (asserted above),
        // and reads and writes `partial`, 16 vectors.
        unsafe {
            asm!(
                "movi v16.16b, #0",
                "movi v17.16b, #0",
                "movi v18.16b, #0",
                "movi v19.16b, #0",
                "movi v20.16b, #0",
                "movi v21.16b, #0",
                "movi v22.16b, #0",
                "movi v23.16b, #0",
                "movi v24.16b, #0",
                "movi v25.16b, #0",
                "movi v26.16b, #0",
                "movi v27.16b, #0",
                "movi v28.16b, #0",
                "movi v29.16b, #0",
                "movi v30.16b, #0",
                "movi v31.16b, #0",
                "2:",
                "ldp q0, q1, [{x}], #32",
                "ldp q2, q3, [{x}], #32",
                "fsub v0.8h, v13.8h, v0.8h",
                "fsub v1.8h, v13.8h, v1.8h",
                "fsub v2.8h, v13.8h, v2.8h",
                "fsub v3.8h, v13.8h, v3.8h",
                "ld1 {{v8.8h, v9.8h, v10.8h, v11.8h}}, [{c}]",
                "fcvtzu v0.8h, v0.8h, #10",
                "fcvtzu v1.8h, v1.8h, #10",
                "fcvtzu v2.8h, v2.8h, #10",
                "fcvtzu v3.8h, v3.8h, #10",
                "shl v4.8h, v0.8h, #6",
                "shl v5.8h, v1.8h, #6",
                "shl v6.8h, v2.8h, #6",
                "shl v7.8h, v3.8h, #6",
                "sqrdmulh v4.8h, v4.8h, v4.8h",
                "sqrdmulh v5.8h, v5.8h, v5.8h",
                "sqrdmulh v6.8h, v6.8h, v6.8h",
                "sqrdmulh v7.8h, v7.8h, v7.8h",
                "sqrdmlah v8.8h, v4.8h, v14.8h",
                "sqrdmlah v9.8h, v5.8h, v14.8h",
                "sqrdmlah v10.8h, v6.8h, v14.8h",
                "sqrdmlah v11.8h, v7.8h, v14.8h",
                "uqsub v8.8h, v8.8h, v0.8h",
                "uqsub v9.8h, v9.8h, v1.8h",
                "uqsub v10.8h, v10.8h, v2.8h",
                "uqsub v11.8h, v11.8h, v3.8h",
                "ldp q0, q1, [{v}], #32",
                "ldp q2, q3, [{v}], #32",
                "ldp q4, q5, [{v}], #32",
                "ldp q6, q7, [{v}], #32",
                "subs {n}, {n}, #1",
                "fadd v12.8h, v12.8h, v8.8h",
                weighted!("8", "0", "1"),
                "fadd v12.8h, v12.8h, v9.8h",
                weighted!("9", "2", "3"),
                "fadd v12.8h, v12.8h, v10.8h",
                weighted!("10", "4", "5"),
                "fadd v12.8h, v12.8h, v11.8h",
                weighted!("11", "6", "7"),
                "b.ne 2b",
                "ldp q0, q1, [{p}, #0]",
                "ldp q2, q3, [{p}, #32]",
                "fadd v0.8h, v0.8h, v16.8h",
                "fadd v1.8h, v1.8h, v17.8h",
                "fadd v2.8h, v2.8h, v18.8h",
                "fadd v3.8h, v3.8h, v19.8h",
                "stp q0, q1, [{p}, #0]",
                "stp q2, q3, [{p}, #32]",
                "ldp q0, q1, [{p}, #64]",
                "ldp q2, q3, [{p}, #96]",
                "fadd v0.8h, v0.8h, v20.8h",
                "fadd v1.8h, v1.8h, v21.8h",
                "fadd v2.8h, v2.8h, v22.8h",
                "fadd v3.8h, v3.8h, v23.8h",
                "stp q0, q1, [{p}, #64]",
                "stp q2, q3, [{p}, #96]",
                "ldp q0, q1, [{p}, #128]",
                "ldp q2, q3, [{p}, #160]",
                "fadd v0.8h, v0.8h, v24.8h",
                "fadd v1.8h, v1.8h, v25.8h",
                "fadd v2.8h, v2.8h, v26.8h",
                "fadd v3.8h, v3.8h, v27.8h",
                "stp q0, q1, [{p}, #128]",
                "stp q2, q3, [{p}, #160]",
                "ldp q0, q1, [{p}, #192]",
                "ldp q2, q3, [{p}, #224]",
                "fadd v0.8h, v0.8h, v28.8h",
                "fadd v1.8h, v1.8h, v29.8h",
                "fadd v2.8h, v2.8h, v30.8h",
                "fadd v3.8h, v3.8h, v31.8h",
                "stp q0, q1, [{p}, #192]",
                "stp q2, q3, [{p}, #224]",
                x = inout(reg) scores.as_ptr() => _,
                v = inout(reg) v.as_ptr() => _,
                n = inout(reg) groups => _,
                p = in(reg) partial.as_mut_ptr(),
                c = in(reg) COPIES.as_ptr(),
                inout("v12") vdupq_n_u16(0) => total,
                in("v13") max,
                in("v14") vdupq_n_u16(HEIGHT),
                out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v8") _, out("v9") _, out("v10") _, out("v11") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _,
                out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                options(nostack),
            );
        }
        let [first, last] = widened(total);
        (low, high) = (vaddq_f32(low, first), vaddq_f32(high, last));
    }
    // SAFETY: `totals` holds two vectors.
    unsafe {
        vst1q_f32(totals.as_mut_ptr(), low);
        vst1q_f32(totals.as_mut_ptr().add(4), high);
    }
    for ((sums, partial), shrink) in
        sums.chunks_exact_mut(PANEL).zip(partial.chunks_exact(PANEL)).zip(shrink)
    {
        for (sums, partial) in sums.chunks_exact_mut(8).zip(partial.chunks_exact(8)) {
            // SAFETY: `partial` holds a vector of halves, and `sums` as many floats.
            unsafe {
                let [low, high] = widened(vld1q_u16(partial.as_ptr()));
                let [first, last] = [sums.as_mut_ptr(), sums.as_mut_ptr().add(4)];
                vst1q_f32(first, vfmaq_n_f32(low, vld1q_f32(first), *shrink));
                vst1q_f32(last, vfmaq_n_f32(high, vld1q_f32(last), *shrink));
            }
        }
    }
}
