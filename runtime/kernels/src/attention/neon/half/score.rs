//! Scores of keys, a block of eight queries at a time.

use super::{LANES, PANEL, narrow, widened};
use std::arch::aarch64::*;
use std::arch::asm;

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
pub(super) fn score(
    columns: &[u16],
    k: &[u16],
    is_first: bool,
    scores: &mut [u16],
    max: &mut [f32; LANES],
) {
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
