//! The data flow: open a model, encode a frame once, then predict from any number of prompts.

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
/// `Segmenter::open(pack)?.encode(&frame)?.predict(&prompts)?` is the whole way from a frame to
/// masks. Cloning is cheap: all clones, and all frames that they encoded, share one copy of the
/// networks, which is freed with the last of them.
pub struct Segmenter<N: Network> {
    model: Arc<OpenModel<N>>,
}

/// The state that the clones of a segmenter share.
#[derive(Debug)]
struct OpenModel<N> {
    network: N,
    manifest: Manifest,
    input: InputSpec,
}

// Written by hand, because `derive` would require `N: Clone`.
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
        Ok(Self::new(network, manifest))
    }

    /// A segmenter for networks that the engine has opened already. `manifest` is that of their
    /// pack.
    #[must_use]
    pub fn new(network: N, manifest: Manifest) -> Self {
        let input = InputSpec::from_manifest(&manifest);
        Self { model: Arc::new(OpenModel { network, manifest, input }) }
    }

    /// The model's manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.model.manifest
    }

    /// The engine's networks.
    #[must_use]
    pub fn network(&self) -> &N {
        &self.model.network
    }

    /// Side of the grid of logits, S/4.
    #[must_use]
    pub fn mask_side(&self) -> usize {
        self.model.input.image_size / 4
    }

    /// Restores an encoded frame from its embedding, which this model's encoder or one with the
    /// same outputs made. `width` and `height` are the frame's, in pixels.
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

/// A frame after the image encoder. Each prediction from it costs one run of the decoder.
///
/// It keeps the model open, so it may outlive the segmenter that made it.
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

    /// The image encoder's output, in the engine's form.
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
    /// [`SegmentError::Output`] if it returns something other than finite masks.
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

    /// Predicts several objects in one call, each from its own prompts; an engine with several
    /// threads shares the objects among them. Answers come in the order of the prompts and have the
    /// same bits as those of [`predict`](Self::predict). The `decode_ms` of each is that of the
    /// whole call.
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict), and [`PromptError::TooManyObjects`] for more than
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
        DecoderInput::from_prompts(
            prompts,
            self.width,
            self.height,
            self.segmenter.model.input.image_size,
        )
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
