//! The difference between two tensors.

/// Largest difference, relative to the expected tensor's root mean square. NaN where either has
/// one, so that a comparison with a bound fails.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn relative(found: &[f32], expected: &[f32]) -> f32 {
    let largest = crate::golden::max_abs_difference(found, expected);
    let squares: f64 = expected.iter().map(|v| f64::from(*v).powi(2)).sum();
    let scale = (squares / expected.len().max(1) as f64).sqrt() as f32;
    largest / scale.max(1e-6)
}
