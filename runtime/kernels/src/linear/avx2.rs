//! Integer layers with AVX2, whose `vpmaddwd` adds up two products of 16 bits in each of eight
//! lanes.
//!
//! `vpmaddubsw` would multiply 32 bytes at once, but its sums have 16 bits and saturate: twice 255
//! times 127 does not fit. The result must be exact, so inputs and weights are widened to 16
//! bits, the weights when they are packed.

use super::LinearI8;
use std::arch::x86_64::*;

/// Outputs of a vector.
const LANES: usize = 8;
/// Inputs that one instruction multiplies in a lane.
const DEPTH: usize = 2;
/// Rows computed together: with two vectors each, 8 of the 16 registers are sums. The product needs
/// a register of its own before it is added.
const ROWS: usize = 4;

/// Computes `out [rows, N]` from `x [rows, K]`, widened and padded to whole steps.
///
/// # Safety
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn products(layer: &LinearI8, x: &[i16], out: &mut [f32]) {
    let (k, padded) = (layer.inputs.next_multiple_of(DEPTH), layer.bias.len());
    let mut first = 0;
    while first < padded {
        if padded - first >= 2 * LANES {
            panel::<2>(layer, x, out, first, k);
            first += 2 * LANES;
        } else {
            panel::<1>(layer, x, out, first, k);
            first += LANES;
        }
    }
}

#[target_feature(enable = "avx2")]
fn panel<const V: usize>(layer: &LinearI8, x: &[i16], out: &mut [f32], first: usize, k: usize) {
    let n = layer.outputs;
    let rows = out.len() / n;
    let mut row = 0;
    while row + ROWS <= rows {
        group::<V, { ROWS }>(layer, &x[row * k..], &mut out[row * n..], first, k);
        row += ROWS;
    }
    while row < rows {
        group::<V, 1>(layer, &x[row * k..], &mut out[row * n..], first, k);
        row += 1;
    }
}

#[target_feature(enable = "avx2")]
fn group<const V: usize, const R: usize>(
    layer: &LinearI8,
    x: &[i16],
    out: &mut [f32],
    first: usize,
    k: usize,
) {
    let n = layer.outputs;
    let weights = &layer.shorts[first * k..][..V * LANES * k];
    let end = first + V * LANES;
    let (scale, bias) = (&layer.scale[first..end], &layer.bias[first..end]);
    assert!(x.len() >= R * k && out.len() >= R * n);
    let mut sums = [[_mm256_setzero_si256(); V]; R];
    for step in 0..k / DEPTH {
        // SAFETY: `weights` holds `k / DEPTH` steps of `V` vectors of 16 shorts.
        let weight: [__m256i; V] = std::array::from_fn(|v| unsafe {
            _mm256_loadu_si256(weights.as_ptr().add((step * V + v) * LANES * DEPTH).cast())
        });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `R` rows of `k` shorts (asserted above), whole steps each.
            let pair =
                unsafe { x.as_ptr().add(r * k + step * DEPTH).cast::<i32>().read_unaligned() };
            // Two neighbouring inputs as one 32-bit number: a single broadcast serves both.
            let pair = _mm256_set1_epi32(pair);
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, weight));
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        let row = &mut out[r * n..(r + 1) * n];
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: both hold `V` vectors.
            let (scale, bias) = unsafe {
                let at = v * LANES;
                (_mm256_loadu_ps(scale.as_ptr().add(at)), _mm256_loadu_ps(bias.as_ptr().add(at)))
            };
            // Not fused: see the module `integer`.
            let value = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), bias);
            // The last panel may be wider than the row. A store through a mask would need a vector
            // of lane masks; a copy is simpler.
            let mut values = [0.0; LANES];
            // SAFETY: `values` is one vector.
            unsafe { _mm256_storeu_ps(values.as_mut_ptr(), value) };
            let row = &mut row[(first + v * LANES).min(n)..];
            let count = row.len().min(LANES);
            row[..count].copy_from_slice(&values[..count]);
        }
    }
}
