//! The definition of attention in fixed point.

use super::{CHANNELS, FRACTION_BITS, LINEAR, MOST_SHIFT, ONE, Row, SQUARE, Tokens, length_step};
use crate::attention::integer::{DITHER, steps};

/// What is kept from call to call.
#[derive(Default)]
pub(super) struct Buffers {
    keys: Vec<i16>,
    values: Vec<i8>,
    scores: Vec<i16>,
    weights: Vec<u8>,
}

/// How a query's half distances become `x`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distance {
    /// In units of 2^-15.
    pub(super) factor: i16,
    /// Bits to the left, after the product.
    pub(super) shift: i16,
    /// NaN if a step is, otherwise 1: a NaN in the operands is lost in integers, this brings it back.
    pub(super) mark: f32,
}

impl Distance {
    #[inline(always)]
    fn new(query_step: f32, key_step: f32) -> Self {
        // Distances are halved, so that they fit 16 bits.
        let scale =
            query_step * key_step * (std::f32::consts::LOG2_E * (2 << FRACTION_BITS) as f32);
        if !scale.is_finite() {
            return Self { factor: 0, shift: 0, mark: f32::NAN };
        }
        // 2^shift is the first power of two above the scale.
        let exponent = (scale.to_bits() >> 23) as i32 - 126;
        let shift = exponent.clamp(0, MOST_SHIFT as i32);
        let factor = (scale * f32::from_bits((127 + 15 - shift as u32) << 23)).round_ties_even();
        Self { factor: factor.min(32_767.0) as i16, shift: shift as i16, mark: 1.0 }
    }
}

pub(super) fn attend(tokens: &mut Tokens<'_>, buffers: &mut Buffers) {
    let [k, v] = [&tokens.k[..tokens.keys], &tokens.v[..tokens.keys]];
    let key_step = keys(k, &mut buffers.keys);
    let [value_steps, value_means] = values(v, &mut buffers.values);
    let Buffers { keys, values, scores, weights } = buffers;
    scores.resize(k.len(), 0);
    weights.resize(k.len(), 0);
    for (q, out) in tokens.q.iter().zip(&mut *tokens.out) {
        let [query_step, inverse] = length_step(square(q));
        let query = q.map(|q| (q * inverse).round_ties_even() as i16);
        // Keys lie channel by channel, so the inner loop goes over keys: many, and side by side.
        scores.fill(0);
        for (&q, keys) in query.iter().zip(keys.chunks_exact(k.len())) {
            for (score, &k) in scores.iter_mut().zip(keys) {
                *score = score.wrapping_add(q.wrapping_mul(k));
            }
        }
        let max = scores.iter().copied().fold(i16::MIN, i16::max);
        let distance = Distance::new(query_step, key_step);
        for ((to, &score), &dither) in
            weights.iter_mut().zip(scores.iter()).zip(DITHER.iter().cycle())
        {
            *to = weight(score, max, distance, dither);
        }
        let total: i32 = weights.iter().map(|&w| i32::from(w)).sum();
        let factor = distance.mark / total as f32;
        let mut sums = [0_i32; CHANNELS];
        for (&w, values) in weights.iter().zip(values.as_chunks::<CHANNELS>().0) {
            for (sum, &v) in sums.iter_mut().zip(values) {
                *sum += i32::from(w) * i32::from(v);
            }
        }
        for (c, out) in out.iter_mut().enumerate() {
            *out = sums[c] as f32 * value_steps[c] * factor + value_means[c];
        }
    }
}

/// The weight of a score, in units of 1/63, dithered.
#[inline(always)]
pub(super) fn weight(score: i16, max: i16, distance: Distance, dither: u8) -> u8 {
    let high = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 15) as i16;
    let half = ((i32::from(score) - i32::from(max)) >> 1) as i16;
    let product = (i32::from(half) * i32::from(distance.factor) + (1 << 14)) >> 15;
    let x = (product << distance.shift).max(i32::from(i16::MIN)) as i16;
    // 2^x is 2^y times a power of two, with y in [-0.5, 0.5) in units of 2^-16.
    let y = x << 5;
    let shift = -((i32::from(x) + (1 << 10)) >> 11);
    let mantissa = ONE + high(y, LINEAR + high(y, SQUARE));
    let weight = mantissa.cast_unsigned().checked_shr(shift as u32).unwrap_or(0);
    ((weight + u16::from(dither)) >> 8) as u8
}

/// The squared length, by four partial sums.
#[inline(always)]
fn square(row: &Row) -> f32 {
    let mut sums = [0.0_f32; 4];
    for part in row.as_chunks::<4>().0 {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value * value;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

fn mean(rows: &[Row]) -> Row {
    let mut mean = [0.0; CHANNELS];
    for row in rows {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += value;
        }
    }
    mean.map(|sum| sum / rows.len() as f32)
}

fn less(row: &Row, mean: &Row) -> Row {
    std::array::from_fn(|c| row[c] - mean[c])
}

/// Rounds the keys less their mean, as `[CHANNELS][keys]`, and returns their step.
fn keys(k: &[Row], keys: &mut Vec<i16>) -> f32 {
    let mean = mean(k);
    // Without the sign, floats order as their bits do, and a NaN is larger than any number.
    let largest = k.iter().map(|key| square(&less(key, &mean)).to_bits()).fold(0, u32::max);
    let [step, inverse] = length_step(f32::from_bits(largest & 0x7fff_ffff));
    keys.resize(CHANNELS * k.len(), 0);
    for (i, key) in k.iter().enumerate() {
        for (c, value) in less(key, &mean).into_iter().enumerate() {
            keys[c * k.len() + i] = (value * inverse).round_ties_even() as i16;
        }
    }
    step
}

/// Rounds the values less their mean, as `[keys][CHANNELS]`; the steps of the channels, and their means.
fn values(v: &[Row], values: &mut Vec<i8>) -> [Row; 2] {
    let mean = mean(v);
    let mut largest = [0_u32; CHANNELS];
    for row in v {
        for (largest, value) in largest.iter_mut().zip(less(row, &mean)) {
            *largest = (*largest).max(value.to_bits() & 0x7fff_ffff);
        }
    }
    let steps = largest.map(steps);
    values.clear();
    for row in v {
        let row = less(row, &mean);
        values.extend((0..CHANNELS).map(|c| (row[c] * steps[c][1]).round_ties_even() as i8));
    }
    [steps.map(|[step, _]| step), mean]
}
