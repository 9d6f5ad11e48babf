//! What a DICOM file says about an answer in it.

use crate::{DicomWarning, Warning};
use uniultra_core::{PixelSpacing, PointLabel, Prompts, SpacingError};
use uniultra_dicom::{BurnedInAnnotation, DicomImage};

/// The index of a frame, counted from 0, by its number in DICOM, counted from 1; without a number the first. `None`
/// if the file has fewer frames: it has `count`.
#[must_use]
pub fn frame_index(number: Option<u32>, count: usize) -> Option<usize> {
    let index = (number.unwrap_or(1) as usize).checked_sub(1)?;
    (index < count).then_some(index)
}

/// The size of the pixels under the prompt.
///
/// # Errors
/// [`SpacingError`] if the file states a size that does not occur.
pub fn prompted_spacing(
    image: &DicomImage,
    prompts: &Prompts,
) -> Result<Option<PixelSpacing>, SpacingError> {
    // A mask as prompt has no one place; the middle of the picture stands in.
    let [width, height] = [image.width(), image.height()];
    let [x, y] = place(prompts).unwrap_or([width as f32 / 2.0, height as f32 / 2.0]);
    let pixel = |at: f32, side: usize| (at.round().max(0.0) as usize).min(side.saturating_sub(1));
    image.spacing_at(pixel(x, width), pixel(y, height))
}

/// Warnings about a frame of a DICOM file: whether its number was chosen, and the size of its pixels is known.
pub fn warnings_of_image(
    image: &DicomImage,
    number: Option<u32>,
    spacing: Option<PixelSpacing>,
) -> impl Iterator<Item = Warning> {
    let frames = image.frame_count();
    let chosen_by_default = frames > 1 && number.is_none();
    let burned_in = image.burned_in_annotation() == BurnedInAnnotation::Yes;
    let warnings = [
        chosen_by_default.then_some(DicomWarning::MoreFrames { frames }),
        burned_in.then_some(DicomWarning::BurnedInText),
        spacing.is_none().then_some(DicomWarning::NoPixelSpacing),
    ];
    warnings.into_iter().flatten().map(Warning::Dicom)
}

/// Where the prompt is: its first click inside the object, else the centre of its box.
fn place(prompts: &Prompts) -> Option<[f32; 2]> {
    let inside = prompts.points().iter().find(|point| point.label == PointLabel::Positive);
    let centre = |[x0, y0, x1, y1]: [f32; 4]| [(x0 + x1) / 2.0, (y0 + y1) / 2.0];
    inside.map(|point| [point.x, point.y]).or_else(|| prompts.bounding_box().map(centre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_from_one() {
        assert_eq!(frame_index(None, 3), Some(0));
        assert_eq!(frame_index(Some(3), 3), Some(2));
        assert_eq!(frame_index(Some(4), 3), None);
        assert_eq!(frame_index(Some(0), 3), None);
        assert_eq!(frame_index(None, 0), None);
    }

    #[test]
    fn the_first_click_inside_is_the_prompts_place() {
        let box_alone = Prompts::new().with_box(10.0, 20.0, 30.0, 60.0).unwrap();
        assert_eq!(place(&box_alone), Some([20.0, 40.0]));
        let outside = box_alone.with_point(1.0, 1.0, PointLabel::Negative).unwrap();
        assert_eq!(place(&outside), Some([20.0, 40.0]));
        let inside = outside.with_point(12.0, 22.0, PointLabel::Positive).unwrap();
        assert_eq!(place(&inside), Some([12.0, 22.0]));
        assert_eq!(place(&Prompts::new()), None);
    }
}
