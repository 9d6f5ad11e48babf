//! The data flow: open a model, encode a frame once, predict from prompts as often as wanted.

mod choice;
mod error;
mod network;
mod prediction;

pub use choice::{MASK_COUNT, MaskChoice, MaskToken};
pub use error::{SegmentError, Stage};
pub use network::{DecoderOutput, Network};
pub use prediction::{Prediction, Timings};

use crate::{DecoderInput, Frame, InputSpec, PromptError, Prompts, preprocess};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use uniultra_manifest::Manifest;

/// Most objects that [`EncodedFrame::predict_all`] takes.
pub const MAX_OBJECTS: usize = 16;

/// An opened model.
///
/// `Segmenter::open(pack)?.encode(&frame)?.predict(&prompts)?` is the whole way from frame to masks.
/// A clone is cheap and is the same model: all clones, and all frames that they encoded, share one
/// copy of the networks, which is freed with the last of them.
pub struct Segmenter<N: Network> {
    model: Arc<OpenModel<N>>,
}

/// What the clones of a segmenter share.
#[derive(Debug)]
struct OpenModel<N> {
    network: N,
    manifest: Manifest,
    input: InputSpec,
}

// By hand, because a derived one would ask for a network that can be cloned.
impl<N: Network> Clone for Segmenter<N> {
    fn clone(&self) -> Self {
        Self { model: Arc::clone(&self.model) }
    }
}

impl<N: Network + fmt::Debug> fmt::Debug for Segmenter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.model, f)
    }
}

impl<N: Network> Segmenter<N> {
    /// Opens a model with the engine's default options.
    ///
    /// # Errors
    /// [`SegmentError::Open`] with the engine's reason.
    pub fn open(source: &N::Source) -> Result<Self, SegmentError<N::Error>>
    where
        N::Options: Default,
    {
        Self::open_with(source, &N::Options::default())
    }

    /// Opens a model.
    ///
    /// # Errors
    /// [`SegmentError::Open`] with the engine's reason.
    pub fn open_with(
        source: &N::Source,
        options: &N::Options,
    ) -> Result<Self, SegmentError<N::Error>> {
        let (network, manifest) = N::open(source, options).map_err(SegmentError::Open)?;
        Ok(Self::of(network, manifest))
    }

    /// A model whose networks the engine has opened already; the manifest is that of their pack.
    #[must_use]
    pub fn of(network: N, manifest: Manifest) -> Self {
        let input = InputSpec::of(&manifest);
        Self { model: Arc::new(OpenModel { network, manifest, input }) }
    }

    /// The model's manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.model.manifest
    }

    /// The engine's part.
    #[must_use]
    pub fn network(&self) -> &N {
        &self.model.network
    }

    /// Side of the logits' grid, S/4.
    #[must_use]
    pub fn mask_side(&self) -> usize {
        self.model.input.image_size / 4
    }

    /// A frame whose embedding this model's encoder, or one with the same outputs, made before:
    /// `width` and `height` are the frame's, in pixels.
    #[must_use]
    pub fn resume(&self, embedding: N::Embedding, width: usize, height: usize) -> EncodedFrame<N> {
        EncodedFrame {
            segmenter: self.clone(),
            embedding,
            width,
            height,
            preprocess_ms: 0.0,
            encode_ms: 0.0,
        }
    }

    /// Runs the image encoder on a frame. The result serves any number of prompts, and any number
    /// of results may be held at once.
    ///
    /// # Errors
    /// [`SegmentError::Network`] if the engine fails.
    pub fn encode(&self, frame: &Frame) -> Result<EncodedFrame<N>, SegmentError<N::Error>> {
        let start = Instant::now();
        let OpenModel { network, input, .. } = &*self.model;
        let mut image = vec![0.0; input.values()];
        preprocess(frame, input, &mut image)?;
        let preprocess_ms = elapsed_ms(start);
        let start = Instant::now();
        let embedding = network
            .encode(&image)
            .map_err(|source| SegmentError::Network { stage: Stage::Encode, source })?;
        Ok(EncodedFrame {
            segmenter: self.clone(),
            embedding,
            width: frame.width(),
            height: frame.height(),
            preprocess_ms,
            encode_ms: elapsed_ms(start),
        })
    }
}

