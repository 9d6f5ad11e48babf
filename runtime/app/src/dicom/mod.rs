//! DICOM files as frames, and the DICOM objects that `segment` writes.

mod documents;
mod warning;

pub(crate) use documents::Documents;
pub(crate) use warning::DicomWarning;

use crate::failure::AppError;
use crate::input::Input;
use crate::request::Request;
use crate::warning::Warning;
use anyhow::Context;
use uniultra_core::{PixelSpacing, PointLabel, Prompts};
use uniultra_dicom::{BurnedInAnnotation, DicomImage};
use uniultra_schema::SpacingSource;

/// Whether these are the bytes of a DICOM file, or its first ones.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// Refuses options that need a DICOM file.
pub(crate) fn refuse_options(request: &Request) -> anyhow::Result<()> {
    let Some(option) = request.dicom.first_given() else { return Ok(()) };
    let name = request.frame.name();
    let message = format!("{option}: expected a DICOM file as FRAME, found another file, {name}");
    Err(AppError::Usage(message).into())
}

/// Reads one frame of a DICOM file.
pub(crate) fn read(bytes: Vec<u8>, request: &Request) -> anyhow::Result<Input> {
    let name = request.frame.name();
    if request.bit_depth.is_some() {
        let message = "--bit-depth: expected an image file as FRAME, found a DICOM file, which states its bits \
                       itself; leave the option out";
        return Err(AppError::Usage(message.to_string()).into());
    }
    let image = DicomImage::from_bytes(bytes).with_context(|| name.clone())?;
    log::info!("{}", image.summary());
    let index = frame_index(request.dicom.frame_number, image.frame_count(), &name)?;
    let frame = image.frame(index).with_context(|| name.clone())?;
    let spacing = match request.spacing {
        Some(spacing) => Some((spacing, SpacingSource::Option)),
        None => spacing_at(&image, &request.prompts)
            .with_context(|| format!("{name}: pass --pixel-spacing to overrule the file"))?
            .map(|spacing| (spacing, SpacingSource::Dicom)),
    };
    let frames = image.frame_count();
    let chosen_by_default = frames > 1 && request.dicom.frame_number.is_none();
    let burned_in = image.burned_in_annotation() == BurnedInAnnotation::Yes;
    let warnings = [
        chosen_by_default.then_some(DicomWarning::MoreFrames { frames }),
        burned_in.then_some(DicomWarning::BurnedInText),
        spacing.is_none().then_some(DicomWarning::NoPixelSpacing),
    ];
    let warnings = warnings.into_iter().flatten().map(Warning::Dicom).collect();
    let pixel_spacing = spacing.map(|(spacing, _)| spacing);
    let documents = Documents::prepare(&image, index, pixel_spacing, request)?;
    Ok(Input {
        frame,
        orientation_applied: None,
        number: Some(index + 1),
        spacing,
        warnings,
        documents,
    })
}

/// The index of a frame, counted from 0, by its number in DICOM, counted from 1.
fn frame_index(number: Option<u32>, count: usize, name: &str) -> anyhow::Result<usize> {
    let number = number.unwrap_or(1);
    let index = number as usize - 1;
    if index >= count {
        let expected = if count == 1 { "1".to_string() } else { format!("1 to {count}") };
        let message = format!("{name}: --frame: expected {expected}, found {number}");
        return Err(AppError::Input(message).into());
    }
    Ok(index)
}

/// The size of the pixels under the prompt.
fn spacing_at(image: &DicomImage, prompts: &Prompts) -> anyhow::Result<Option<PixelSpacing>> {
    // A mask as prompt has no one place; the middle of the picture stands in.
    let [width, height] = [image.width(), image.height()];
    let [x, y] = place(prompts).unwrap_or([width as f32 / 2.0, height as f32 / 2.0]);
    let pixel = |at: f32, side: usize| (at.round().max(0.0) as usize).min(side.saturating_sub(1));
    Ok(image.spacing_at(pixel(x, width), pixel(y, height))?)
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
        assert_eq!(frame_index(None, 3, "c").unwrap(), 0);
        assert_eq!(frame_index(Some(3), 3, "c").unwrap(), 2);
        let message =
            |number, count| frame_index(Some(number), count, "c").unwrap_err().to_string();
        assert_eq!(message(4, 3), "c: --frame: expected 1 to 3, found 4");
        assert_eq!(message(2, 1), "c: --frame: expected 1, found 2");
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

    #[test]
    fn a_file_is_dicom_by_its_content() {
        let mut bytes = vec![0; 128];
        assert!(!is_dicom(&bytes));
        bytes.extend(b"DICM");
        assert!(is_dicom(&bytes));
    }
}
