//! The interface of an engine.

use crate::{DecoderInput, MASK_COUNT, SegmentError};
use std::error::Error;
use uniultra_manifest::Manifest;

/// The two networks of a model, run by an engine.
pub trait Network: Sized {
    /// The source of a model, e.g. a pack.
    type Source: ?Sized;
    /// Options of the engine, e.g. its number of threads.
    type Options;
    /// The image encoder's output, which the mask decoder reads.
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

    /// Runs the image encoder on an image `[C, S, S]`, which [`preprocess`](crate::preprocess)
    /// made.
    ///
    /// # Errors
    /// If the engine fails.
    fn encode(&self, image: &[f32]) -> Result<Self::Embedding, Self::Error>;

    /// Runs the mask decoder and writes its outputs to `out`, which has the right lengths and is
    /// all zeros.
    ///
    /// # Errors
    /// If the engine fails.
    fn decode(
        &self,
        embedding: &Self::Embedding,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), Self::Error>;

    /// Runs the mask decoder for several objects of one frame. Each object has an input and, as in
    /// [`decode`](Self::decode), a zeroed output, which gets the same bits as there.
    ///
    /// # Errors
    /// The first error of any object.
    fn decode_all(
        &self,
        embedding: &Self::Embedding,
        objects: &mut [(DecoderInput, DecoderOutput)],
    ) -> Result<(), Self::Error> {
        objects.iter_mut().try_for_each(|(input, out)| self.decode(embedding, input, out))
    }
}

/// All outputs of the mask decoder, before the choice of a mask (MODEL.md section 4).
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderOutput {
    /// `masks` `[4, S/4, S/4]`, mask tokens 0 to 3.
    pub logits: Vec<f32>,
    /// `iou_predictions` of the four masks, in 0..=1.
    pub predicted_iou: [f32; MASK_COUNT],
    /// `object_score_logits`: above 0 if the object is there.
    pub object_score_logit: f32,
}

impl DecoderOutput {
    /// Outputs of zeros, for four masks of `side` x `side` logits.
    #[must_use]
    pub fn new(side: usize) -> Self {
        Self {
            logits: vec![0.0; MASK_COUNT * side * side],
            predicted_iou: [0.0; MASK_COUNT],
            object_score_logit: 0.0,
        }
    }

    /// Checks that the values are finite and have the right number.
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
