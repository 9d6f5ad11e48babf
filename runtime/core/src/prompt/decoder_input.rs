//! Converts prompts from source pixels to the decoder's coordinates.

use super::{MAX_POINTS, PointLabel, PromptError, Prompts};

/// Most points that the decoder receives: the corners of a box, then the clicks.
pub const MAX_TOKENS: usize = MAX_POINTS + 2;

/// Prompts in the form that the mask decoder takes (MODEL.md section 3).
///
/// SAM 2's padding point is missing, because the decoder's graph appends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecoderInput {
    /// (x, y) in pixels of the S x S input, without a half-pixel shift. The corners of a box come
    /// first. At most [`MAX_TOKENS`].
    pub point_coords: Vec<[f32; 2]>,
    /// A label for each point: 0 negative, 1 positive, 2 top left and 3 bottom right of a box.
    pub point_labels: Vec<f32>,
    /// Logits `[S/4, S/4]` of the mask prompt.
    pub mask_input: Option<Vec<f32>>,
}

impl DecoderInput {
    /// Converts prompts on a frame of `width` x `height` pixels for a model with input side
    /// `image_size`: x * S / width, y * S / height.
    ///
    /// # Errors
    /// Those of [`Prompts::validate`].
    pub fn from_prompts(
        prompts: &Prompts,
        width: usize,
        height: usize,
        image_size: usize,
    ) -> Result<Self, PromptError> {
        prompts.validate(width, height, image_size / 4)?;
        let side = image_size as f32;
        let mut input = Self {
            point_coords: Vec::with_capacity(MAX_TOKENS),
            point_labels: Vec::with_capacity(MAX_TOKENS),
            mask_input: prompts.mask().map(|mask| mask.logits().to_vec()),
        };
        let mut push = |x: f32, y: f32, label: f32| {
            input.point_coords.push([x * side / width as f32, y * side / height as f32]);
            input.point_labels.push(label);
        };
        if let Some([x0, y0, x1, y1]) = prompts.bounding_box() {
            push(x0, y0, 2.0);
            push(x1, y1, 3.0);
        }
        for point in prompts.points() {
            let label = match point.label {
                PointLabel::Negative => 0.0,
                PointLabel::Positive => 1.0,
            };
            push(point.x, point.y, label);
        }
        Ok(input)
    }
}
