//! The runtime's attention in 8-bit integers: on a CPU its own kernel, elsewhere the same on
//! tensors (`runtime/kernels/src/attention/integer` defines it), whose last sums alone may differ
//! by rounding.

use super::STEPS;
use crate::batch;
use anyhow::Result;
use std::cell::RefCell;
use std::sync::OnceLock;
use tch::{Device, Kind, Tensor, no_grad};
use uniultra_kernels::{Attention, MapView, Scratch};

thread_local! {
    /// The kernel's buffers.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The dither's period, in keys.
const TILE: i64 = 64;
/// The runtime pads channels to whole vectors.
const LANES: i64 = 16;
/// Fractional bits of a distance.
const FRACTION_BITS: u32 = 11;
/// Of `2^-y = ONE - y (LINEAR - y SQUARE)` in fixed point.
const ONE: u32 = 65_280;
const LINEAR: u32 = 43_841;
const SQUARE: u32 = 11_201;
/// Magnitudes below count as zero.
const TINY: f64 = 1e-30;

/// Whether heads of `dim` channels in windows of that many keys are computed in integers.
pub(super) fn fits(keys: i64, dim: i64) -> bool {
    Attention::fits_integers(keys as usize, dim as usize)
}

/// `softmax(q k^T / sqrt(d)) v` of `[n, heads, tokens, d]` as the runtime's integers compute it;
/// without gradients.
pub(super) fn attend_in_integers(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    no_grad(|| {
        if q.device() == Device::Cpu
            && let Ok(out) = by_kernel(q, k, v)
        {
            return out;
        }
        on_tensors(q, k, v)
    })
}

/// Computed by the runtime's kernel. Each head of a window is passed as a window of one head, with
/// its tokens below each other.
fn by_kernel(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (count, heads, queries, dim) = q.size4()?;
    let keys = k.size()[2];
    // The exporter folds a softmax's factor into the projection of the queries.
    let scaled = q.detach() * (1.0 / (dim as f64).sqrt());
    let values = [&scaled, k, v].map(batch::host);
    let view = |part: usize, tokens: i64| MapView {
        values: &values[part],
        columns: 1,
        channels: dim as usize,
        first: 0,
        window: [tokens as usize, 1],
    };
    let views = [view(0, queries), view(1, keys), view(2, keys)];
    let rows = (count * heads * queries) as usize;
    let attention = Attention::new(views, 1, [dim as usize; 2], [rows, 1])?.in_integers();
    let mut out = vec![0.0_f32; attention.output_len()];
    SCRATCH.with_borrow_mut(|scratch| attention.run(scratch, &mut out))?;
    Ok(Tensor::from_slice(&out).reshape([count, heads, queries, dim]))
}

/// The same on tensors of any device.
fn on_tensors(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let (count, heads, queries, dim) = q.size4().unwrap_or_default();
    let keys = k.size()[2];
    let flat = |x: &Tensor, tokens: i64| x.detach().to_kind(Kind::Float).reshape([-1, tokens, dim]);
    let q = flat(q, queries) * (1.0 / (dim as f64).sqrt());
    let (k, v) = (flat(k, keys), flat(v, keys));
    let k = &k - k.mean_dim([1_i64].as_slice(), true, Kind::Float);
    let (q, q_step) = steps(&q, &[2]);
    let (k, k_step) = steps(&k, &[1, 2]);
    let (v, v_step) = steps(&v, &[1]);

    // The factor that turns an exponential into a power of two.
    let factor = std::f64::consts::LOG2_E * f64::from(1_u32 << FRACTION_BITS);
    let padded = (dim as u64).next_multiple_of(LANES as u64) as f64;
    let limit = f64::from(1_u32 << 29) / (padded * f64::from(STEPS * STEPS));
    let scale = (q_step * k_step * factor).clamp_max(limit);

    let table = Tensor::from_slice(weights()).to_device(q.device());
    let dither = Tensor::from_slice(&dither()).to_device(q.device());
    let dither = dither.repeat([(keys + TILE - 1) / TILE]).narrow(0, 0, keys);
    let scores = q.matmul(&k.transpose(1, 2));
    let mut distance = scores.amax([-1_i64].as_slice(), true) - scores;
    let _ = distance.multiply_(&scale).round_();
    let _ = distance.clamp_max_(f64::from(u16::MAX));
    let mut weight = table.take(&distance.to_kind(Kind::Int64));
    let _ = weight.g_add_(&dither).multiply_scalar_(1.0 / 256.0).floor_();
    let total = weight.sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float);
    (weight.matmul(&v) * &v_step / total).reshape([count, heads, queries, dim])
}