/// A frame after the image encoder: predictions from here on cost one decoder run each.
///
/// It borrows nothing: it keeps the model open, so that it may outlive the segmenter that made it.
pub struct EncodedFrame<N: Network> {
    segmenter: Segmenter<N>,
    embedding: N::Embedding,
    width: usize,
    height: usize,
    preprocess_ms: f32,
    encode_ms: f32,
}

impl<N: Network<Embedding: Clone>> Clone for EncodedFrame<N> {
    fn clone(&self) -> Self {
        Self { segmenter: self.segmenter.clone(), embedding: self.embedding.clone(), ..*self }
    }
}

impl<N: Network<Embedding: fmt::Debug> + fmt::Debug> fmt::Debug for EncodedFrame<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedFrame")
            .field("segmenter", &self.segmenter)
            .field("embedding", &self.embedding)
            .field("width", &self.width)
            .field("height", &self.height)
            .field("preprocess_ms", &self.preprocess_ms)
            .field("encode_ms", &self.encode_ms)
            .finish()
    }
}

impl<N: Network> EncodedFrame<N> {
    /// Width of the source frame, in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height of the source frame, in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The image encoder's output, as the engine holds it.
    #[must_use]
    pub fn embedding(&self) -> &N::Embedding {
        &self.embedding
    }

    /// Time that resizing and normalising took, in milliseconds.
    #[must_use]
    pub fn preprocess_ms(&self) -> f32 {
        self.preprocess_ms
    }

    /// Time that the image encoder took, in milliseconds.
    #[must_use]
    pub fn encode_ms(&self) -> f32 {
        self.encode_ms
    }

    /// Runs the mask decoder on prompts in pixels of the source frame.
    ///
    /// # Errors
    /// [`SegmentError::Prompt`] if the prompts do not fit the frame or the model,
    /// [`SegmentError::Network`] if the engine fails, [`SegmentError::NotFinite`] or
    /// [`SegmentError::Output`] if what it returns is no set of masks.
    pub fn predict(&self, prompts: &Prompts) -> Result<Prediction, SegmentError<N::Error>> {
        let input = self.decoder_input(prompts)?;
        let mut output = DecoderOutput::new(self.segmenter.mask_side());
        let start = Instant::now();
        self.segmenter
            .network()
            .decode(&self.embedding, &input, &mut output)
            .map_err(|source| SegmentError::Network { stage: Stage::Decode, source })?;
        self.prediction(output, elapsed_ms(start))
    }

    /// Predicts several objects, each from its own prompts, in one go: an engine with threads may
    /// share the objects out. Answers come in the order of the prompts, with the same bits as
    /// [`predict`](Self::predict) gives; their `decode_ms` is that of all together.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`PromptError::TooManyObjects`] for more than
    /// [`MAX_OBJECTS`].
    pub fn predict_all(
        &self,
        objects: &[Prompts],
    ) -> Result<Vec<Prediction>, SegmentError<N::Error>> {
        if objects.len() > MAX_OBJECTS {
            let (max, found) = (MAX_OBJECTS, objects.len());
            return Err(PromptError::TooManyObjects { max, found }.into());
        }
        let room = || DecoderOutput::new(self.segmenter.mask_side());
        let objects = objects.iter().map(|prompts| Ok((self.decoder_input(prompts)?, room())));
        let mut objects = objects.collect::<Result<Vec<_>, PromptError>>()?;
        let start = Instant::now();
        self.segmenter
            .network()
            .decode_all(&self.embedding, &mut objects)
            .map_err(|source| SegmentError::Network { stage: Stage::Decode, source })?;
        let decode_ms = elapsed_ms(start);
        objects.into_iter().map(|(_, output)| self.prediction(output, decode_ms)).collect()
    }

    fn decoder_input(&self, prompts: &Prompts) -> Result<DecoderInput, PromptError> {
        DecoderInput::of(prompts, self.width, self.height, self.segmenter.model.input.image_size)
    }

    fn prediction(
        &self,
        output: DecoderOutput,
        decode_ms: f32,
    ) -> Result<Prediction, SegmentError<N::Error>> {
        let side = self.segmenter.mask_side();
        output.check(side)?;
        let timings =
            Timings { preprocess_ms: self.preprocess_ms, encode_ms: self.encode_ms, decode_ms };
        let has_object_score = self.segmenter.manifest().model.object_score;
        Ok(Prediction::new(output, side, [self.width, self.height], has_object_score, timings))
    }
}

fn elapsed_ms(start: Instant) -> f32 {
    start.elapsed().as_secs_f32() * 1e3
}
