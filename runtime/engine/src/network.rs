//! The two plans of a pack, and how values get in and out of them.

use crate::EngineError;
use crate::breakdown::caught;
use crate::load::{Kernels, Plan, plan};
use crate::patterns::Choices;
use crate::profile::{PlanRun, Recorder};
use crate::split::{Click, MaskDecoder};
use crate::threads::Workers;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tract_core::internal::{
    IntoArcTensor, IntoTValue, TValue, TVec, Tensor, TractError, TractResult, bail,
};
use uniultra_core::{DecoderInput, DecoderOutput, MASK_COUNT, Network};
use uniultra_manifest::{Manifest, Pack};

/// Choices made when a pack is opened: the defaults, and what the `with_` methods change.
///
/// ```
/// use uniultra_engine::EngineOptions;
///
/// let options = EngineOptions::new().with_threads(4);
/// assert_eq!(options.threads, 4);
/// assert!(options.pins.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Threads of kernels and matrix products, 1 to [`MAX_THREADS`](crate::MAX_THREADS). The output's bits
    /// do not depend on it.
    pub threads: usize,
    /// CPUs that threads are bound to, as Linux numbers them; none if empty. Where there is one for
    /// each thread, each gets its own, else they share them all. The thread that opens the network is
    /// bound to them, too, and stays so: it does what is too small to share out. The output's bits do
    /// not depend on it.
    pub pins: Vec<usize>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { threads: 1, pins: Vec::new() }
    }
}

impl EngineOptions {
    /// One thread, not bound to any CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of threads, 1 to [`MAX_THREADS`](crate::MAX_THREADS). It is checked when a
    /// pack is opened.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Binds threads to CPUs; that they exist is checked when a pack is opened.
    #[must_use]
    pub fn with_pins(mut self, pins: impl Into<Vec<usize>>) -> Self {
        self.pins = pins.into();
        self
    }
}

/// Both networks of a pack, optimised for this processor.
#[derive(Debug)]
pub struct TractNetwork {
    image_encoder: Plan,
    mask_decoder: MaskDecoder,
    workers: Workers,
    channels: usize,
    image_size: usize,
    /// Tells this network's embeddings from those of others.
    id: u64,
    pub(crate) recorder: Recorder,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// What the image encoder hands to the mask decoder, for S x S input: `image_embed`
/// `[1, 256, S/16, S/16]`, `high_res_feats_0` `[1, 32, S/4, S/4]` and `high_res_feats_1`
/// `[1, 64, S/8, S/8]`.
#[derive(Clone, Debug)]
pub struct Embedding {
    encoded: [Arc<Tensor>; 3],
    /// What the decoder of network `id` computed from them already.
    prepared: Option<(u64, Arc<[Arc<Tensor>]>)>,
}

impl Embedding {
    /// An embedding from values computed elsewhere, row-major, for S x S input. Clicks on it are
    /// slower than on one that a network made itself.
    ///
    /// # Errors
    /// [`EngineError::Run`] if a length does not fit its shape.
    pub fn from_values(image_size: usize, values: [&[f32]; 3]) -> Result<Self, EngineError> {
        let s = image_size;
        let shapes = [[1, 256, s / 16, s / 16], [1, 32, s / 4, s / 4], [1, 64, s / 8, s / 8]];
        let tensor = |i: usize| Tensor::from_shape(&shapes[i], values[i]).map(Arc::new);
        let build = || Ok([tensor(0)?, tensor(1)?, tensor(2)?]);
        let encoded = build().map_err(|e: TractError| run_error(ENCODER, &e))?;
        Ok(Self { encoded, prepared: None })
    }

    /// The three tensors' values, row-major, in the order above.
    ///
    /// # Errors
    /// [`EngineError::Run`] if a tensor is not f32, which no vetted pack gives.
    pub fn values(&self) -> Result<[&[f32]; 3], EngineError> {
        let [embed, high_0, high_1] = &self.encoded;
        let read = || Ok([f32_values(embed)?, f32_values(high_0)?, f32_values(high_1)?]);
        read().map_err(|e: TractError| run_error(ENCODER, &e))
    }
}

const ENCODER: &str = "image encoder";
const DECODER: &str = "mask decoder";
/// The part that runs once a frame.
const DECODER_FRAME: &str = "mask decoder, once a frame";

impl TractNetwork {
    /// Opens a verified pack. Its manifest says whether the image encoder's attention is in 8-bit
    /// integers.
    ///
    /// # Errors
    /// [`EngineError`] if a file is not what the manifest says, or not a graph that can run.
    pub fn from_pack(pack: &Pack, options: &EngineOptions) -> Result<Self, EngineError> {
        let quantization = pack.manifest().quantization.as_ref();
        let integer_attention = quantization.is_some_and(|section| section.integer_attention);
        let coarse_attention = quantization.is_some();
        Self::with(pack, options, Kernels::Fused(Choices { integer_attention, coarse_attention }))
    }

