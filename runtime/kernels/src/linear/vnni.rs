//! Integer layers with AVX-512 VNNI, whose `vpdpbusd` adds four products of bytes to each of 16
//! sums.
//!
//! A lane is an output. Four inputs of a row are broadcast; a packed vector holds the four weights
//! of each of 16 outputs. No sum ever crosses lanes, and an input is read as part of one 32-bit
//! broadcast.

use super::LinearI8;
use super::tile::ROWS;
use std::arch::x86_64::*;

/// Outputs of a vector.
const LANES: usize = 16;
/// Inputs that one instruction multiplies in a lane.
const DEPTH: usize = 4;

/// Computes `out [rows, N]` from `x [rows, K]`, to which 128 is added and which is padded to whole
/// steps.
///
/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn products(layer: &LinearI8, x: &[u8], out: &mut [f32]) {
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn panel<const V: usize>(layer: &LinearI8, x: &[u8], out: &mut [f32], first: usize, k: usize) {
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn group<const V: usize, const R: usize>(
    layer: &LinearI8,
    x: &[u8],
    out: &mut [f32],
    first: usize,
    k: usize,
) {
    let n = layer.outputs;
    let weights = &layer.bytes[first * k..][..V * LANES * k];
    let end = first + V * LANES;
    let (start, scale, bias) =
        (&layer.start[first..end], &layer.scale[first..end], &layer.bias[first..end]);
    assert!(x.len() >= R * k && out.len() >= R * n);
    // SAFETY: `start` holds `V` vectors.
    let start: [__m512i; V] = std::array::from_fn(|v| unsafe {
        _mm512_loadu_si512(start.as_ptr().add(v * LANES).cast())
    });
    // With eight rows and two vectors: 16 sums, 2 weights and a broadcast in 32 registers.
    let mut sums = [start; R];
    for step in 0..k / DEPTH {
        // SAFETY: `weights` holds `k / DEPTH` steps of `V` vectors of 64 bytes.
        let weight: [__m512i; V] = std::array::from_fn(|v| unsafe {
            _mm512_loadu_si512(weights.as_ptr().add((step * V + v) * LANES * DEPTH).cast())
        });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `R` rows of `k` bytes (asserted above), whole steps each.
            // The order of bytes in memory is that of the packed weights.
            let four =
                unsafe { x.as_ptr().add(r * k + step * DEPTH).cast::<i32>().read_unaligned() };
            let four = _mm512_set1_epi32(four);
            for (sum, weight) in sums.iter_mut().zip(weight) {
                *sum = _mm512_dpbusd_epi32(*sum, four, weight);
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        let row = &mut out[r * n..(r + 1) * n];
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: both hold `V` vectors.
            let (scale, bias) = unsafe {
                let at = v * LANES;
                (_mm512_loadu_ps(scale.as_ptr().add(at)), _mm512_loadu_ps(bias.as_ptr().add(at)))
            };
            // Not fused: see the module `integer`.
            let value = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale), bias);
            let row = &mut row[(first + v * LANES).min(n)..];
            let mask = if row.len() >= LANES { u16::MAX } else { (1 << row.len()) - 1 };
            // SAFETY: the mask has as many lanes as `row` has values, or all if it has enough.
            unsafe { _mm512_mask_storeu_ps(row.as_mut_ptr(), mask, value) };
        }
    }
}
