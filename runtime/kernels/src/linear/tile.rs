//! The product that all f32 kernels are made of: some rows times a panel of columns.
//!
//! For each input the tile loads `V` vectors of the panel and broadcasts one value of each of `R`
//! rows. Those `V + R` loads feed `V * R` multiplications and additions, whose sums stay in
//! registers until the last input. With vectors of four lanes (NEON), the tile loads four inputs of
//! a row at once and multiplies by each lane of them.

use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Lanes of the vectors that are read as four inputs of a row.
const QUAD: usize = 4;

/// Most rows computed together.
pub(crate) const ROWS: usize = 8;

/// Rows computed together with vectors of `lanes` floats. Next to two vectors of the panel, eight
/// rows need 16 sums, 2 weights and a broadcast: 19 of the 32 registers of AVX-512 and NEON. AVX2
/// has 16 registers, and four rows need 11 of them.
pub(crate) const fn rows_at_once(lanes: usize) -> usize {
    if lanes == 8 { 4 } else { ROWS }
}

/// Where the values of a row lie: `segments` runs of `length` values. A matrix has one run a row. A
/// convolution has one for each line of its kernel, so it needs no copy of each patch (im2col).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowPlace {
    /// Distance from a row to the next, in values.
    pub(crate) row: usize,
    /// Distance from a segment to the next, in values.
    pub(crate) segment: usize,
    pub(crate) segments: usize,
    pub(crate) length: usize,
}

impl RowPlace {
    /// Rows of `length` values without gaps.
    pub(crate) fn dense(length: usize) -> Self {
        Self { row: length, segment: length, segments: 1, length }
    }

    /// Number of values of a row.
    pub(crate) fn inputs(&self) -> usize {
        self.segments * self.length
    }

    /// Number of values from the first to the last of `rows` rows.
    fn extent(&self, rows: usize) -> usize {
        (rows - 1) * self.row + self.segments.saturating_sub(1) * self.segment + self.length
    }
}

/// Multiplies `R` rows of `x` by a panel `[inputs, V vectors]` and writes columns `first..` of rows
/// of `out`, `n` values each. Sums start from `start(row, vector)`, which is how a bias is added
/// for free. Columns beyond `n` are the panel's padding and are not written.
#[inline(always)]
pub(crate) fn tile<I: Isa, const V: usize, const R: usize>(
    isa: I,
    panel: &[f32],
    start: impl Fn(usize, usize) -> I::F32,
    x: &[f32],
    place: RowPlace,
    out: &mut [f32],
    [n, first]: [usize; 2],
) {
    let ops = isa.f32();
    let lanes = ops.len();
    let sums = sums::<I, V, R>(isa, panel, start, x, place);
    let end = first + V * lanes;
    if end <= n {
        assert!(out.len() >= (R - 1) * n + end);
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: the last vector of the last row is inside (asserted).
                unsafe { ops.store_ptr(sum, out.as_mut_ptr().add(r * n + first + v * lanes)) };
            }
        }
        return;
    }
    for (r, sums) in sums.into_iter().enumerate() {
        let row = &mut out[r * n..(r + 1) * n];
        for (v, sum) in sums.into_iter().enumerate() {
            let row = &mut row[(first + v * lanes).min(n)..];
            if row.len() >= lanes {
                ops.store(sum, row);
            } else {
                // SAFETY: the mask has as many lanes as `row` has values.
                unsafe { ops.store_ptr_mask(sum, row.as_mut_ptr(), ops.first_n_mask(row.len())) };
            }
        }
    }
}

