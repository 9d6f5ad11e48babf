//! From scores to weights.

use super::prepare::Block;
use super::{FOUR, STEP, TILE};
use crate::attention::fixed::{LINEAR, ONE, SQUARE};
use crate::attention::integer::DITHER;
use std::arch::aarch64::*;
use std::arch::asm;

/// The weights of two queries, `$i` and `$j`, and a tile. Their largest scores are in `$mi` and `$mj`, their shifts in
/// `$si` and `$sj`, the sums of their weights in `$ti` and `$tj`. `$from` and `$to` are where the scores and the
/// weights of `$i` are; those of `$j` follow. `$shift` is `sqshl` or, for nothing, `//`.
macro_rules! weights {
    ($shift:literal, $i:literal $j:literal, $mi:literal $mj:literal, $si:literal $sj:literal, $ti:literal $tj:literal,
     $from:literal $next:literal, $to:literal $after:literal) => {
        concat!(
            "ldp q17, q18, [{s}, #",
            $from,
            "]\n",
            "ldp q19, q20, [{s}, #",
            $next,
            "]\n",
            "shsub v17.8h, v17.8h, v",
            $mi,
            ".8h\n",
            "shsub v18.8h, v18.8h, v",
            $mi,
            ".8h\n",
            "shsub v19.8h, v19.8h, v",
            $mj,
            ".8h\n",
            "shsub v20.8h, v20.8h, v",
            $mj,
            ".8h\n",
            "sqrdmulh v17.8h, v17.8h, v0.h[",
            $i,
            "]\n",
            "sqrdmulh v18.8h, v18.8h, v0.h[",
            $i,
            "]\n",
            "sqrdmulh v19.8h, v19.8h, v0.h[",
            $j,
            "]\n",
            "sqrdmulh v20.8h, v20.8h, v0.h[",
            $j,
            "]\n",
            $shift,
            " v17.8h, v17.8h, v",
            $si,
            ".8h\n",
            $shift,
            " v18.8h, v18.8h, v",
            $si,
            ".8h\n",
            $shift,
            " v19.8h, v19.8h, v",
            $sj,
            ".8h\n",
            $shift,
            " v20.8h, v20.8h, v",
            $sj,
            ".8h\n",
            "shl v21.8h, v17.8h, #5\n",
            "shl v22.8h, v18.8h, #5\n",
            "shl v23.8h, v19.8h, #5\n",
            "shl v24.8h, v20.8h, #5\n",
            "sqdmulh v25.8h, v21.8h, v0.h[5]\n",
            "sqdmulh v26.8h, v22.8h, v0.h[5]\n",
            "sqdmulh v27.8h, v23.8h, v0.h[5]\n",
            "sqdmulh v28.8h, v24.8h, v0.h[5]\n",
            "srshr v17.8h, v17.8h, #11\n",
            "srshr v18.8h, v18.8h, #11\n",
            "srshr v19.8h, v19.8h, #11\n",
            "srshr v20.8h, v20.8h, #11\n",
            "add v25.8h, v25.8h, v1.8h\n",
            "add v26.8h, v26.8h, v1.8h\n",
            "add v27.8h, v27.8h, v1.8h\n",
            "add v28.8h, v28.8h, v1.8h\n",
            "sqdmulh v21.8h, v21.8h, v25.8h\n",
            "sqdmulh v22.8h, v22.8h, v26.8h\n",
            "sqdmulh v23.8h, v23.8h, v27.8h\n",
            "sqdmulh v24.8h, v24.8h, v28.8h\n",
            "add v21.8h, v21.8h, v2.8h\n",
            "add v22.8h, v22.8h, v2.8h\n",
            "add v23.8h, v23.8h, v2.8h\n",
            "add v24.8h, v24.8h, v2.8h\n",
            "ushl v21.8h, v21.8h, v17.8h\n",
            "ushl v22.8h, v22.8h, v18.8h\n",
            "ushl v23.8h, v23.8h, v19.8h\n",
            "ushl v24.8h, v24.8h, v20.8h\n",
            "addhn v17.8b, v21.8h, v15.8h\n",
            "addhn v19.8b, v23.8h, v15.8h\n",
            "addhn2 v17.16b, v22.8h, v16.8h\n",
            "addhn2 v19.16b, v24.8h, v16.8h\n",
            "uadalp v",
            $ti,
            ".8h, v17.16b\n",
            "uadalp v",
            $tj,
            ".8h, v19.16b\n",
            "str q17, [{w}, #",
            $to,
            "]\n",
            "str q19, [{w}, #",
            $after,
            "]",
        )
    };
}

