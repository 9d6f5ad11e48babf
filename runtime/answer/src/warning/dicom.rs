//! Warnings about a DICOM file.

use std::fmt;

/// A reason to look twice at an answer about a DICOM file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DicomWarning {
    /// No frame was chosen.
    MoreFrames {
        /// Frames that the file has.
        frames: usize,
    },
    /// The file says that its pixels show text that can identify the patient.
    BurnedInText,
    /// The file gives the pixels under the prompt no size.
    NoPixelSpacing,
}

impl DicomWarning {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MoreFrames { .. } => "more_frames",
            Self::BurnedInText => "burned_in_text",
            Self::NoPixelSpacing => "no_pixel_spacing",
        }
    }
}

impl fmt::Display for DicomWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreFrames { frames } => write!(
                f,
                "the file has {frames} frames, and this is the first; choose one with --frame 1 to {frames}"
            ),
            Self::BurnedInText => f.write_str(
                "the file says that its pixels show text that can identify the patient; so does an overlay",
            ),
            Self::NoPixelSpacing => f.write_str(
                "the file gives pixels no size in mm where the prompt is, so no measure is in mm; pass \
                 --pixel-spacing if you know it",
            ),
        }
    }
}
