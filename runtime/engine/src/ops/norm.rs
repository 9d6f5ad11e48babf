//! LayerNorm over the last axis, with GELU and quantization in the same pass.

use super::attributes::attributes;
use super::op::{Arity, KernelOp, real_macs, values};
use super::share::by_rows;
use std::sync::Arc;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{LayerNorm as Kernel, gelu, layer_norm, quantize};

/// Values normalised before they are quantized: what stays in the first cache.
const BLOCK_VALUES: usize = 4096;

attributes! {
    /// `x [.., C]`, with constant gain and shift `[C]`.
    pub(crate) struct LayerNorm {
        /// C.
        pub(crate) channels: usize,
        pub(crate) epsilon: f32,
        /// Whether GELU follows.
        pub(crate) gelu: bool,
        /// Step of the int8 output; without it, the output is f32.
        pub(crate) scale: Option<f32>,
    }
}

/// Gain and shift, unless they are 1 and 0.
#[derive(Debug)]
pub(crate) struct Packed(Option<[Vec<f32>; 2]>);

impl KernelOp for LayerNorm {
    type Packed = Packed;

    const NAMES: &'static [&'static str] = &["uniultra.LayerNorm"];

    fn arity(&self) -> Arity {
        Arity { inputs: 1, constants: 2 }
    }

    fn output_type(&self) -> DatumType {
        if self.scale.is_some() { i8::datum_type() } else { f32::datum_type() }
    }

    fn pack(&self, constants: &[Arc<Tensor>]) -> TractResult<Packed> {
        let [gain, shift] = constants else { bail!("LayerNorm: expected gain and shift") };
        let (gain, shift) = (values(gain)?, values(shift)?);
        let channels = self.channels;
        let sound = channels > 0 && gain.len() == channels && shift.len() == channels;
        ensure!(sound, "gain and shift of LayerNorm");
        let trivial = gain.iter().all(|&gain| gain == 1.0) && shift.iter().all(|&s| s == 0.0);
        Ok(Packed((!trivial).then(|| [gain.to_vec(), shift.to_vec()])))
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let (x, channels) = (&inputs[0], self.channels);
        ensure!(x.last() == Some(&channels.to_dim()), "{channels} channels of {x:?}");
        Ok(x.clone())
    }

    /// A value's part in mean and variance, and its scaling.
    fn cost(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(real_macs(inputs[0].iter().product::<TDim>() * 3))
    }

    fn run(&self, packed: &Packed, inputs: &[&Tensor], out: &mut Tensor) -> TractResult<()> {
        let (values, channels) = (values(inputs[0])?, self.channels);
        let affine = packed.0.as_ref().map(|[gain, shift]| [gain.as_slice(), shift]);
        let norm = Kernel { epsilon: self.epsilon, affine };
        let block = (BLOCK_VALUES / channels).max(1) * channels;
        let apply = |x: &[f32], out: &mut [f32]| -> TractResult<()> {
            layer_norm(&norm, channels, x, out)?;
            if self.gelu {
                gelu(out);
            }
            Ok(())
        };
        let mut plain = out.try_as_plain_ram_mut()?;
        match self.scale {
            None => by_rows(plain.as_slice_mut::<f32>()?, channels, |first, rows| {
                let x = &values[first * channels..][..rows.len()];
                x.chunks(block).zip(rows.chunks_mut(block)).try_for_each(|(x, out)| apply(x, out))
            }),
            Some(scale) => by_rows(plain.as_slice_mut::<i8>()?, channels, |first, rows| {
                let x = &values[first * channels..][..rows.len()];
                let mut normed = vec![0.0; block.min(x.len())];
                for (x, rows) in x.chunks(block).zip(rows.chunks_mut(block)) {
                    let normed = &mut normed[..x.len()];
                    apply(x, normed)?;
                    quantize(normed, scale, rows)?;
                }
                Ok(())
            }),
        }
    }
}
