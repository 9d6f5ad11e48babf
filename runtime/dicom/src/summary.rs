//! What a log or a report may say about an image: nothing of the patient.

use crate::TransferSyntax;
use crate::data_set::DataSet;
use crate::tag;
use std::fmt;

/// Whether text is burned into the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurnedInAnnotation {
    /// The file says that the pixels can identify the patient.
    Yes,
    /// The file says that they cannot.
    No,
    /// The file does not say.
    NotStated,
}

impl BurnedInAnnotation {
    pub(crate) fn read(set: &DataSet) -> Self {
        match set.text(tag::BURNED_IN_ANNOTATION).as_deref() {
            Some("YES") => Self::Yes,
            Some("NO") => Self::No,
            _ => Self::NotStated,
        }
    }
}

/// An image in a line, without names, identifiers, dates and free text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The kind of image, as the standard names it.
    pub image_kind: &'static str,
    /// How the pixels are encoded.
    pub transfer_syntax: TransferSyntax,
    /// `US` for ultrasound; empty if the file does not say.
    pub modality: String,
    /// The maker of the device; empty if the file does not say.
    pub manufacturer: String,
    /// The device's model; empty if the file does not say.
    pub model: String,
    /// Width of the frames, in pixels.
    pub width_px: usize,
    /// Height of the frames, in pixels.
    pub height_px: usize,
    /// How many frames there are.
    pub frames: usize,
    /// The meaning of the samples, `MONOCHROME2` for example.
    pub photometric_interpretation: String,
    /// Bits of a sample.
    pub bits_stored: u16,
    /// How many ultrasound regions the file describes.
    pub regions: usize,
    /// Whether text is burned into the pixels.
    pub burned_in_annotation: BurnedInAnnotation,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width_px, height_px, frames, bits_stored, regions, .. } = self;
        let frames = if *frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
        let regions =
            if *regions == 1 { "1 region".to_owned() } else { format!("{regions} regions") };
        write!(
            f,
            "{}, {}, {frames} of {width_px}x{height_px}",
            self.image_kind,
            self.transfer_syntax.name()
        )?;
        write!(f, ", {} {bits_stored} bits, {regions}", self.photometric_interpretation)?;
        match self.burned_in_annotation {
            BurnedInAnnotation::Yes => f.write_str(", text burned in"),
            BurnedInAnnotation::No => f.write_str(", no text burned in"),
            BurnedInAnnotation::NotStated => Ok(()),
        }
    }
}
