//! Linear layers on int8 values and weights, exact in int32, scaled per output channel.
//!
//! The result has the bits of ONNX's `MatMulInteger`, `Cast`, `Mul` and `Add`, on every processor.
//! Sums in int32 are exact, so paths may add in any order. The scale and the bias are a
//! multiplication and an addition, each rounded: a fused one would round once and differ.

#[cfg(target_arch = "x86_64")]
use super::pack::by_fours;
use super::portable;
use super::{Epilogue, Output, Repacked, by_blocks, check};
#[cfg(target_arch = "aarch64")]
use super::{finish, sdot, smull};
use crate::error::expect_size;
use crate::quantize::quantize_all;
use crate::{KernelError, LinearScratch};

/// The input of an integer layer, `[rows, inputs]`.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// int8 values.
    Quantized(&'a [i8]),
    /// f32 values, which the layer first rounds to int8 with [`quantize`](crate::quantize).
    Real {
        /// Step of the int8 values.
        scale: f32,
        /// The input.
        values: &'a [f32],
    },
}

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// AVX-512 VNNI: an instruction adds four products to each lane.
    #[cfg(target_arch = "x86_64")]
    Vnni,
    /// AVX2: an instruction adds up two products of 16 bits in each lane.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// FEAT_DotProd of ARMv8.2: an instruction adds four products to each lane.
    #[cfg(target_arch = "aarch64")]
    Sdot,
    /// ARMv8.0: products are widened to 16 bits, then added up in 32.
    #[cfg(target_arch = "aarch64")]
    Smull,
    Portable,
}

impl Path {
    /// The fastest path that this processor can run.
    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw") {
                return Self::Vnni;
            }
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                return Self::Sdot;
            }
            if std::arch::is_aarch64_feature_detected!("neon") {
                return Self::Smull;
            }
        }
        Self::Portable
    }
}

