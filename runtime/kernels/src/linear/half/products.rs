//! The loops in f16.

use super::{CHUNK, ROWS, STEP};
use std::arch::asm;

/// Rounds `steps` times eight values, each to a place `stride` halves after the one before.
///
/// # Safety
/// They must be readable and writable.
#[inline]
pub(super) unsafe fn convert(from: *const f32, steps: usize, to: *mut u16, stride: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!(
            "2:",
            "ldp {a:q}, {b:q}, [{from}], #32",
            "fcvtn {a:v}.4h, {a:v}.4s",
            "fcvtn2 {a:v}.8h, {b:v}.4s",
            "str {a:q}, [{to}]",
            "add {to}, {to}, {stride}",
            "subs {n}, {n}, #1",
            "b.ne 2b",
            a = out(vreg) _,
            b = out(vreg) _,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            n = inout(reg) steps => _,
            stride = in(reg) 2 * stride,
            options(nostack),
        );
    }
}

/// One input: its weights, times a lane of each row.
macro_rules! input {
    (two, $lane:literal, $v:literal $w:literal, $($x:literal $a:literal $b:literal),*) => {
        concat!(
            "ldp q", $v, ", q", $w, ", [{w}], #32\n",
            $("fmla v", $a, ".8h, v", $v, ".8h, v", $x, ".h[", $lane, "]\n",
              "fmla v", $b, ".8h, v", $w, ".8h, v", $x, ".h[", $lane, "]\n"),*
        )
    };
    (one, $lane:literal, $v:literal $w:literal, $($x:literal $a:literal $b:literal),*) => {
        concat!(
            "ldr q", $v, ", [{w}], #16\n",
            $("fmla v", $a, ".8h, v", $v, ".8h, v", $x, ".h[", $lane, "]\n"),*
        )
    };
}

/// A sum of halves, widened and stored at `{o}`, or added to what is there.
macro_rules! widen {
    (two, $first:ident, $($x:literal $a:literal $b:literal),*) => {
        concat!($(widen!($first, $a), widen!($first, $b)),*)
    };
    (one, $first:ident, $($x:literal $a:literal $b:literal),*) => {
        concat!($(widen!($first, $a)),*)
    };
    (store, $a:literal) => {
        concat!(
            "fcvtl v0.4s, v", $a, ".4h\n",
            "fcvtl2 v1.4s, v", $a, ".8h\n",
            "stp q0, q1, [{o}], #32\n",
        )
    };
    (add, $a:literal) => {
        concat!(
            "ldp q2, q3, [{o}]\n",
            "fcvtl v0.4s, v", $a, ".4h\n",
            "fcvtl2 v1.4s, v", $a, ".8h\n",
            "fadd v0.4s, v0.4s, v2.4s\n",
            "fadd v1.4s, v1.4s, v3.4s\n",
            "stp q0, q1, [{o}], #32\n",
        )
    };
}

/// Products of some steps of rows, at `{x}`, and a panel, at `{w}`.
macro_rules! products {
    ($vectors:ident, $load:literal, [$($x:literal $a:literal $b:literal),*], $in:expr, $weights:expr, $steps:expr,
     $first:expr, $out:expr) => {
        asm!(
            ".arch_extension fp16",
            $(concat!("movi v", $a, ".8h, #0"), concat!("movi v", $b, ".8h, #0"),)*
            "2:",
            $load,
            input!($vectors, 0, 8 9, $($x $a $b),*),
            input!($vectors, 1, 10 11, $($x $a $b),*),
            input!($vectors, 2, 8 9, $($x $a $b),*),
            input!($vectors, 3, 10 11, $($x $a $b),*),
            input!($vectors, 4, 8 9, $($x $a $b),*),
            input!($vectors, 5, 10 11, $($x $a $b),*),
            input!($vectors, 6, 8 9, $($x $a $b),*),
            input!($vectors, 7, 10 11, $($x $a $b),*),
            "subs {n}, {n}, #1",
            "b.ne 2b",
            "cbz {first}, 3f",
            widen!($vectors, store, $($x $a $b),*),
            "b 4f",
            "3:",
            widen!($vectors, add, $($x $a $b),*),
            "4:",
            x = inout(reg) $in => _,
            w = inout(reg) $weights => _,
            n = inout(reg) $steps => _,
            first = in(reg) usize::from($first),
            o = inout(reg) $out => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _,
            out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _,
            out("v30") _, out("v31") _,
            options(nostack),
        )
    };
}

/// Sums of `R` rows and `V` vectors of eight outputs.
///
/// # Safety
/// The processor must have FEAT_FP16. `x` must hold `steps` steps of `R` rows, and `weights` as many of `V` vectors.
#[inline]
pub(super) unsafe fn products<const R: usize, const V: usize>(
    x: *const u16,
    weights: *const u16,
    steps: usize,
    out: &mut [[[f32; STEP]; V]; R],
) {
    for start in (0..steps).step_by(CHUNK) {
        let count = CHUNK.min(steps - start);
        // SAFETY: the caller's promise; `out` holds `V` vectors of eight sums for each row.
        unsafe {
            let x = x.add(start * R * STEP);
            let weights = weights.add(start * STEP * V * STEP);
            let (first, out) = (start == 0, out.as_mut_ptr());
            match (R, V) {
                (ROWS, 2) => products!(
                    two,
                    "ldp q0, q1, [{x}], #32\nldp q2, q3, [{x}], #32\nldp q4, q5, [{x}], #32\nldp q6, q7, [{x}], #32",
                    [0 16 17, 1 18 19, 2 20 21, 3 22 23, 4 24 25, 5 26 27, 6 28 29, 7 30 31],
                    x, weights, count, first, out
                ),
                (ROWS, _) => products!(
                    one,
                    "ldp q0, q1, [{x}], #32\nldp q2, q3, [{x}], #32\nldp q4, q5, [{x}], #32\nldp q6, q7, [{x}], #32",
                    [0 16 17, 1 18 19, 2 20 21, 3 22 23, 4 24 25, 5 26 27, 6 28 29, 7 30 31],
                    x, weights, count, first, out
                ),
                (_, 2) => {
                    products!(two, "ldr q0, [{x}], #16", [0 16 17], x, weights, count, first, out)
                }
                _ => products!(one, "ldr q0, [{x}], #16", [0 16 17], x, weights, count, first, out),
            }
        }
    }
}
