//! The frame to segment, and what its file says beside the pixels.

#[cfg(feature = "dicom")]
use crate::dicom::Documents;
use crate::request::Request;
use uniultra_answer::{Warning, warnings_of_frame};
use uniultra_core::{DecodedFrame, Frame, PixelSpacing};
use uniultra_schema::SpacingSource;

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) frame: Frame,
    /// The EXIF orientation that was applied.
    pub(crate) orientation_applied: Option<u8>,
    /// The frame's number in a DICOM file, counted from 1.
    pub(crate) number: Option<usize>,
    /// The size of a pixel, and who says so.
    pub(crate) spacing: Option<(PixelSpacing, SpacingSource)>,
    pub(crate) warnings: Vec<Warning>,
    /// The DICOM objects to write, if any.
    #[cfg(feature = "dicom")]
    pub(crate) documents: Option<Documents>,
}

impl Input {
    /// Reads the frame of a request. Its content says what kind of file it is, not its name.
    pub(crate) fn read(request: &Request) -> anyhow::Result<Self> {
        #[cfg(feature = "dicom")]
        {
            let bytes = request.frame.bytes()?;
            if uniultra_answer::is_dicom(&bytes) {
                return crate::dicom::read(bytes, request);
            }
            crate::dicom::refuse_options(request)?;
            Ok(Self::of_image(request.frame.decode(&bytes, &request.decode)?, request))
        }
        #[cfg(not(feature = "dicom"))]
        Ok(Self::of_image(request.frame.read(&request.decode)?, request))
    }

    fn of_image(decoded: DecodedFrame, request: &Request) -> Self {
        Self {
            warnings: warnings_of_frame(&decoded).collect(),
            orientation_applied: decoded.orientation_applied,
            frame: decoded.frame,
            number: None,
            spacing: request.spacing.map(|spacing| (spacing, SpacingSource::Option)),
            #[cfg(feature = "dicom")]
            documents: None,
        }
    }

    /// The size of a pixel.
    pub(crate) fn pixel_spacing(&self) -> Option<PixelSpacing> {
        self.spacing.map(|(spacing, _)| spacing)
    }
}
