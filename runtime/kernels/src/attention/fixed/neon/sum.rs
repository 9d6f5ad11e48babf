//! Sums of weighted values.

use super::{CHANNELS, FOUR, STEP};
use std::arch::aarch64::*;
use std::arch::asm;

/// The products of a channel of a step's first tile, in `v8`, with four queries' weights.
macro_rules! first_tile {
    () => {
        "smull v10.8h, v0.8b, v8.8b
        smull v11.8h, v2.8b, v8.8b
        smull v12.8h, v4.8b, v8.8b
        smull v13.8h, v6.8b, v8.8b
        smlal2 v10.8h, v0.16b, v8.16b
        smlal2 v11.8h, v2.16b, v8.16b
        smlal2 v12.8h, v4.16b, v8.16b
        smlal2 v13.8h, v6.16b, v8.16b\n"
    };
}

/// Those of its second tile, in `v9`, added: four products fit 16 bits.
macro_rules! second_tile {
    () => {
        "smlal v10.8h, v1.8b, v9.8b
        smlal v11.8h, v3.8b, v9.8b
        smlal v12.8h, v5.8b, v9.8b
        smlal v13.8h, v7.8b, v9.8b
        smlal2 v10.8h, v1.16b, v9.16b
        smlal2 v11.8h, v3.16b, v9.16b
        smlal2 v12.8h, v5.16b, v9.16b
        smlal2 v13.8h, v7.16b, v9.16b\n"
    };
}

/// A channel at `$at`, whose products are added to four sums.
macro_rules! channel {
    ($load:literal, $at:literal, [$($products:ident)*], $($sum:literal $product:literal),*) => {
        concat!(
            $load, ", [{v}, #", $at, "]\n",
            $($products!(),)*
            $("sadalp v", $sum, ".4s, v", $product, ".8h\n"),*
        )
    };
}

/// Sums of the values of `tiles` tiles times the weights of four queries.
#[target_feature(enable = "neon")]
pub(super) fn sum(
    weights: &[u8],
    values: &[[[i8; STEP]; CHANNELS]],
    tiles: usize,
) -> [[int32x4_t; 4]; FOUR] {
    assert!(tiles > 1 && tiles.div_ceil(2) == values.len());
    assert!(weights.len() == values.len() * STEP * FOUR);
    let mut out = [[vdupq_n_s32(0); 4]; FOUR];
    for part in 0..CHANNELS / 4 {
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
                channel!("ldp q8, q9", 0, [first_tile second_tile], 16 10, 20 11, 24 12, 28 13),
                channel!("ldp q8, q9", 32, [first_tile second_tile], 17 10, 21 11, 25 12, 29 13),
                channel!("ldp q8, q9", 64, [first_tile second_tile], 18 10, 22 11, 26 12, 30 13),
                channel!("ldp q8, q9", 96, [first_tile second_tile], 19 10, 23 11, 27 12, 31 13),
                "add {v}, {v}, #512",
                "subs {n}, {n}, #1",
                "b.ne 2b",
                "cbz {odd}, 3f",
                "ldr q0, [{w}]",
                "ldr q2, [{w}, #32]",
                "ldr q4, [{w}, #64]",
                "ldr q6, [{w}, #96]",
                channel!("ldr q8", 0, [first_tile], 16 10, 20 11, 24 12, 28 13),
                channel!("ldr q8", 32, [first_tile], 17 10, 21 11, 25 12, 29 13),
                channel!("ldr q8", 64, [first_tile], 18 10, 22 11, 26 12, 30 13),
                channel!("ldr q8", 96, [first_tile], 19 10, 23 11, 27 12, 31 13),
                "3:",
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
                v = inout(reg) values[0][4 * part].as_ptr() => _,
                n = inout(reg) tiles / 2 => _,
                odd = in(reg) tiles % 2,
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
            out[part] = sums;
        }
    }
    out
}
