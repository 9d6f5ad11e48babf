//! Integer layers on any processor, and the definition that tests compare the other paths with.

use super::LinearI8;

/// Computes `out [rows, N]` from `x [rows, K]`.
pub(super) fn products(layer: &LinearI8, x: &[i16], sums: &mut Vec<i32>, out: &mut [f32]) {
    let n = layer.outputs;
    for (x, out) in x.chunks_exact(layer.inputs.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        sums.clear();
        sums.extend_from_slice(&layer.start);
        for (x, weights) in x.iter().zip(layer.shorts.chunks_exact(n)) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                // Wraps as the vector instructions do, beyond 131,072 inputs.
                *sum = sum.wrapping_add(i32::from(*x) * i32::from(*weight));
            }
        }
        for (i, (sum, out)) in sums.iter().zip(out).enumerate() {
            *out = *sum as f32 * layer.scale[i] + layer.bias[i];
        }
    }
}
