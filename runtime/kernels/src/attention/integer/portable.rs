//! The definition of integer attention, in loops that compilers vectorise.

use super::{
    Buffers, DITHER, FRACTION_BITS, Head, LINEAR, ONE, SQUARE, TILE, distance_scale, row_factor,
    steps,
};

#[inline(always)]
pub(super) fn attend(head: &mut Head<'_>, buffers: &mut Buffers) {
    let count = head.key_count();
    let key_step = keys(head, buffers);
    values(head, buffers);
    let (dim, dim_v) = (head.dim, head.dim_v);
    buffers.scores.resize(count, 0);
    buffers.weights.resize(count, 0);
    let mut sums = vec![0_i32; dim_v];
    let mut query = vec![0_i8; dim];
    for (q, out) in head.q.chunks_exact(dim).zip(head.out.chunks_exact_mut(head.width)) {
        let [query_step, inverse] = steps(magnitude(q));
        for (to, &q) in query.iter_mut().zip(q) {
            *to = round(q * inverse);
        }
        // Keys lie channel by channel, so the inner loop goes over keys: many, and side by side.
        buffers.scores.fill(0);
        for (&q, keys) in query.iter().zip(buffers.keys.chunks_exact(count)) {
            for (score, &k) in buffers.scores.iter_mut().zip(keys) {
                *score += i32::from(q) * i32::from(k);
            }
        }
        // Exact integers: the maximum, and so every distance, has the same bits on all paths.
        let max = buffers.scores.iter().copied().fold(i32::MIN, i32::max);
        let scale = distance_scale(query_step, key_step, dim);
        let tiles = buffers.scores.chunks(TILE).zip(buffers.weights.chunks_mut(TILE));
        for (scores, weights) in tiles {
            for ((to, score), dither) in weights.iter_mut().zip(scores).zip(DITHER) {
                let x = ((max - score) as f32 * scale).round_ties_even() as i32;
                *to = weight(x.clamp(0, i32::from(u16::MAX)) as u16, dither);
            }
        }
        let total: i32 = buffers.weights.iter().map(|&w| i32::from(w)).sum();
        sums.fill(0);
        for (&w, values) in buffers.weights.iter().zip(buffers.values.chunks_exact(dim_v)) {
            for (sum, &v) in sums.iter_mut().zip(values) {
                *sum += i32::from(w) * i32::from(v);
            }
        }
        // The first float operation on the sums. The order of the two products is part of the
        // definition.
        let factor = row_factor(scale, total);
        for ((out, &sum), step) in out.iter_mut().zip(&sums).zip(&buffers.value_scale) {
            *out = sum as f32 * step * factor;
        }
    }
}

/// `2^-x` in units of 1/255, dithered. `x` is a fixed-point number with [`FRACTION_BITS`] after the
/// point.
#[inline(always)]
pub(super) fn weight(x: u16, dither: u8) -> u8 {
    let high = |a: u16, b: u16| ((u32::from(a) * u32::from(b)) >> 16) as u16;
    // The fraction as 16 bits; the shift drops the integer part.
    let y = x << (16 - FRACTION_BITS);
    // Only the high halves of products are kept, as the vector instruction for 16 bits does.
    let mantissa = ONE - high(y, LINEAR - high(y, SQUARE));
    let weight = mantissa.checked_shr(u32::from(x >> FRACTION_BITS)).unwrap_or(0);
    ((weight + u16::from(dither)) >> 8) as u8
}

/// Bits of the largest magnitude. Without the sign, floats order as their bits do, and a NaN is
/// larger than any number: comparing integers finds it, while a float maximum may drop it.
#[inline(always)]
fn magnitude(values: &[f32]) -> u32 {
    values.iter().map(|v| v.to_bits() & 0x7fff_ffff).fold(0, u32::max)
}

/// Rounds to the nearest integer, ties to even. The magnitude is at most 127 if all values were
/// finite.
#[inline(always)]
fn round(value: f32) -> i8 {
    value.round_ties_even() as i8
}

/// Quantizes the keys less their mean, as `[dim][keys]`, and returns their step.
#[inline(always)]
fn keys(head: &Head<'_>, buffers: &mut Buffers) -> f32 {
    let (dim, count) = (head.dim, head.key_count());
    buffers.mean.clear();
    buffers.mean.resize(dim, 0.0);
    for key in head.k.chunks_exact(dim) {
        for (sum, value) in buffers.mean.iter_mut().zip(key) {
            *sum += value;
        }
    }
    for sum in &mut buffers.mean {
        *sum /= count as f32;
    }
    let mut largest = 0;
    for key in head.k.chunks_exact(dim) {
        for (value, mean) in key.iter().zip(&buffers.mean) {
            largest = largest.max((value - mean).to_bits() & 0x7fff_ffff);
        }
    }
    let [step, inverse] = steps(largest);
    buffers.keys.clear();
    buffers.keys.resize(dim * count, 0);
    for (i, key) in head.k.chunks_exact(dim).enumerate() {
        for (c, (value, mean)) in key.iter().zip(&buffers.mean).enumerate() {
            buffers.keys[c * count + i] = round((value - mean) * inverse);
        }
    }
    step
}

/// Quantizes the values, as `[keys][dim_v]`, each channel with a step of its own.
#[inline(always)]
fn values(head: &Head<'_>, buffers: &mut Buffers) {
    let dim = head.dim_v;
    let mut largest = vec![0_u32; dim];
    for value in head.v.chunks_exact(dim) {
        for (largest, v) in largest.iter_mut().zip(value) {
            *largest = (*largest).max(v.to_bits() & 0x7fff_ffff);
        }
    }
    buffers.value_scale.clear();
    buffers.value_scale.extend(largest.iter().map(|&bits| steps(bits)[0]));
    let inverses: Vec<f32> = largest.iter().map(|&bits| steps(bits)[1]).collect();
    buffers.values.clear();
    for value in head.v.chunks_exact(dim) {
        buffers.values.extend(value.iter().zip(&inverses).map(|(v, inverse)| round(v * inverse)));
    }
}
