//! Predictors without a network, and frames for them.

use image::{GrayImage, Luma};
use std::path::Path;
use tempfile::TempDir;
use uniultra_core::{Frame, Mask, Prompts};
use uniultra_evaluate::{Answer, Case, Encoded, ImageError, ModelInfo, Predictor};
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// What a fake answers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Habit {
    /// All that is bright.
    Bright,
    /// The same, four pixels to the right.
    Shifted,
    /// Fails.
    Broken,
}

pub(crate) struct Fake {
    info: ModelInfo,
    habit: Habit,
}

pub(crate) fn fake(label: &str, habit: Habit) -> Fake {
    let hash = "0".repeat(64);
    let info = ModelInfo {
        label: label.to_string(),
        object_score: false,
        identity: ModelIdentity {
            id: label.to_string(),
            version: "1".to_string(),
            image_size: 64,
            precision: "f32".to_string(),
            image_encoder_sha256: hash.clone(),
            mask_decoder_sha256: hash.clone(),
            checkpoint_sha256: hash,
            origin: ModelOrigin::pack(),
        },
    };
    Fake { info, habit }
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
        Ok(Box::new(FakeEncoded { frame, shift: if self.habit == Habit::Shifted { 4 } else { 0 } }))
    }
}

struct FakeEncoded<'a> {
    frame: &'a Frame,
    shift: usize,
}

impl Encoded for FakeEncoded<'_> {
    fn predict(&self, _: &Prompts) -> Result<Answer, ImageError> {
        let (width, height) = (self.frame.width(), self.frame.height());
        let bright = |x: usize, y| {
            let x = x.checked_sub(self.shift);
            x.and_then(|x| self.frame.gray(x, y)).is_some_and(|gray| gray > 0.5)
        };
        let data = (0..width * height).map(|i| u8::from(bright(i % width, i / width))).collect();
        let mask = Mask::from_binary(width, height, data)?;
        let (mask_prompt, logits, predicted_iou, object_score) = (None, None, None, None);
        Ok(Answer { mask, mask_prompt, logits, predicted_iou, object_score })
    }

    fn image_embed(&self) -> Option<&[f32]> {
        Some(if self.shift == 0 { &[1.0, 0.0] } else { &[1.0, 0.1] })
    }
}

/// Three frames of one square each, larger from frame to frame.
pub(crate) fn frames() -> (TempDir, Vec<Case>) {
    let folder = tempfile::tempdir().unwrap();
    let cases = (0..3).map(|i| draw(folder.path(), i)).collect();
    (folder, cases)
}

fn draw(folder: &Path, index: u32) -> Case {
    let square = 10..20 + 5 * index;
    let inside = |x, y| square.contains(&x) && square.contains(&y);
    let image = GrayImage::from_fn(64, 48, |x, y| Luma([255 * u8::from(inside(x, y))]));
    let path = folder.join(format!("{index}.png"));
    image.save(&path).unwrap();
    Case {
        set: "squares".to_string(),
        stem: index.to_string(),
        image: path.clone(),
        mask: path,
        pixel_spacing: None,
        head_circumference_mm: None,
    }
}