/// `weigh` with or without the shift: a step of two tiles a turn, then a last tile if there is one. Dither levels come
/// from a table of two steps.
macro_rules! weigh {
    ($shift:literal, $tiles:expr, $s:expr, $w:expr, $lanes:expr, $max:expr, $shifts:expr, $totals:expr) => {
        asm!(
            "2:",
            "ldp q15, q16, [{d}]",
            weights!($shift, 0 1, 3 4, 7 8, 11 12, 0 32, 0 32),
            weights!($shift, 2 3, 5 6, 9 10, 13 14, 64 96, 64 96),
            "cmp {n}, #1",
            "b.eq 3f",
            "ldp q15, q16, [{d}, #32]",
            weights!($shift, 0 1, 3 4, 7 8, 11 12, 128 160, 16 48),
            weights!($shift, 2 3, 5 6, 9 10, 13 14, 192 224, 80 112),
            "eor {d}, {d}, #64",
            "add {s}, {s}, #256",
            "add {w}, {w}, #128",
            "subs {n}, {n}, #2",
            "b.ne 2b",
            "3:",
            n = inout(reg) $tiles => _,
            s = inout(reg) $s => _,
            w = inout(reg) $w => _,
            d = inout(reg) LEVELS.0.as_ptr() => _,
            in("v0") $lanes, in("v1") vdupq_n_s16(LINEAR), in("v2") vdupq_n_s16(ONE),
            in("v3") $max[0], in("v4") $max[1], in("v5") $max[2], in("v6") $max[3],
            in("v7") $shifts[0], in("v8") $shifts[1], in("v9") $shifts[2], in("v10") $shifts[3],
            inout("v11") $totals[0], inout("v12") $totals[1], inout("v13") $totals[2], inout("v14") $totals[3],
            out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _,
            out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _,
            out("v27") _, out("v28") _,
            options(nostack),
        )
    };
}

/// The dither, widened. The loop flips a bit of the address to change between its two steps.
#[repr(align(128))]
struct Levels([u16; 2 * STEP]);

static LEVELS: Levels = {
    let mut levels = [0; 2 * STEP];
    let mut i = 0;
    while i < levels.len() {
        levels[i] = DITHER[i] as u16;
        i += 1;
    }
    Levels(levels)
};

/// Weights of four queries, `[step][query][key]`, and their sums. Padding beyond `count` keys weighs nothing.
#[target_feature(enable = "neon")]
pub(super) fn weigh(
    scores: &[i16],
    max: [int16x8_t; FOUR],
    block: &Block,
    weights: &mut [u8],
    count: usize,
) -> uint32x4_t {
    let tiles = scores.len() / (TILE * FOUR);
    assert!(tiles > 0 && scores.len() == tiles * TILE * FOUR && weights.len() >= scores.len());
    let lanes = vcombine_s16(block.distance_factors, vset_lane_s16::<1>(SQUARE, vdup_n_s16(0)));
    let shifts = [
        vdupq_lane_s16::<0>(block.shifts),
        vdupq_lane_s16::<1>(block.shifts),
        vdupq_lane_s16::<2>(block.shifts),
        vdupq_lane_s16::<3>(block.shifts),
    ];
    let mut totals = [vdupq_n_u16(0); FOUR];
    let (s, w) = (scores.as_ptr(), weights.as_mut_ptr());
    // SAFETY: reads `tiles` tiles of `scores` and `LEVELS`, and writes as many tiles of `weights`.
    unsafe {
        if vmaxv_s16(block.shifts) == 0 {
            weigh!("//", tiles, s, w, lanes, max, shifts, totals);
        } else {
            weigh!("sqshl", tiles, s, w, lanes, max, shifts, totals);
        }
    }
    // Of one query, they may not fit 16 bits.
    let [a, b, c, d] = totals.map(|total| vpaddlq_u16(total));
    let mut totals = [0; FOUR];
    // SAFETY: four values are a vector.
    unsafe {
        vst1q_u32(totals.as_mut_ptr(), vpaddq_u32(vpaddq_u32(a, b), vpaddq_u32(c, d)));
    }
    let padded = tiles * TILE;
    if count < padded {
        let last = (padded - 1) / STEP * STEP;
        let rows = weights[last * FOUR..].as_chunks_mut::<STEP>().0;
        for (total, weights) in totals.iter_mut().zip(rows) {
            for weight in &mut weights[count - last..padded - last] {
                *total -= u32::from(*weight);
                *weight = 0;
            }
        }
    }
    // SAFETY: as above.
    unsafe { vld1q_u32(totals.as_ptr()) }
}
