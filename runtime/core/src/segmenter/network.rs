//! What an engine must offer.

use crate::{DecoderInput, MASK_COUNT, SegmentError};
use std::error::Error;
use uniultra_manifest::Manifest;

/// The two networks of a model, as an engine runs them.
pub trait Network: Sized {
    /// Where a model is opened from, e.g. a pack's folder.
    type Source: ?Sized;
    /// Choices of the engine, e.g. its number of threads.
    type Options;
    /// What the image encoder hands to the mask decoder.
    type Embedding;
    /// The engine's error.
    type Error: Error + Send + Sync + 'static;

    /// Opens a model and reads its manifest.
    ///
    /// # Errors
    /// If the model cannot be read, is refused, or cannot be prepared.
    fn open(
        source: &Self::Source,
        options: &Self::Options,
    ) -> Result<(Self, Manifest), Self::Error>;

    /// Runs the image encoder on `[C, S, S]`, as [`preprocess`](crate::preprocess) writes it.
    ///
    /// # Errors
    /// If the engine fails.
    fn encode(&self, image: &[f32]) -> Result<Self::Embedding, Self::Error>;

    /// Runs the mask decoder. `out` comes with room for every output, filled with zeros.
    ///
    /// # Errors
    /// If the engine fails.
    fn decode(
        &self,
        embedding: &Self::Embedding,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), Self::Error>;

    /// Runs the mask decoder for several objects of one frame. Each has its input and, as in
    /// [`decode`](Self::decode), zeroed room for its answer, which gets the same bits as there.
    ///
    /// # Errors
    /// The first that an object meets.
    fn decode_all(
        &self,
        embedding: &Self::Embedding,
        objects: &mut [(DecoderInput, DecoderOutput)],
    ) -> Result<(), Self::Error> {
        objects.iter_mut().try_for_each(|(input, out)| self.decode(embedding, input, out))
    }
}

/// What the mask decoder returns, before any choice (MODEL.md section 4).
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderOutput {
    /// `masks` `[4, S/4, S/4]`, mask tokens 0 to 3.
    pub logits: Vec<f32>,
    /// `iou_predictions` of the four masks, in 0..=1.
    pub predicted_iou: [f32; MASK_COUNT],
    /// `object_score_logits`: above 0 where the object is there.
    pub object_score_logit: f32,
}

impl DecoderOutput {
    /// Zeros, with room for four masks of `side` x `side` logits.
    #[must_use]
    pub fn new(side: usize) -> Self {
        Self {
            logits: vec![0.0; MASK_COUNT * side * side],
            predicted_iou: [0.0; MASK_COUNT],
            object_score_logit: 0.0,
        }
    }

    /// Checks number and finiteness of the values.
    pub(crate) fn check<E: Error + 'static>(&self, side: usize) -> Result<(), SegmentError<E>> {
        let (expected, found) = (MASK_COUNT * side * side, self.logits.len());
        if found != expected {
            return Err(SegmentError::Output { tensor: "masks", expected, found });
        }
        let score = [self.object_score_logit];
        for (tensor, values) in [
            ("masks", self.logits.as_slice()),
            ("iou_predictions", &self.predicted_iou),
            ("object_score_logits", &score),
        ] {
            if let Some(&found) = values.iter().find(|value| !value.is_finite()) {
                return Err(SegmentError::NotFinite { tensor, found });
            }
        }
        Ok(())
    }
}
