//! The two plans of a pack, and how values get in and out of them.

use crate::EngineError;
use crate::load::{Kernels, Plan, plan};
use crate::profile::Recorder;
use crate::threads::Workers;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use tract_core::internal::{
    IntoArcTensor, IntoTValue, TValue, TVec, Tensor, TractError, TractResult, bail,
};
use uniultra_core::{DecoderInput, DecoderOutput, MASK_COUNT, Network};
use uniultra_manifest::{Manifest, Pack};

/// Choices made when a pack is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Threads of kernels and matrix products, 1 to [`MAX_THREADS`](crate::MAX_THREADS). The output's bits
    /// do not depend on it.
    pub threads: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// Both networks of a pack, optimised for this processor.
#[derive(Debug)]
pub struct TractNetwork {
    image_encoder: Plan,
    mask_decoder: Plan,
    workers: Workers,
    channels: usize,
    image_size: usize,
    /// An all-zero `mask_input`, shared by every click without a mask prompt.
    no_mask: Arc<Tensor>,
    pub(crate) recorder: Recorder,
}

/// What the image encoder hands to the mask decoder, for S x S input: `image_embed`
/// `[1, 256, S/16, S/16]`, `high_res_feats_0` `[1, 32, S/4, S/4]` and `high_res_feats_1`
/// `[1, 64, S/8, S/8]`.
#[derive(Clone, Debug)]
pub struct Embedding([Arc<Tensor>; 3]);

impl Embedding {
    /// An embedding from values computed elsewhere, row-major, for S x S input.
    ///
    /// # Errors
    /// [`EngineError::Run`] if a length does not fit its shape.
    pub fn from_values(image_size: usize, values: [&[f32]; 3]) -> Result<Self, EngineError> {
        let s = image_size;
        let shapes = [[1, 256, s / 16, s / 16], [1, 32, s / 4, s / 4], [1, 64, s / 8, s / 8]];
        let tensor = |i: usize| Tensor::from_shape(&shapes[i], values[i]).map(Arc::new);
        let build = || Ok(Self([tensor(0)?, tensor(1)?, tensor(2)?]));
        build().map_err(|e: TractError| run_error(ENCODER, &e))
    }

    /// The three tensors' values, row-major, in the order above.
    ///
    /// # Errors
    /// [`EngineError::Run`] if a tensor is not f32, which no vetted pack gives.
    pub fn values(&self) -> Result<[&[f32]; 3], EngineError> {
        let [embed, high_0, high_1] = &self.0;
        let read = || Ok([f32_values(embed)?, f32_values(high_0)?, f32_values(high_1)?]);
        read().map_err(|e: TractError| run_error(ENCODER, &e))
    }
}

const ENCODER: &str = "image encoder";
const DECODER: &str = "mask decoder";

impl TractNetwork {
    /// Opens a verified pack.
    ///
    /// # Errors
    /// [`EngineError`] if a file is not what the manifest says, or not a graph that can run.
    pub fn of(pack: &Pack, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::with(pack, options, Kernels::Fused)
    }

    /// The same on tract's operations alone, which is slow: what tests and benchmarks compare the
    /// runtime's own operations with.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    #[doc(hidden)]
    pub fn without_kernels(pack: &Pack, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::with(pack, options, Kernels::Plain)
    }

    fn with(pack: &Pack, options: &EngineOptions, kernels: Kernels) -> Result<Self, EngineError> {
        let workers = Workers::start(options.threads)?;
        let manifest = pack.manifest();
        let weights = manifest.model.weights;
        let side = manifest.model.image_size / 4;
        let no_mask = Tensor::from_shape(&[1, 1, side, side], &vec![0.0_f32; side * side])
            .map_err(|e| run_error(DECODER, &e))?;
        Ok(Self {
            image_encoder: plan(
                pack.read_image_encoder()?,
                &manifest.image_encoder,
                weights,
                kernels,
            )?,
            mask_decoder: plan(
                pack.read_mask_decoder()?,
                &manifest.mask_decoder,
                weights,
                kernels,
            )?,
            workers,
            channels: manifest.model.channels.count(),
            image_size: manifest.model.image_size,
            no_mask: Arc::new(no_mask),
            recorder: Recorder::default(),
        })
    }

