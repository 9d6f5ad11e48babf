//! Predictors without a network, for tests of the protocol.

use crate::{Answer, Encoded, ImageError, Logits, ModelInfo, Predictor};
use std::collections::VecDeque;
use std::sync::Mutex;
use uniultra_core::{Frame, Mask, MaskPrompt, PointLabel, Prompts};
use uniultra_dataset::Components;
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// A mask drawn in text: `#` is object.
pub(crate) fn mask_of(rows: &[&str]) -> Mask {
    let data = rows.iter().flat_map(|row| row.bytes().map(|b| u8::from(b == b'#'))).collect();
    Mask::from_binary(rows[0].len(), rows.len(), data).unwrap()
}

/// Gives prepared answers in turn and remembers what it was asked. The mask prompt of answer N is
/// a grid of N.
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Mask>>,
    seen: Mutex<Vec<Prompts>>,
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Mask>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), seen: Mutex::new(Vec::new()) }
    }

    pub(crate) fn seen(&self) -> Vec<Prompts> {
        self.seen.lock().unwrap().clone()
    }
}

impl Encoded for Scripted {
    fn predict(&self, prompts: &Prompts) -> Result<Answer, ImageError> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(prompts.clone());
        let mask = self.answers.lock().unwrap().pop_front().unwrap();
        let mask_prompt = MaskPrompt::new(vec![seen.len() as f32; 4], 2).ok();
        let (logits, predicted_iou, object_score) = (None, None, None);
        Ok(Answer { mask, mask_prompt, logits, predicted_iou, object_score })
    }
}

/// Gives even logits in turn, and remembers what it was asked.
pub(crate) struct Sums {
    values: Mutex<VecDeque<f32>>,
    seen: Mutex<Vec<Prompts>>,
}

impl Sums {
    pub(crate) fn new(values: impl IntoIterator<Item = f32>) -> Self {
        Self { values: Mutex::new(values.into_iter().collect()), seen: Mutex::new(Vec::new()) }
    }

    pub(crate) fn seen(&self) -> Vec<Prompts> {
        self.seen.lock().unwrap().clone()
    }
}

impl Encoded for Sums {
    fn predict(&self, prompts: &Prompts) -> Result<Answer, ImageError> {
        self.seen.lock().unwrap().push(prompts.clone());
        let value = self.values.lock().unwrap().pop_front().unwrap();
        let logits = Some(Logits { values: vec![value; 16], side: 4 });
        let mask = mask_of(&["."]);
        let (mask_prompt, predicted_iou, object_score) = (None, None, None);
        Ok(Answer { mask, mask_prompt, logits, predicted_iou, object_score })
    }
}

pub(crate) fn info(label: &str, object_score: bool) -> ModelInfo {
    ModelInfo {
        label: label.to_string(),
        object_score,
        identity: ModelIdentity {
            id: label.to_string(),
            version: "1".to_string(),
            image_size: 64,
            precision: "f32".to_string(),
            image_encoder_sha256: "0".repeat(64),
            mask_decoder_sha256: "1".repeat(64),
            checkpoint_sha256: "2".repeat(64),
            origin: ModelOrigin::pack(),
        },
    }
}

/// What a fake thinks of any mask of its own.
pub(crate) const PREDICTED_IOU: f32 = 0.75;

/// What a fake answers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Habit {
    /// The bright component that a point lies in, or all that is bright inside the box.
    Oracle,
    /// Nothing, ever.
    Empty,
    /// Fails.
    Broken,
}

/// A model that reads the truth off the image: bright is object.
pub(crate) struct Fake {
    info: ModelInfo,
    habit: Habit,
}

impl Fake {
    pub(crate) fn new(label: &str, habit: Habit) -> Self {
        // The oracle has an object score, the others have none.
        Self { info: info(label, habit == Habit::Oracle), habit }
    }
}

impl Predictor for Fake {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode<'a>(&'a self, frame: &'a Frame) -> Result<Box<dyn Encoded + 'a>, ImageError> {
        if self.habit == Habit::Broken {
            let (model, reason) = (self.info.label.clone(), "as always".to_string());
            return Err(ImageError::Model { model, reason });
        }
        Ok(Box::new(FakeEncoded { frame, habit: self.habit }))
    }
}

/// Logits of 24 inside and -8 outside of a mask, on the square grid of its longer side: the sum of
/// two objects' logits is 16 inside of either and -16 outside.
fn logits_of(mask: &Mask) -> Logits {
    let (width, height) = (mask.width(), mask.height());
    let side = width.max(height);
    let on = |i: usize| mask.contains(i % side * width / side, i / side * height / side);
    let values = (0..side * side).map(|i| if on(i) { 24.0 } else { -8.0 }).collect();
    Logits { values, side }
}

struct FakeEncoded<'a> {
    frame: &'a Frame,
    habit: Habit,
}

impl Encoded for FakeEncoded<'_> {
    fn predict(&self, prompts: &Prompts) -> Result<Answer, ImageError> {
        let (width, height) = (self.frame.width(), self.frame.height());
        let bright = |x, y| self.frame.gray(x, y).is_some_and(|gray| gray > 0.5);
        let all = (0..width * height).map(|i| u8::from(bright(i % width, i / width))).collect();
        let all = Mask::from_binary(width, height, all)?;
        let inside = |x: usize, y: usize| {
            let [x, y] = [x as f32, y as f32];
            prompts
                .bounding_box()
                .is_some_and(|[x0, y0, x1, y1]| (x0..=x1).contains(&x) && (y0..=y1).contains(&y))
        };
        let components = Components::from_mask(&all);
        let mut data = vec![0; width * height];
        for i in 0..components.areas_px().len() {
            let component = components.mask(i)?;
            let hit = prompts.points().iter().any(|point| {
                point.label == PointLabel::Positive
                    && component.contains(point.x as usize, point.y as usize)
            });
            for (at, value) in data.iter_mut().enumerate() {
                let (x, y) = (at % width, at / width);
                if component.contains(x, y) && (hit || inside(x, y)) {
                    *value = 1;
                }
            }
        }
        if self.habit == Habit::Empty {
            data.fill(0);
        }
        let mask = Mask::from_binary(width, height, data)?;
        let object_score =
            (self.habit == Habit::Oracle).then(|| if mask.area_px() > 0 { 0.9 } else { 0.2 });
        let mask_prompt = MaskPrompt::new(vec![0.0; 4], 2).ok();
        let logits = Some(logits_of(&mask));
        let predicted_iou = Some(PREDICTED_IOU);
        Ok(Answer { mask, mask_prompt, logits, predicted_iou, object_score })
    }
}