/// A layer with its weights packed for this processor.
#[derive(Clone, Debug)]
pub struct LinearI8 {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) path: Path,
    /// VNNI: panels of 32 outputs, the last of 16 where that is enough; `[K / 4][width][4]` each.
    /// SDOT and SMULL: see their functions `pack`.
    pub(super) bytes: Vec<i8>,
    /// AVX2: panels of 16 or 8 outputs; `[K / 2][width][2]` each. Portable: `[K, N]`.
    pub(super) shorts: Vec<i16>,
    /// Start of the sum of each output, padded as `scale` and `bias` are.
    pub(super) start: Vec<i32>,
    pub(super) scale: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl LinearI8 {
    /// Packs `weight [inputs, outputs]`, row-major. The layer multiplies sums by `scale [outputs]`
    /// and adds `bias [outputs]`, rounding each time.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn new(
        weight: &[i8],
        sizes: [usize; 2],
        scale: &[f32],
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        Self::on(Path::detect(), weight, sizes, scale, bias)
    }

    pub(super) fn on(
        path: Path,
        weight: &[i8],
        [inputs, outputs]: [usize; 2],
        scale: &[f32],
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        expect_size("weights", inputs.saturating_mul(outputs), weight.len())?;
        expect_size("scales", outputs, scale.len())?;
        expect_size("values of a bias", outputs, bias.len())?;
        // Decided by the weights, not by the values: the layer takes one path for all inputs.
        #[cfg(target_arch = "aarch64")]
        let path = match path {
            Path::Smull if !smull::fits(weight) => Path::Portable,
            path => path,
        };
        let mut layer = Self {
            inputs,
            outputs,
            path,
            bytes: Vec::new(),
            shorts: Vec::new(),
            start: vec![0; outputs],
            scale: scale.to_vec(),
            bias: bias.to_vec(),
        };
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Vnni => {
                let padded = outputs.next_multiple_of(16);
                let reach = inputs.next_multiple_of(4);
                layer.bytes = vec![0; padded * reach];
                by_fours(weight, outputs, &mut layer.bytes, |k, n| {
                    let first = n - n % 32;
                    let width = 32.min(padded - first);
                    (first * reach + k * width + (n - first) * 4, 4)
                });
                // The instruction multiplies unsigned by signed bytes, so 128 is added to the
                // inputs. Sums start from what that adds, 128 times the sum of the output's
                // weights, with a minus.
                for row in weight.chunks_exact(outputs.max(1)) {
                    for (start, weight) in layer.start.iter_mut().zip(row) {
                        *start = start.wrapping_sub(128 * i32::from(*weight));
                    }
                }
                layer.pad(padded);
            }
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => {
                // Twice the memory of bytes, but no widening in the inner loop.
                layer.shorts = pairs(weight, [inputs, outputs]);
                layer.pad(outputs.next_multiple_of(8));
            }
            #[cfg(target_arch = "aarch64")]
            Path::Sdot => {
                layer.bytes = sdot::pack(weight, [inputs, outputs]);
                layer.pad(outputs.next_multiple_of(finish::LANES));
            }
            #[cfg(target_arch = "aarch64")]
            Path::Smull => {
                layer.bytes = smull::pack(weight, [inputs, outputs]);
                layer.pad(outputs.next_multiple_of(finish::LANES));
            }
            Path::Portable => layer.shorts = weight.iter().map(|&w| i16::from(w)).collect(),
        }
        Ok(layer)
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn pad(&mut self, outputs: usize) {
        self.start.resize(outputs, 0);
        self.scale.resize(outputs, 0.0);
        self.bias.resize(outputs, 0.0);
    }

    /// Values of a row of the input and of the output.
    #[must_use]
    pub fn sizes(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// Applies the layer to `x [rows, inputs]`.
    ///
    /// # Errors
    /// [`KernelError::Size`] if a length does not fit.
    pub fn run(
        &self,
        x: Input<'_>,
        epilogue: &Epilogue<'_>,
        #[cfg_attr(not(target_arch = "aarch64"), expect(unused_mut))] mut out: Output<'_>,
        scratch: &mut LinearScratch,
    ) -> Result<(), KernelError> {
        let (k, n) = (self.inputs, self.outputs);
        let len = match x {
            Input::Quantized(values) => values.len(),
            Input::Real { values, .. } => values.len(),
        };
        let rows = check(k, n, len, epilogue, &out)?;
        #[cfg(target_arch = "aarch64")]
        if self.run_fused(rows, x, epilogue, &mut out, scratch) {
            return Ok(());
        }
        let LinearScratch { rows: buffer, quantized, repacked, .. } = scratch;
        by_blocks([rows, n], epilogue, out, buffer, |first, count, out| {
            let range = first * k..(first + count) * k;
            let x = match x {
                Input::Quantized(values) => &values[range],
                // A block at a time, so that the bytes are still in the cache when they are
                // multiplied.
                Input::Real { scale, values } => {
                    quantized.resize(range.len(), 0);
                    quantize_all(&values[range], scale, quantized);
                    &quantized[..]
                }
            };
            self.products(x, out, repacked);
        });
        Ok(())
    }

    fn products(&self, x: &[i8], out: &mut [f32], repacked: &mut Repacked) {
        match self.path {
            #[cfg(target_arch = "x86_64")]
            Path::Vnni => {
                let bytes = &mut repacked.bytes;
                repack(x, self.inputs, 4, bytes, |x| x.cast_unsigned() ^ 0x80);
                // SAFETY: `Path::detect` found AVX-512 VNNI and BW on this processor.
                unsafe { super::vnni::products(self, bytes, out) };
            }
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => {
                let shorts = &mut repacked.shorts;
                repack(x, self.inputs, 2, shorts, i16::from);
                // SAFETY: `Path::detect` found AVX2 on this processor.
                unsafe { super::avx2::products(self, shorts, out) };
            }
            #[cfg(target_arch = "aarch64")]
            Path::Sdot | Path::Smull => self.products_alone(x, out, repacked),
            Path::Portable => {
                let Repacked { shorts, sums, .. } = repacked;
                repack(x, self.inputs, 1, shorts, i16::from);
                portable::products(self, shorts, sums, out);
            }
        }
    }
}

/// Converts `x` to another type, each row padded to a multiple of `unit` values. The inner loops
/// then need no special case for the last inputs.
fn repack<T: Copy + Default>(
    x: &[i8],
    inputs: usize,
    unit: usize,
    to: &mut Vec<T>,
    map: impl Fn(i8) -> T,
) {
    to.clear();
    if inputs.is_multiple_of(unit) {
        to.extend(x.iter().map(|&x| map(x)));
        return;
    }
    let padded = inputs.next_multiple_of(unit);
    for row in x.chunks_exact(inputs.max(1)) {
        to.extend(row.iter().map(|&x| map(x)));
        to.extend(std::iter::repeat_n(T::default(), padded - inputs));
    }
}

/// Packs `weight [K, N]` for AVX2 into panels of two vectors of eight outputs, `[K / 2][width][2]` each; the last panel
/// has one vector if that is enough.
#[cfg(target_arch = "x86_64")]
fn pairs(weight: &[i8], [inputs, outputs]: [usize; 2]) -> Vec<i16> {
    let padded = outputs.next_multiple_of(8);
    let reach = inputs.next_multiple_of(2);
    let mut packed = vec![0; padded * reach];
    for (k, row) in weight.chunks_exact(outputs.max(1)).enumerate() {
        for (panel, values) in row.chunks(16).enumerate() {
            let first = 16 * panel;
            let width = 16.min(padded - first);
            let start = first * reach + (k - k % 2) * width + k % 2;
            for (place, value) in packed[start..].iter_mut().step_by(2).zip(values) {
                *place = i16::from(*value);
            }
        }
    }
    packed
}
