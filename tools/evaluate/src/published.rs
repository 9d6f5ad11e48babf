//! The protocol of the paper's published code, so that its table can be set beside ours.
//!
//! - Image and mask are brought to 1024 x 1024 pixels; the model sees the image stretched to its own
//!   input size, which the report states (the published code: 1024, under bf16 autocast).
//! - Each 8-connected component of that mask, however small, gives one box and no point. The box
//!   reaches from the component's first column and row to the one *after* its last.
//! - One mask a box. The published code has SAM 2's fallback on: mask token 0 or, where that is
//!   unstable, the best of the other three by predicted IoU. This is what the runtime's
//!   [`MaskChoice::Single`](uniultra_core::MaskChoice::Single) does.
//! - The boxes' logits are summed, and a pixel is object where the sigmoid of the sum is 0.5 or more.
//! - Dice and IoU with 1 added above and below the line, and the Hausdorff distance, all on the
//!   1024 x 1024 grid. An empty prediction is infinitely far: such images are counted, not averaged.
//! - An image without an object has no box: the published code cannot be asked about it.

use crate::baseline::{BASELINE, ellipses};
use crate::report::Row;
use crate::{Case, Encoded, ImageError, Logits, PromptKind};
use uniultra_core::{
    Frame, Mask, MaskError, PixelBox, PromptError, Prompts, hausdorff_px, resize_logits,
};
use uniultra_dataset::{Components, read_pair};

/// Side of the grid that boxes and figures belong to, in pixels.
pub const GRID_SIDE: usize = 1024;

/// An image with what is asked and what is expected.
pub(crate) struct Scene {
    pub(crate) frame: Frame,
    /// The mask on the grid.
    truth: Mask,
    /// Tight boxes of its components, on the grid.
    boxes: Vec<PixelBox>,
}

impl Scene {
    pub(crate) fn load(case: &Case) -> Result<Self, ImageError> {
        let (frame, mask) = read_pair(case)?;
        Self::new(frame, &mask)
    }

    fn new(frame: Frame, mask: &Mask) -> Result<Self, ImageError> {
        let truth = on_grid(mask)?;
        let boxes = Components::from_mask(&truth).tight_boxes();
        Ok(Self { frame, truth, boxes })
    }

    /// The ellipses in the true boxes: their row, and the mask at the image's size. `None` for an
    /// image without an object.
    pub(crate) fn baseline(&self, case: &Case) -> Result<Option<(Row, Mask)>, ImageError> {
        if self.boxes.is_empty() {
            return Ok(None);
        }
        let mask = ellipses(self.boxes.iter().copied(), GRID_SIDE, GRID_SIDE)?;
        let row = self.row(case, &mask, BASELINE)?;
        let shown = resample(&mask, self.frame.width(), self.frame.height())?;
        Ok(Some((row, shown)))
    }

    /// The answer of the model labelled `model`: its row, and the mask at the image's size.
    pub(crate) fn predict(
        &self,
        case: &Case,
        model: &str,
        encoded: &dyn Encoded,
    ) -> Result<(Row, Mask), ImageError> {
        let (width, height) = (self.frame.width(), self.frame.height());
        let mut sum: Option<Logits> = None;
        for &tight_box in &self.boxes {
            let answer = encoded.predict(&prompts(tight_box, width, height)?)?;
            let refuse = |reason: &str| ImageError::Model {
                model: model.to_string(),
                reason: reason.to_string(),
            };
            let logits = answer.logits.ok_or_else(|| refuse("expected logits, found none"))?;
            match &mut sum {
                None => sum = Some(logits),
                Some(sum) if sum.side == logits.side => {
                    for (value, more) in sum.values.iter_mut().zip(&logits.values) {
                        *value += more;
                    }
                }
                Some(_) => return Err(refuse("expected logits of one size")),
            }
        }
        let masks = [[GRID_SIDE, GRID_SIDE], [width, height]].map(|size| above(sum.as_ref(), size));
        let [on_grid, shown] = masks;
        Ok((self.row(case, &on_grid?, model)?, shown?))
    }

    /// The figures of a mask on the grid; none for an image without an object.
    fn row(&self, case: &Case, prediction: &Mask, model: &str) -> Result<Row, ImageError> {
        let row = Row {
            objects: self.boxes.len(),
            truth_px: self.truth.area_px(),
            prediction_px: prediction.area_px(),
            ..Row::new(case, PromptKind::Box.to_string(), model.to_string())
        };
        if self.boxes.is_empty() {
            return Ok(row);
        }
        let [dice, iou] = smoothed_overlap(prediction, &self.truth);
        let hausdorff = hausdorff_px(prediction, &self.truth)?;
        Ok(Row {
            dice: Some(dice),
            iou: Some(iou),
            hausdorff_1024_px: hausdorff,
            hausdorff_infinite: hausdorff.is_none(),
            ..row
        })
    }
}

/// The box as the published code gives it, in pixels of the image.
fn prompts(tight_box: PixelBox, width: usize, height: usize) -> Result<Prompts, PromptError> {
    let PixelBox { x0, y0, x1, y1 } = tight_box;
    let along = |at: usize, side: usize| (at as f64 * side as f64 / GRID_SIDE as f64) as f32;
    Prompts::new().with_box(
        along(x0, width),
        along(y0, height),
        along(x1 + 1, width),
        along(y1 + 1, height),
    )
}

/// The mask on the grid, nearest neighbour.
fn on_grid(mask: &Mask) -> Result<Mask, MaskError> {
    resample(mask, GRID_SIDE, GRID_SIDE)
}

/// The mask at another size: each pixel as the one that its centre falls into.
fn resample(mask: &Mask, width: usize, height: usize) -> Result<Mask, MaskError> {
    let source = |at: usize, from: usize, to: usize| (2 * at + 1) * from / (2 * to);
    let columns: Vec<usize> = (0..width).map(|x| source(x, mask.width(), width)).collect();
    let rows = (0..height).map(|y| source(y, mask.height(), height));
    let pixel = |y: usize, x: usize| u8::from(mask.contains(x, y));
    let data = rows.flat_map(|y| columns.iter().map(move |&x| pixel(y, x))).collect();
    Mask::from_binary(width, height, data)
}

/// Where the sigmoid of logits, resized bilinearly, is 0.5 or more; an empty mask without logits.
/// Sums may come before resizing, which is linear.
fn above(logits: Option<&Logits>, [width, height]: [usize; 2]) -> Result<Mask, MaskError> {
    let mut data = Vec::with_capacity(width * height);
    match logits {
        Some(Logits { values, side }) => {
            resize_logits(values, *side, width, height, |_, row| {
                data.extend(row.iter().map(|&logit| u8::from(logit >= 0.0)));
            })?;
        }
        None => data.resize(width * height, 0),
    }
    Mask::from_binary(width, height, data)
}

/// Dice (2 TP + 1) / (2 TP + FP + FN + 1) and IoU (TP + 1) / (TP + FP + FN + 1).
fn smoothed_overlap(prediction: &Mask, truth: &Mask) -> [f32; 2] {
    let both = prediction.data().iter().zip(truth.data()).filter(|(a, b)| **a & **b != 0).count();
    let sum = prediction.area_px() + truth.area_px();
    let ratio = |above: usize, below: usize| ((above + 1) as f64 / (below + 1) as f64) as f32;
    [ratio(2 * both, sum), ratio(both, sum - both)]
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;
