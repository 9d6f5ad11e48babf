//! A model pack as a predictor, through the runtime.

use crate::{Answer, Encoded, EvaluateError, ImageError, Logits, ModelInfo, Predictor};
use std::path::{Path, PathBuf};
use uniultra_core::{EncodedFrame, Frame, MaskChoice, Prompts, SegmentError};
use uniultra_engine::{EngineError, EngineOptions, Segmenter, TractNetwork, open_pack};
use uniultra_manifest::Pack;
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// Digits of a hash that tell two models of one id apart.
const HASH_DIGITS: usize = 8;

/// Where a model comes from.
#[derive(Debug)]
pub enum ModelSource {
    /// The folder of a pack.
    Folder(PathBuf),
    /// A pack that is part of the program.
    Memory {
        /// What errors call it.
        name: String,
        /// The pack.
        pack: Box<Pack>,
    },
}

/// A pack in the runtime. It serves any number of threads; each image being encoded takes its own
/// memory (about 0.9 GiB for SAM 2 tiny at 1024 pixels).
#[derive(Debug)]
pub struct PackPredictor {
    segmenter: Segmenter,
    choice: MaskChoice,
    info: ModelInfo,
}

impl PackPredictor {
    /// Opens packs and gives each a label of its own.
    ///
    /// # Errors
    /// [`EvaluateError::Model`] if one cannot be opened, [`EvaluateError::SameModel`] if one was
    /// given twice.
    pub fn open_all(
        sources: &[ModelSource],
        choice: MaskChoice,
    ) -> Result<Vec<Self>, EvaluateError> {
        let open = |source: &ModelSource| match source {
            ModelSource::Folder(folder) => Self::open(folder, choice),
            ModelSource::Memory { name, pack } => Self::from_pack(name, pack, choice),
        };
        let mut models = sources.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<String> = models.iter().map(|model| model.info.identity.id.clone()).collect();
        for model in &mut models {
            if ids.iter().filter(|id| **id == model.info.identity.id).count() > 1 {
                let digits = model.info.identity.image_encoder_sha256.chars().take(HASH_DIGITS);
                let decoder = model.info.identity.mask_decoder_sha256.chars().take(HASH_DIGITS);
                model.info.label.push('@');
                model.info.label.extend(digits.chain(['-']).chain(decoder));
            }
        }
        for (place, model) in models.iter().enumerate() {
            let label = &model.info.label;
            if models.iter().skip(place + 1).any(|other| other.info.label == *label) {
                return Err(EvaluateError::SameModel { label: label.clone() });
            }
        }
        Ok(models)
    }

    /// Opens a pack; its label is its id.
    ///
    /// # Errors
    /// [`EvaluateError::Model`].
    pub fn open(folder: &Path, choice: MaskChoice) -> Result<Self, EvaluateError> {
        Self::with(&folder.display().to_string(), Segmenter::open(folder), choice)
    }

    /// A pack that is in memory; errors call it `name`.
    ///
    /// # Errors
    /// [`EvaluateError::Model`].
    pub fn from_pack(name: &str, pack: &Pack, choice: MaskChoice) -> Result<Self, EvaluateError> {
        Self::with(name, open_pack(pack, &EngineOptions::default()), choice)
    }

    fn with(
        name: &str,
        opened: Result<Segmenter, SegmentError<EngineError>>,
        choice: MaskChoice,
    ) -> Result<Self, EvaluateError> {
        let segmenter = opened.map_err(|source| EvaluateError::Model {
            name: name.to_string(),
            source: Box::new(source),
        })?;
        let manifest = segmenter.manifest();
        let model = &manifest.model;
        let info = ModelInfo {
            label: model.id.clone(),
            object_score: model.object_score,
            identity: ModelIdentity::new(manifest, ModelOrigin::pack()),
        };
        Ok(Self { segmenter, choice, info })
    }

    /// The same model under another label, in rows and in problems.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.info.label = label.to_string();
        self
    }

    /// The model in the runtime, on one thread.
    #[must_use]
    pub fn segmenter(&self) -> &Segmenter {
        &self.segmenter
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> ImageError {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        ImageError::Model { model: self.info.label.clone(), reason }
    }
}

impl Predictor for PackPredictor {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode<'a>(&'a self, frame: &'a Frame) -> Result<Box<dyn Encoded + 'a>, ImageError> {
        let encoded = self.segmenter.encode(frame).map_err(|error| self.failed(&error))?;
        Ok(Box::new(PackEncoded { encoded, model: self }))
    }
}

struct PackEncoded<'a> {
    encoded: EncodedFrame<TractNetwork>,
    model: &'a PackPredictor,
}

impl Encoded for PackEncoded<'_> {
    fn predict(&self, prompts: &Prompts) -> Result<Answer, ImageError> {
        let prediction =
            self.encoded.predict(prompts).map_err(|error| self.model.failed(&error))?;
        let token = prediction.choose(self.model.choice);
        Ok(Answer {
            mask: prediction.mask(token),
            mask_prompt: Some(prediction.as_mask_prompt(token)),
            logits: Some(Logits {
                values: prediction.logits_of(token).to_vec(),
                side: prediction.side(),
            }),
            predicted_iou: prediction.predicted_iou().get(token.index()).copied(),
            object_score: prediction.object_score(),
        })
    }

    fn image_embed(&self) -> Option<&[f32]> {
        let [embed, ..] = self.encoded.embedding().values().ok()?;
        Some(embed)
    }
}