    /// The same on tract's operations alone, which is slow: what tests and benchmarks compare the
    /// runtime's own operations with.
    ///
    /// # Errors
    /// As [`from_pack`](Self::from_pack).
    #[doc(hidden)]
    pub fn without_kernels(pack: &Pack, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::with(pack, options, Kernels::Plain)
    }

    fn with(pack: &Pack, options: &EngineOptions, kernels: Kernels) -> Result<Self, EngineError> {
        let workers = Workers::start(options.threads, &options.pins)?;
        let manifest = pack.manifest();
        let weights = manifest.model.weights;
        let image_size = manifest.model.image_size;
        Ok(Self {
            image_encoder: plan(
                pack.read_image_encoder()?,
                &manifest.image_encoder,
                weights,
                kernels,
            )?,
            mask_decoder: MaskDecoder::open(
                pack.read_mask_decoder()?,
                &manifest.mask_decoder,
                weights,
                image_size / 4,
                kernels,
            )?,
            workers,
            channels: manifest.model.channels.count(),
            image_size,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            recorder: Recorder::default(),
        })
    }

    /// Does `work`, and gives its result with every plan that this network ran meanwhile, in the
    /// order in which they ended. Meant for one caller at a time. If `work` panics, nothing is
    /// recorded any more.
    pub fn recorded<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<PlanRun>) {
        let recording = self.recorder.start();
        let result = work();
        (result, recording.finish())
    }

    fn run(
        &self,
        name: &'static str,
        plan: &Plan,
        inputs: TVec<TValue>,
    ) -> Result<TVec<TValue>, EngineError> {
        // The plan was checked, but an assertion inside the engine must still not end the process.
        let run = || self.workers.run(|| self.recorder.run(name, plan, inputs));
        match caught(name, run)? {
            Some(result) => result.map_err(|e| run_error(name, &e)),
            None => Err(run_error(name, &"its thread is gone")),
        }
    }

    fn click(&self, input: &DecoderInput) -> TractResult<Click> {
        let count = input.point_labels.len();
        let side = self.image_size / 4;
        let mask = input.mask_input.as_ref();
        Ok(Click {
            coords: Tensor::from_shape(&[1, count, 2], input.point_coords.as_flattened())?,
            labels: Tensor::from_shape(&[1, count], &input.point_labels)?,
            mask: mask.map(|m| Tensor::from_shape(&[1, 1, side, side], m)).transpose()?,
        })
    }
}

impl Network for TractNetwork {
    type Source = Path;
    type Options = EngineOptions;
    type Embedding = Embedding;
    type Error = EngineError;

    fn open(folder: &Path, options: &EngineOptions) -> Result<(Self, Manifest), EngineError> {
        let pack = Pack::open(folder)?;
        let network = Self::from_pack(&pack, options)?;
        Ok((network, pack.manifest().clone()))
    }

    fn encode(&self, image: &[f32]) -> Result<Embedding, EngineError> {
        let shape = [1, self.channels, self.image_size, self.image_size];
        let image = Tensor::from_shape(&shape, image).map_err(|e| run_error(ENCODER, &e))?;
        let outputs =
            self.run(ENCODER, &self.image_encoder, [image.into_tvalue()].into_iter().collect())?;
        let tensors: Vec<_> = outputs.into_iter().map(IntoArcTensor::into_arc_tensor).collect();
        let found = tensors.len();
        let encoded: [Arc<Tensor>; 3] = tensors.try_into().map_err(|_| EngineError::Run {
            network: ENCODER,
            reason: format!("expected 3 outputs, found {found}"),
        })?;
        let run = |plan: &Plan, inputs| self.run(DECODER_FRAME, plan, inputs);
        let prepared = self.mask_decoder.prepare(&encoded, &run)?;
        Ok(Embedding { encoded, prepared: prepared.map(|prepared| (self.id, prepared)) })
    }

    fn decode(
        &self,
        embedding: &Embedding,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), EngineError> {
        let click = self.click(input).map_err(|e| run_error(DECODER, &e))?;
        let prepared = embedding.prepared.as_ref().filter(|(id, _)| *id == self.id);
        let prepared = prepared.map(|(_, prepared)| &prepared[..]);
        let run = |plan: &Plan, inputs| self.run(DECODER, plan, inputs);
        let outputs = self.mask_decoder.decode(&embedding.encoded, prepared, click, &run)?;
        read_outputs(&outputs, out).map_err(|e| run_error(DECODER, &e))
    }

    fn decode_all(
        &self,
        embedding: &Embedding,
        objects: &mut [(DecoderInput, DecoderOutput)],
    ) -> Result<(), EngineError> {
        // A click is too short to be worth dividing, but several are not: one thread each.
        self.workers.share_out(objects, |(input, out)| self.decode(embedding, input, out))
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
