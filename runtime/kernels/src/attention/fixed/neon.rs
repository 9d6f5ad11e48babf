//! Attention in fixed point with NEON: the bits of `portable`.
//!
//! - **Scores.** Four queries against 16 keys: a lane is a key, and a lane of the query's register picks the channel.
//! - **Weights.** Four queries side by side, 16 keys at a time, so that the dither is loaded once for all.
//! - **Sums.** Four queries and four channels: a lane is a key modulo four, and the lanes are added at the end.
//!
//! The three loops are in assembly: they fill all 32 registers, and the compiler, which reorders intrinsics, spilled some and
//! took half as many instructions more.
//!
//! Weights and values go by [`STEP`]s of two tiles. Keys beyond the last are copies of it, which raise no maximum and get
//! no weight. Queries are padded to fours with copies of the last, whose results go nowhere.

use super::{CHANNELS, Distance, LINEAR, ONE, SQUARE, STEP, Tokens, length_step};
use crate::attention::integer::DITHER;
use std::arch::aarch64::*;
use std::arch::asm;

mod prepare;

/// Queries of a block.
const FOUR: usize = 4;
/// Keys of a tile of scores.
const TILE: usize = 16;

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Buffers {
    keys: Vec<[[i16; TILE]; CHANNELS]>,
    values: Vec<[[i8; STEP]; CHANNELS]>,
    scores: Vec<i16>,
    weights: Vec<u8>,
}

pub(super) fn attend(tokens: &mut Tokens<'_>, buffers: &mut Buffers) {
    // SAFETY: NEON is part of every processor that this target runs on.
    unsafe { attend_all(tokens, buffers) }
}

#[target_feature(enable = "neon")]
fn attend_all(tokens: &mut Tokens<'_>, buffers: &mut Buffers) {
    let Tokens { q, k, v, keys: count, out } = tokens;
    let Buffers { keys, values, scores, weights } = buffers;
    let key_step = prepare::keys(k, *count, keys);
    let [value_steps, value_means] = prepare::values(v, *count, values);
    scores.resize(k.len() * FOUR, 0);
    weights.resize(k.len() * FOUR, 0);
    for (q, out) in q.chunks(FOUR).zip(out.chunks_mut(FOUR)) {
        let mut rows = [[0_i16; CHANNELS]; FOUR];
        let mut distances = [Distance::NONE; FOUR];
        for i in 0..FOUR {
            let q = &q[i.min(q.len() - 1)];
            let [query_step, inverse] = length_step(prepare::square(q));
            prepare::round(q, inverse, &mut rows[i]);
            distances[i] = Distance::new(query_step, key_step);
        }
        let max = score(&rows, keys, scores);
        let totals = weigh(scores, max, &distances, weights, *count);
        let sums = sum(weights, values);
        for (i, out) in out.iter_mut().enumerate() {
            let factor = distances[i].mark / f32::from(totals[i]);
            prepare::finish(&sums[i], &value_steps, factor, &value_means, out);
        }
    }
}

/// The products of a channel: a tile's keys in `$a` and `$b`, times lane `$lane` of four queries.
macro_rules! products {
    ($op:literal, $at:literal, $a:literal $b:literal, $lane:literal, $p:literal $q:literal $r:literal $s:literal) => {
        concat!(
            "ldp q", $a, ", q", $b, ", [{k}, #", $at, "]\n",
            $op, " v20.8h, v", $a, ".8h, v", $p, ".h[", $lane, "]\n",
            $op, " v21.8h, v", $b, ".8h, v", $p, ".h[", $lane, "]\n",
            $op, " v22.8h, v", $a, ".8h, v", $q, ".h[", $lane, "]\n",
            $op, " v23.8h, v", $b, ".8h, v", $q, ".h[", $lane, "]\n",
            $op, " v24.8h, v", $a, ".8h, v", $r, ".h[", $lane, "]\n",
            $op, " v25.8h, v", $b, ".8h, v", $r, ".h[", $lane, "]\n",
            $op, " v26.8h, v", $a, ".8h, v", $s, ".h[", $lane, "]\n",
            $op, " v27.8h, v", $b, ".8h, v", $s, ".h[", $lane, "]",
        )
    };
}