/// Values in steps of the largest magnitude over `axes`, and the step.
fn steps(x: &Tensor, axes: &[i64]) -> (Tensor, Tensor) {
    let largest = x.abs().amax(axes, true);
    let inverse = largest.full_like(f64::from(STEPS)) / largest.clamp_min(TINY);
    ((x * inverse).round(), largest / f64::from(STEPS))
}

/// Weights of all distances before dither and rounding, in 1/65280 of the largest.
fn weights() -> &'static [f32] {
    static WEIGHTS: OnceLock<Vec<f32>> = OnceLock::new();
    WEIGHTS.get_or_init(|| {
        let weight = |x: u32| {
            let y = (x << (16 - FRACTION_BITS)) & 0xffff;
            let mantissa = ONE - ((y * (LINEAR - ((y * SQUARE) >> 16))) >> 16);
            let shifted =
                if x >> FRACTION_BITS < 16 { mantissa >> (x >> FRACTION_BITS) } else { 0 };
            shifted as f32
        };
        (0..=u32::from(u16::MAX)).map(weight).collect()
    })
}

/// The dither, which is added to a weight before its low byte is cut off: 64 levels in bit-reversed
/// order.
fn dither() -> [f32; TILE as usize] {
    std::array::from_fn(|i| f32::from((i as u8).reverse_bits() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::quantization::tests::numbers;

    /// Norm of the difference relative to that of the result. The mean of the keys is summed in
    /// another order; where its last bit moves the largest magnitude, a step changes, and values on
    /// an edge go the other way. Measured: 5e-8 in three cases and 1.3e-3 in one; in the shipped
    /// encoder 5e-5 at most, whose rounding is 0.001 to 0.013.
    const TOLERANCE: f64 = 5e-3;

    #[test]
    fn tensors_compute_what_the_kernel_computes() {
        for (case, (count, queries, keys, dim, scale)) in [
            (3, 64, 64, 16, 1.0),
            (1, 196, 196, 16, 4.0),
            (2, 16, 64, 8, 0.1),
            (1, 300, 1024, 24, 2.0),
        ]
        .into_iter()
        .enumerate()
        {
            let q = numbers(&[count, 2, queries, dim], 0.754_877_666) * scale;
            let k = numbers(&[count, 2, keys, dim], 0.569_840_291);
            // A mean, which the keys lose, and channels of different size.
            let (k, v) = (k + 3.0, numbers(&[count, 2, keys, dim], 0.618_033_988));
            let v = v * Tensor::linspace(0.1, 3.0, dim, (Kind::Float, Device::Cpu));
            let expected = by_kernel(&q, &k, &v).unwrap();
            let found = on_tensors(&q, &k, &v);
            let norm = |x: &Tensor| x.square().sum(Kind::Double).sqrt().double_value(&[]);
            let error = norm(&(&found - &expected)) / norm(&expected);
            assert!(error <= TOLERANCE, "case {case}: {error}");
            // Not what float computes: the rounding is there.
            let float = Tensor::scaled_dot_product_attention(
                &q,
                &k,
                &v,
                None::<&Tensor>,
                0.0,
                false,
                None,
                false,
            );
            let rounding = norm(&(&expected - float)) / norm(&expected);
            assert!((2.0 * error..0.3).contains(&rounding), "case {case}: {rounding}");
        }
    }

    #[test]
    fn small_windows_and_large_heads_stay_in_float() {
        assert!(fits(64, 16) && fits(1024, 256));
        assert!(!fits(16, 16) && !fits(64, 272));
    }
}
