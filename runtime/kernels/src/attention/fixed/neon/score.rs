//! Scores of four queries.

use super::{CHANNELS, FOUR, TILE};
use std::arch::aarch64::*;
use std::arch::asm;

/// The products of a channel: a tile's keys in `$a` and `$b`, times lane `$lane` of four queries.
macro_rules! products {
    ($op:literal, $at:literal, $a:literal $b:literal, $lane:literal, $p:literal $q:literal $r:literal $s:literal) => {
        concat!(
            "ldp q",
            $a,
            ", q",
            $b,
            ", [{k}, #",
            $at,
            "]\n",
            $op,
            " v20.8h, v",
            $a,
            ".8h, v",
            $p,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v21.8h, v",
            $b,
            ".8h, v",
            $p,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v22.8h, v",
            $a,
            ".8h, v",
            $q,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v23.8h, v",
            $b,
            ".8h, v",
            $q,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v24.8h, v",
            $a,
            ".8h, v",
            $r,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v25.8h, v",
            $b,
            ".8h, v",
            $r,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v26.8h, v",
            $a,
            ".8h, v",
            $s,
            ".h[",
            $lane,
            "]\n",
            $op,
            " v27.8h, v",
            $b,
            ".8h, v",
            $s,
            ".h[",
            $lane,
            "]",
        )
    };
}

/// Scores of four queries, by tiles: `[tile][query][key]`, and each query's largest.
#[target_feature(enable = "neon")]
pub(super) fn score(
    queries: &[[int16x8_t; 2]; FOUR],
    keys: &[[[i16; TILE]; CHANNELS]],
    scores: &mut [i16],
) -> [int16x8_t; FOUR] {
    assert!(!keys.is_empty() && scores.len() == keys.len() * FOUR * TILE);
    let lowest = vdupq_n_s16(i16::MIN);
    let [mut a, mut b, mut c, mut d] = [lowest; FOUR];
    // SAFETY: reads all `keys`, and writes as many tiles of `scores`.
    unsafe {
        asm!(
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
            k = inout(reg) keys.as_ptr() => _,
            s = inout(reg) scores.as_mut_ptr() => _,
            n = inout(reg) keys.len() => _,
            inout("v28") a, inout("v29") b, inout("v30") c, inout("v31") d,
            in("v0") queries[0][0], in("v1") queries[1][0], in("v2") queries[2][0], in("v3") queries[3][0],
            in("v4") queries[0][1], in("v5") queries[1][1], in("v6") queries[2][1], in("v7") queries[3][1],
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            options(nostack),
        );
    }
    let all = |max| vdupq_n_s16(vmaxvq_s16(max));
    [all(a), all(b), all(c), all(d)]
}