/// Scores of four queries, by tiles: `[tile][query][key]`, and each query's largest.
#[target_feature(enable = "neon")]
fn score(
    queries: &[[i16; CHANNELS]; FOUR],
    keys: &[[[i16; TILE]; CHANNELS]],
    scores: &mut [i16],
) -> [i16; FOUR] {
    assert!(!keys.is_empty() && scores.len() == keys.len() * FOUR * TILE);
    let lowest = vdupq_n_s16(i16::MIN);
    let [mut a, mut b, mut c, mut d] = [lowest; FOUR];
    // SAFETY: reads the four queries and all `keys`, and writes as many tiles of `scores`.
    unsafe {
        asm!(
            "ldp q0, q4, [{q}]",
            "ldp q1, q5, [{q}, #32]",
            "ldp q2, q6, [{q}, #64]",
            "ldp q3, q7, [{q}, #96]",
            "2:",
            products!("mul", 0, 16 17, 0, 0 1 2 3),
            products!("mla", 32, 18 19, 1, 0 1 2 3),
            products!("mla", 64, 16 17, 2, 0 1 2 3),
            products!("mla", 96, 18 19, 3, 0 1 2 3),
            products!("mla", 128, 16 17, 4, 0 1 2 3),
            products!("mla", 160, 18 19, 5, 0 1 2 3),
            products!("mla", 192, 16 17, 6, 0 1 2 3),
            products!("mla", 224, 18 19, 7, 0 1 2 3),
            products!("mla", 256, 16 17, 0, 4 5 6 7),
            products!("mla", 288, 18 19, 1, 4 5 6 7),
            products!("mla", 320, 16 17, 2, 4 5 6 7),
            products!("mla", 352, 18 19, 3, 4 5 6 7),
            products!("mla", 384, 16 17, 4, 4 5 6 7),
            products!("mla", 416, 18 19, 5, 4 5 6 7),
            products!("mla", 448, 16 17, 6, 4 5 6 7),
            products!("mla", 480, 18 19, 7, 4 5 6 7),
            "add {k}, {k}, #512",
            "smax v28.8h, v28.8h, v20.8h",
            "smax v29.8h, v29.8h, v22.8h",
            "stp q20, q21, [{s}], #32",
            "smax v30.8h, v30.8h, v24.8h",
            "smax v31.8h, v31.8h, v26.8h",
            "stp q22, q23, [{s}], #32",
            "smax v28.8h, v28.8h, v21.8h",
            "smax v29.8h, v29.8h, v23.8h",
            "stp q24, q25, [{s}], #32",
            "smax v30.8h, v30.8h, v25.8h",
            "smax v31.8h, v31.8h, v27.8h",
            "stp q26, q27, [{s}], #32",
            "subs {n}, {n}, #1",
            "b.ne 2b",
            q = in(reg) queries.as_ptr(),
            k = inout(reg) keys.as_ptr() => _,
            s = inout(reg) scores.as_mut_ptr() => _,
            n = inout(reg) keys.len() => _,
            inout("v28") a, inout("v29") b, inout("v30") c, inout("v31") d,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            options(nostack),
        );
    }
    [vmaxvq_s16(a), vmaxvq_s16(b), vmaxvq_s16(c), vmaxvq_s16(d)]
}

/// The weights of two queries, `$i` and `$j`, and a tile. Their largest scores are in `$mi` and `$mj`, their shifts in
/// `$si` and `$sj`, the sums of their weights in `$ti` and `$tj`. `$from` and `$to` are where the scores and the
/// weights of `$i` are; those of `$j` follow. `$shift` is `sqshl` or, for nothing, `//`.
macro_rules! weights {
    ($shift:literal, $i:literal $j:literal, $mi:literal $mj:literal, $si:literal $sj:literal, $ti:literal $tj:literal,
     $from:literal $next:literal, $to:literal $after:literal) => {
        concat!(
            "ldp q17, q18, [{s}, #", $from, "]\n",
            "ldp q19, q20, [{s}, #", $next, "]\n",
            "shsub v17.8h, v17.8h, v", $mi, ".8h\n",
            "shsub v18.8h, v18.8h, v", $mi, ".8h\n",
            "shsub v19.8h, v19.8h, v", $mj, ".8h\n",
            "shsub v20.8h, v20.8h, v", $mj, ".8h\n",
            "sqrdmulh v17.8h, v17.8h, v0.h[", $i, "]\n",
            "sqrdmulh v18.8h, v18.8h, v0.h[", $i, "]\n",
            "sqrdmulh v19.8h, v19.8h, v0.h[", $j, "]\n",
            "sqrdmulh v20.8h, v20.8h, v0.h[", $j, "]\n",
            $shift, " v17.8h, v17.8h, v", $si, ".8h\n",
            $shift, " v18.8h, v18.8h, v", $si, ".8h\n",
            $shift, " v19.8h, v19.8h, v", $sj, ".8h\n",
            $shift, " v20.8h, v20.8h, v", $sj, ".8h\n",
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
            "uadalp v", $ti, ".8h, v17.16b\n",
            "uadalp v", $tj, ".8h, v19.16b\n",
            "str q17, [{w}, #", $to, "]\n",
            "str q19, [{w}, #", $after, "]",
        )
    };
}

