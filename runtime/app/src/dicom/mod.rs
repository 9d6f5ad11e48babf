//! DICOM files as frames, and the DICOM objects that `segment` writes.

mod documents;

pub(crate) use documents::Documents;

use crate::failure::AppError;
use crate::input::Input;
use crate::request::Request;
use anyhow::Context;
use uniultra_answer::{prompted_spacing, warnings_of_image};
use uniultra_dicom::DicomImage;
use uniultra_schema::SpacingSource;

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
        None => prompted_spacing(&image, &request.prompts)
            .with_context(|| format!("{name}: pass --pixel-spacing to overrule the file"))?
            .map(|spacing| (spacing, SpacingSource::Dicom)),
    };
    let pixel_spacing = spacing.map(|(spacing, _)| spacing);
    let warnings = warnings_of_image(&image, request.dicom.frame_number, pixel_spacing).collect();
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
    uniultra_answer::frame_index(number, count).ok_or_else(|| {
        let (number, name) = (number.unwrap_or(1), name);
        let expected = if count == 1 { "1".to_string() } else { format!("1 to {count}") };
        let message = format!("{name}: --frame: expected {expected}, found {number}");
        AppError::Input(message).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_frame_is_named() {
        assert_eq!(frame_index(None, 3, "c").unwrap(), 0);
        let message =
            |number, count| frame_index(Some(number), count, "c").unwrap_err().to_string();
        assert_eq!(message(4, 3), "c: --frame: expected 1 to 3, found 4");
        assert_eq!(message(2, 1), "c: --frame: expected 1, found 2");
    }
}