    fn run(
        &self,
        name: &'static str,
        plan: &Plan,
        inputs: TVec<TValue>,
    ) -> Result<TVec<TValue>, EngineError> {
        // The plan was checked, but an assertion inside the engine must still not end the process.
        let run = || self.workers.run(|| self.recorder.run(name, plan, inputs));
        let outcome = catch_unwind(AssertUnwindSafe(run));
        match outcome {
            Ok(result) => result.map_err(|e| run_error(name, &e)),
            Err(_) => {
                Err(EngineError::Run { network: name, reason: "internal assertion".to_string() })
            }
        }
    }

    fn decoder_inputs(
        &self,
        embedding: &Embedding,
        input: &DecoderInput,
    ) -> TractResult<TVec<TValue>> {
        let count = input.point_labels.len();
        let coords = input.point_coords.as_flattened();
        let mask = match &input.mask_input {
            Some(logits) => {
                let side = self.image_size / 4;
                Arc::new(Tensor::from_shape(&[1, 1, side, side], logits)?)
            }
            None => Arc::clone(&self.no_mask),
        };
        let has_mask = f32::from(u8::from(input.mask_input.is_some()));
        let mut inputs: TVec<TValue> =
            embedding.0.iter().map(|tensor| Arc::clone(tensor).into_tvalue()).collect();
        inputs.push(Tensor::from_shape(&[1, count, 2], coords)?.into_tvalue());
        inputs.push(Tensor::from_shape(&[1, count], &input.point_labels)?.into_tvalue());
        inputs.push(mask.into_tvalue());
        inputs.push(Tensor::from_shape(&[1], &[has_mask])?.into_tvalue());
        Ok(inputs)
    }
}

impl Network for TractNetwork {
    type Source = Path;
    type Options = EngineOptions;
    type Embedding = Embedding;
    type Error = EngineError;

    fn open(folder: &Path, options: &EngineOptions) -> Result<(Self, Manifest), EngineError> {
        let pack = Pack::open(folder)?;
        let network = Self::of(&pack, options)?;
        Ok((network, pack.manifest().clone()))
    }

    fn encode(&self, image: &[f32]) -> Result<Embedding, EngineError> {
        let shape = [1, self.channels, self.image_size, self.image_size];
        let image = Tensor::from_shape(&shape, image).map_err(|e| run_error(ENCODER, &e))?;
        let outputs =
            self.run(ENCODER, &self.image_encoder, [image.into_tvalue()].into_iter().collect())?;
        let tensors: Vec<_> = outputs.into_iter().map(IntoArcTensor::into_arc_tensor).collect();
        let found = tensors.len();
        let tensors = tensors.try_into().map_err(|_| EngineError::Run {
            network: ENCODER,
            reason: format!("expected 3 outputs, found {found}"),
        })?;
        Ok(Embedding(tensors))
    }

    fn decode(
        &self,
        embedding: &Embedding,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), EngineError> {
        let inputs = self.decoder_inputs(embedding, input).map_err(|e| run_error(DECODER, &e))?;
        let outputs = self.run(DECODER, &self.mask_decoder, inputs)?;
        read_outputs(&outputs, out).map_err(|e| run_error(DECODER, &e))
    }
}

fn read_outputs(outputs: &[TValue], out: &mut DecoderOutput) -> TractResult<()> {
    let [masks, iou, score] = outputs else {
        bail!("expected 3 outputs, found {}", outputs.len());
    };
    out.logits.clear();
    out.logits.extend_from_slice(f32_values(masks)?);
    let iou = f32_values(iou)?;
    let (Ok(iou), [score]) = (<[f32; MASK_COUNT]>::try_from(iou), f32_values(score)?) else {
        bail!("expected {MASK_COUNT} predicted IoUs and one object score");
    };
    out.predicted_iou = iou;
    out.object_score_logit = *score;
    Ok(())
}

fn f32_values(tensor: &Tensor) -> TractResult<&[f32]> {
    tensor.try_as_plain_ram()?.as_slice::<f32>()
}

fn run_error(network: &'static str, error: &impl std::fmt::Display) -> EngineError {
    EngineError::Run { network, reason: format!("{error:#}") }
}