/// The loop of `weigh`: a step of two tiles a turn. Dither levels come from a table of two steps.
macro_rules! weigh {
    ($shift:literal, $n:expr, $s:expr, $w:expr, $d:expr, $c:expr, $totals:expr) => {
        asm!(
            "ld1 {{v0.8h, v1.8h, v2.8h, v3.8h}}, [{c}], #64",
            "ld1 {{v4.8h, v5.8h, v6.8h, v7.8h}}, [{c}], #64",
            "ld1 {{v8.8h, v9.8h, v10.8h}}, [{c}]",
            "2:",
            "ldp q15, q16, [{d}]",
            weights!($shift, 0 1, 3 4, 7 8, 11 12, 0 32, 0 32),
            weights!($shift, 2 3, 5 6, 9 10, 13 14, 64 96, 64 96),
            "ldp q15, q16, [{d}, #32]",
            weights!($shift, 0 1, 3 4, 7 8, 11 12, 128 160, 16 48),
            weights!($shift, 2 3, 5 6, 9 10, 13 14, 192 224, 80 112),
            "eor {d}, {d}, #64",
            "add {s}, {s}, #256",
            "add {w}, {w}, #128",
            "subs {n}, {n}, #1",
            "b.ne 2b",
            n = inout(reg) $n => _,
            s = inout(reg) $s => _,
            w = inout(reg) $w => _,
            d = inout(reg) $d => _,
            c = inout(reg) $c => _,
            inout("v11") $totals[0], inout("v12") $totals[1], inout("v13") $totals[2], inout("v14") $totals[3],
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
            out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _,
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
fn weigh(
    scores: &[i16],
    max: [i16; FOUR],
    distances: &[Distance; FOUR],
    weights: &mut [u8],
    count: usize,
) -> [u16; FOUR] {
    let steps = weights.len() / (STEP * FOUR);
    assert!(steps > 0 && weights.len() == steps * STEP * FOUR && scores.len() == weights.len());
    // Vectors that stay in registers: factors and constants by lane, then values in all lanes.
    let [f0, f1, f2, f3] = distances.map(|distance| distance.factor);
    let [s0, s1, s2, s3] = distances.map(|distance| [distance.shift; 8]);
    let [m0, m1, m2, m3] = max.map(|max| [max; 8]);
    let lanes = [f0, f1, f2, f3, 0, SQUARE, 0, 0];
    let constants = [lanes, [LINEAR; 8], [ONE; 8], m0, m1, m2, m3, s0, s1, s2, s3];
    let mut totals = [vdupq_n_u16(0); FOUR];
    let (s, w, d, c) = (
        scores.as_ptr(),
        weights.as_mut_ptr(),
        LEVELS.0.as_ptr(),
        constants.as_ptr(),
    );
    // SAFETY: reads `steps` steps of `scores`, `LEVELS` and `constants`, and writes as many steps of `weights`.
    unsafe {
        if distances.iter().all(|distance| distance.shift == 0) {
            weigh!("//", steps, s, w, d, c, totals);
        } else {
            weigh!("sqshl", steps, s, w, d, c, totals);
        }
    }
    let mut totals =
        [vaddvq_u16(totals[0]), vaddvq_u16(totals[1]), vaddvq_u16(totals[2]), vaddvq_u16(totals[3])];
    let last = &mut weights[(steps - 1) * STEP * FOUR..];
    let real = count - (steps - 1) * STEP;
    for (total, weights) in totals.iter_mut().zip(last.as_chunks_mut::<STEP>().0) {
        for weight in &mut weights[real..] {
            *total -= u16::from(*weight);
            *weight = 0;
        }
    }
    totals
}

/// The products of channel `$c` of a step with four queries' weights: four products fit 16 bits.
macro_rules! channel {
    ($at:literal, $a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            "ldp q8, q9, [{v}, #", $at, "]\n",
            "smull v10.8h, v0.8b, v8.8b\n",
            "smull v11.8h, v2.8b, v8.8b\n",
            "smull v12.8h, v4.8b, v8.8b\n",
            "smull v13.8h, v6.8b, v8.8b\n",
            "smlal2 v10.8h, v0.16b, v8.16b\n",
            "smlal2 v11.8h, v2.16b, v8.16b\n",
            "smlal2 v12.8h, v4.16b, v8.16b\n",
            "smlal2 v13.8h, v6.16b, v8.16b\n",
            "smlal v10.8h, v1.8b, v9.8b\n",
            "smlal v11.8h, v3.8b, v9.8b\n",
            "smlal v12.8h, v5.8b, v9.8b\n",
            "smlal v13.8h, v7.8b, v9.8b\n",
            "smlal2 v10.8h, v1.16b, v9.16b\n",
            "smlal2 v11.8h, v3.16b, v9.16b\n",
            "smlal2 v12.8h, v5.16b, v9.16b\n",
            "smlal2 v13.8h, v7.16b, v9.16b\n",
            "sadalp v", $a, ".4s, v10.8h\n",
            "sadalp v", $b, ".4s, v11.8h\n",
            "sadalp v", $c, ".4s, v12.8h\n",
            "sadalp v", $d, ".4s, v13.8h",
        )
    };
}

/// Sums of the values times the weights of four queries.
#[target_feature(enable = "neon")]
fn sum(weights: &[u8], values: &[[[i8; STEP]; CHANNELS]]) -> [[i32; CHANNELS]; FOUR] {
    assert!(!values.is_empty() && weights.len() == values.len() * STEP * FOUR);
    let mut out = [[0; CHANNELS]; FOUR];
    for first in (0..CHANNELS).step_by(4) {
        let mut sums = [vdupq_n_s32(0); FOUR];
        // SAFETY: reads all steps of `weights`, and four channels of as many steps of `values`.
        unsafe {
            asm!(
                "movi v16.4s, #0", "movi v17.4s, #0", "movi v18.4s, #0", "movi v19.4s, #0",
                "movi v20.4s, #0", "movi v21.4s, #0", "movi v22.4s, #0", "movi v23.4s, #0",
                "movi v24.4s, #0", "movi v25.4s, #0", "movi v26.4s, #0", "movi v27.4s, #0",
                "movi v28.4s, #0", "movi v29.4s, #0", "movi v30.4s, #0", "movi v31.4s, #0",
                "2:",
                "ldp q0, q1, [{w}], #32",
                "ldp q2, q3, [{w}], #32",
                "ldp q4, q5, [{w}], #32",
                "ldp q6, q7, [{w}], #32",
                channel!(0, 16 20 24 28),
                channel!(32, 17 21 25 29),
                channel!(64, 18 22 26 30),
                channel!(96, 19 23 27 31),
                "add {v}, {v}, #512",
                "subs {n}, {n}, #1",
                "b.ne 2b",
                // Lanes of four channels become a vector of four sums.
                "addp v16.4s, v16.4s, v17.4s",
                "addp v18.4s, v18.4s, v19.4s",
                "addp v20.4s, v20.4s, v21.4s",
                "addp v22.4s, v22.4s, v23.4s",
                "addp v24.4s, v24.4s, v25.4s",
                "addp v26.4s, v26.4s, v27.4s",
                "addp v28.4s, v28.4s, v29.4s",
                "addp v30.4s, v30.4s, v31.4s",
                "addp v16.4s, v16.4s, v18.4s",
                "addp v20.4s, v20.4s, v22.4s",
                "addp v24.4s, v24.4s, v26.4s",
                "addp v28.4s, v28.4s, v30.4s",
                w = inout(reg) weights.as_ptr() => _,
                v = inout(reg) values[0][first].as_ptr() => _,
                n = inout(reg) values.len() => _,
                out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _,
                out("v16") sums[0], out("v20") sums[1], out("v24") sums[2], out("v28") sums[3],
                out("v17") _, out("v18") _, out("v19") _, out("v21") _, out("v22") _, out("v23") _,
                out("v25") _, out("v26") _, out("v27") _, out("v29") _, out("v30") _, out("v31") _,
                options(nostack),
            );
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            // SAFETY: four values are left from `first` on.
            unsafe { vst1q_s32(out.as_mut_ptr().add(first), sums) };
        }
    }
    out
}
