//! What a change of the pack costs: Dice and features on a few frames, against the f32 pack.

use crate::QuantizeError;
use crate::frames::{Frames, NamedSample};
use crate::graph::NetworkKind;
use crate::prepared::Files;
use crate::source::{SourcePack, engine_error};
use serde::Serialize;
use std::collections::BTreeMap;
use uniultra_core::{InputSpec, Mask, MaskChoice, Network, Prompts, dice, preprocess};
use uniultra_dataset::unite;
use uniultra_engine::{Embedding, EngineOptions, Segmenter, open_pack};
use uniultra_evaluate::{PromptKind, prompts_for};

/// Prompts of a trial.
const KINDS: [PromptKind; 2] = [PromptKind::Point, PromptKind::Box];

/// Result of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct TrialResult {
    /// Mean Dice over frames, with a point and with a box.
    pub dice: f64,
    /// The f32 pack's mean Dice less this one.
    pub dice_drop: f64,
    /// The same of the set and prompt that lose most.
    pub worst_drop: f64,
    /// Relative error of `image_embed`, root mean square over frames; 0 where the encoder is f32's.
    pub embedding_error: f64,
    /// Relative error of the mask logits, likewise.
    pub logits_error: f64,
}

/// A frame as the f32 pack sees it.
struct TrialFrame {
    named: NamedSample,
    image: Vec<f32>,
    embedding: Embedding,
    answer: Answer,
}

/// What a pack makes of a frame.
struct Answer {
    /// One a kind of prompt.
    dice: [f64; 2],
    /// The logits of every prompt of the frame, one after the other.
    logits: Vec<f32>,
}

/// Frames, and the f32 pack's answers.
pub(crate) struct Trial {
    frames: Vec<TrialFrame>,
}

impl Trial {
    /// Asks the f32 pack about every frame with an object.
    ///
    /// # Errors
    /// [`QuantizeError::NoFrames`] if there is none.
    pub(crate) fn open(
        source: &SourcePack,
        frames: &Frames,
        progress: &dyn crate::Progress,
    ) -> Result<Self, QuantizeError> {
        let spec = InputSpec::from_manifest(source.manifest());
        let mut kept = Vec::new();
        progress.start("f32 answers", frames.len());
        for named in frames.with_objects(progress) {
            let mut image = vec![0.0; spec.values()];
            preprocess(&named.sample.frame, &spec, &mut image)
                .map_err(|error| named.failed(&error))?;
            let embedding = source.segmenter().network().encode(&image)?;
            let answer = answer(source.segmenter(), &named, embedding.clone())?;
            kept.push(TrialFrame { named, image, embedding, answer });
        }
        progress.finish();
        if kept.is_empty() {
            let found = format!("none among {} for trials", frames.len());
            return Err(QuantizeError::NoFrames { found });
        }
        Ok(Self { frames: kept })
    }

    /// Number of frames.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Mean Dice of the f32 pack.
    pub(crate) fn float_dice(&self) -> f64 {
        mean(self.frames.iter().flat_map(|frame| frame.answer.dice))
    }

    /// Tries a pack. Where only the decoder `changed`, the f32 embeddings are taken.
    ///
    /// # Errors
    /// [`QuantizeError`] if the pack cannot be opened or run.
    pub(crate) fn run(
        &self,
        files: &Files,
        changed: Option<NetworkKind>,
    ) -> Result<TrialResult, QuantizeError> {
        let pack = files.pack()?;
        let segmenter = open_pack(&pack, &EngineOptions::default()).map_err(engine_error)?;
        let encodes = changed != Some(NetworkKind::MaskDecoder);
        let (mut dices, mut embeddings, mut logits) = (Vec::new(), Vec::new(), Vec::new());
        // Drops by set and prompt.
        let mut drops: BTreeMap<(&str, usize), Vec<f64>> = BTreeMap::new();
        for frame in &self.frames {
            let embedding = if encodes {
                segmenter.network().encode(&frame.image)?
            } else {
                frame.embedding.clone()
            };
            embeddings.push(relative(frame.embedding.values()?[0], embedding.values()?[0]));
            let answer = answer(&segmenter, &frame.named, embedding)?;
            dices.extend(answer.dice);
            for (kind, (float, int8)) in frame.answer.dice.iter().zip(answer.dice).enumerate() {
                drops.entry((&frame.named.set, kind)).or_default().push(float - int8);
            }
            logits.push(relative(&frame.answer.logits, &answer.logits));
        }
        let dice = mean(dices.into_iter());
        let rms = |values: Vec<f64>| mean(values.into_iter().map(|v| v * v)).sqrt();
        Ok(TrialResult {
            dice,
            dice_drop: self.float_dice() - dice,
            worst_drop: drops
                .into_values()
                .map(|drops| mean(drops.into_iter()))
                .fold(f64::NEG_INFINITY, f64::max),
            embedding_error: rms(embeddings),
            logits_error: rms(logits),
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
    sum / f64::from(count.max(1))
}

/// Norm of the difference over the norm of `reference`.
fn relative(reference: &[f32], values: &[f32]) -> f64 {
    let (difference, norm) =
        reference.iter().zip(values).fold((0.0, 0.0), |(difference, norm), (&a, &b)| {
            let (a, b) = (f64::from(a), f64::from(b));
            (difference + (a - b) * (a - b), norm + a * a)
        });
    (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
}

fn answer(
    segmenter: &Segmenter,
    named: &NamedSample,
    embedding: Embedding,
) -> Result<Answer, QuantizeError> {
    let sample = &named.sample;
    let (width, height) = (sample.frame.width(), sample.frame.height());
    let encoded = segmenter.resume(embedding, width, height);
    let mut answer = Answer { dice: [0.0; 2], logits: Vec::new() };
    for (kind, value) in KINDS.into_iter().zip(&mut answer.dice) {
        let mut union = vec![0; width * height];
        for object in &sample.objects {
            let prompts: Prompts =
                prompts_for(object, kind).map_err(|error| named.failed(&error))?;
            let prediction = encoded.predict(&prompts).map_err(|error| named.failed(&error))?;
            let token = prediction.choose(MaskChoice::Single);
            unite(&mut union, &prediction.mask(token));
            answer.logits.extend_from_slice(prediction.logits_of(token));
        }
        let mask = Mask::from_binary(width, height, union).map_err(|error| named.failed(&error))?;
        let found = dice(&mask, &sample.truth).map_err(|error| named.failed(&error))?;
        *value = f64::from(found);
    }
    Ok(answer)
}