/// The results of [`tile`], in registers.
#[inline(always)]
pub(super) fn sums<I: Isa, const V: usize, const R: usize>(
    isa: I,
    panel: &[f32],
    start: impl Fn(usize, usize) -> I::F32,
    x: &[f32],
    place: RowPlace,
) -> [[I::F32; V]; R] {
    let ops = isa.f32();
    let lanes = ops.len();
    // The only check of bounds: the loops below do without.
    assert!(x.len() >= place.extent(R) && panel.len() >= place.inputs() * V * lanes);
    let mut sums: [[I::F32; V]; R] = std::array::from_fn(|r| std::array::from_fn(|v| start(r, v)));
    for s in 0..place.segments {
        let mut i = 0;
        // SAFETY: `panel` holds `V` vectors for each input, and rows hold a whole segment from
        // here (asserted).
        let (weights, line) = unsafe {
            let weights = panel.as_ptr().add(s * place.length * V * lanes);
            (weights, x.as_ptr().add(s * place.segment))
        };
        if lanes == QUAD && place.length >= QUAD {
            while i + QUAD <= place.length {
                // SAFETY: inputs `i..i + 4` are inside the segment.
                unsafe {
                    let weights = weights.add(i * V * lanes);
                    quad::<I, V, R, 0>(isa, weights, line.add(i), place.row, &mut sums);
                }
                i += QUAD;
            }
            let rest = place.length - i;
            // SAFETY: the last four inputs of the segment, of which the first are done.
            unsafe {
                let last = place.length - QUAD;
                let (weights, line) = (weights.add(last * V * lanes), line.add(last));
                match rest {
                    0 => {}
                    1 => quad::<I, V, R, 3>(isa, weights, line, place.row, &mut sums),
                    2 => quad::<I, V, R, 2>(isa, weights, line, place.row, &mut sums),
                    _ => quad::<I, V, R, 1>(isa, weights, line, place.row, &mut sums),
                }
            }
            continue;
        }
        while i < place.length {
            // SAFETY: `i` is an input of the segment.
            let weight: [I::F32; V] =
                std::array::from_fn(|v| unsafe { ops.load_ptr(weights.add((i * V + v) * lanes)) });
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `r < R`, and `i` is an input of the segment.
                let value = ops.splat(unsafe { *line.add(r * place.row + i) });
                // One sum a result, in the order of the inputs: the bits do not depend on `R` and
                // `V`.
                for (sum, weight) in sums.iter_mut().zip(weight) {
                    *sum = ops.mul_add(value, weight, *sum);
                }
            }
            i += 1;
        }
    }
    sums
}

/// Adds the products of four inputs, without the first `SKIP` of them, in their order. A vector
/// holds those of a row, and NEON multiplies by one of its lanes: a load then serves four inputs.
///
/// # Safety
/// Vectors must have four lanes. Four inputs must be readable from `x` and from `R - 1` rows after
/// it, and `weights` hold `V` vectors for each.
#[inline(always)]
unsafe fn quad<I: Isa, const V: usize, const R: usize, const SKIP: usize>(
    isa: I,
    weights: *const f32,
    x: *const f32,
    row: usize,
    sums: &mut [[I::F32; V]; R],
) {
    let ops = isa.f32();
    // SAFETY: the caller's promise.
    let rows: [I::F32; R] = std::array::from_fn(|r| unsafe { ops.load_ptr(x.add(r * row)) });
    for lane in SKIP..QUAD {
        // SAFETY: as above.
        let weight: [I::F32; V] =
            std::array::from_fn(|v| unsafe { ops.load_ptr(weights.add((lane * V + v) * QUAD)) });
        for (row, sums) in rows.iter().zip(sums.iter_mut()) {
            // The lane is part of the instruction: it must be a constant.
            let value = match lane {
                0 => ops.broadcast_lane::<0>(*row),
                1 => ops.broadcast_lane::<1>(*row),
                2 => ops.broadcast_lane::<2>(*row),
                _ => ops.broadcast_lane::<3>(*row),
            };
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = ops.mul_add(value, weight, *sum);
            }
        }
    }
}

/// Floats in a vector of the instructions that rten-simd picks on this processor.
pub(crate) fn lanes() -> usize {
    Lanes.dispatch()
}

struct Lanes;

impl SimdOp for Lanes {
    type Output = usize;

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) -> usize {
        isa.f32().len()
    }
}
