//! Weights as 8-bit integers with one scale an output channel.

use crate::config::WeightRange;

/// Largest magnitude of a quantized weight. -128 is not used: the range stays symmetric.
const LIMIT: f32 = 127.0;

/// Shares of the largest magnitude that are tried as the range: 1, 0.98, .. 0.62.
const SHRINK_STEPS: usize = 20;
const SHRINK_STEP: f32 = 0.02;

/// An 8-bit weight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuantizedWeight {
    /// `[outputs, inputs]`.
    pub(crate) values: Vec<i8>,
    /// `[outputs]`: the real weight is value times scale.
    pub(crate) scales: Vec<f32>,
}

/// Quantizes `weight [outputs, inputs]`. `importance [inputs]` is the mean square of each input: the
/// error in a weight counts by what it is multiplied with.
pub(crate) fn quantize_weight(
    weight: &[f32],
    inputs: usize,
    importance: &[f64],
    range: WeightRange,
) -> QuantizedWeight {
    let mut quantized =
        QuantizedWeight { values: Vec::with_capacity(weight.len()), scales: vec![] };
    for row in weight.chunks_exact(inputs.max(1)) {
        let largest = row.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
        let scale = match range {
            WeightRange::Max => scale_of(largest),
            WeightRange::Mse => best_scale(row, largest, importance),
        };
        quantized.scales.push(scale);
        quantized.values.extend(row.iter().map(|&w| round_to_i8(w, scale)));
    }
    quantized
}

/// The scale of a range of `largest` to both sides; 1 for a row of zeros.
fn scale_of(largest: f32) -> f32 {
    let scale = largest / LIMIT;
    if scale.is_normal() { scale } else { 1.0 }
}

fn best_scale(row: &[f32], largest: f32, importance: &[f64]) -> f32 {
    let error = |scale: f32| -> f64 {
        let errors = row.iter().zip(importance).map(|(&w, &importance)| {
            let error = f64::from(w) - f64::from(f32::from(round_to_i8(w, scale)) * scale);
            error * error * importance
        });
        errors.sum()
    };
    let candidates = (0..SHRINK_STEPS).map(|step| 1.0 - step as f32 * SHRINK_STEP);
    let scored = candidates.map(|share| scale_of(largest * share)).map(|s| (error(s), s));
    // The first of equals is the widest range.
    let best = scored.reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.map_or_else(|| scale_of(largest), |(_, scale)| scale)
}

/// Nearest step, ties to even, saturating at +-127.
fn round_to_i8(value: f32, scale: f32) -> i8 {
    (value / scale).round_ties_even().clamp(-LIMIT, LIMIT) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_weight_is_off_by_more_than_half_a_step(
            row in prop::collection::vec(-9.0_f32..9.0, 1..40),
        ) {
            let importance = vec![1.0; row.len()];
            let q = quantize_weight(&row, row.len(), &importance, WeightRange::Max);
            for (&w, &v) in row.iter().zip(&q.values) {
                let error = (w - f32::from(v) * q.scales[0]).abs();
                prop_assert!(error <= q.scales[0] * 0.5001, "{w} became {v} of {}", q.scales[0]);
            }
        }

        #[test]
        fn a_narrower_range_is_taken_only_where_it_lowers_the_error(
            row in prop::collection::vec(-1.0_f32..1.0, 2..40), outlier in 1.0_f32..20.0,
        ) {
            let row: Vec<f32> = row.into_iter().chain([outlier]).collect();
            let importance: Vec<f64> = (0..row.len()).map(|i| 1.0 + (i % 3) as f64).collect();
            let error = |range| {
                let q = quantize_weight(&row, row.len(), &importance, range);
                let errors = row.iter().zip(&q.values).zip(&importance).map(|((&w, &v), &i)| {
                    let error = f64::from(w) - f64::from(f32::from(v) * q.scales[0]);
                    error * error * i
                });
                errors.sum::<f64>()
            };
            prop_assert!(error(WeightRange::Mse) <= error(WeightRange::Max));
        }
    }

    #[test]
    fn a_row_of_zeros_has_a_scale() {
        let q = quantize_weight(&[0.0, 0.0, 1.0, -2.0], 2, &[1.0, 1.0], WeightRange::Mse);
        assert_eq!(q.values[..2], [0, 0]);
        assert_eq!(q.scales[0], 1.0);
        assert_eq!(q.values[3], -127);
    }
}
