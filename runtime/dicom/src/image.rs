//! An opened DICOM image.

use crate::container::{Container, check_file_size};
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::pixels::{Frames, PixelFormat};
use crate::region::Geometry;
use crate::summary::{BurnedInAnnotation, Summary};
use crate::timing::Timing;
use crate::{ReadError, Region, TransferSyntax, codec, tag, uid};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use uniultra_core::{Frame, PixelSpacing, SpacingError};

/// A DICOM image with one frame or many. Frames are decoded one by one, when they are asked for.
///
/// Ultrasound images, their retired forms and secondary captures are opened. Indices of frames count from 0;
/// DICOM's own frame numbers count from 1.
///
/// The file's bytes stay in memory, once. Pixels are those that are stored: no window and no lookup table of the
/// display is applied, and values of fewer bits are scaled to full range.
pub struct DicomImage {
    bytes: Vec<u8>,
    data_set: DataSet,
    class: &'static str,
    syntax: TransferSyntax,
    format: PixelFormat,
    frames: Frames,
    geometry: Geometry,
}

impl DicomImage {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of [`DicomImage::from_bytes`], and [`ReadError::File`] if the file cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let failed = |source| ReadError::File { path: path.display().to_string(), source };
        let file = File::open(path).map_err(failed)?;
        let stated = file.metadata().map_err(failed)?.len();
        check_file_size(stated)?;
        let mut bytes = Vec::with_capacity(stated as usize);
        // A device or a growing file has more than it states.
        file.take(crate::limits::MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::from_bytes(bytes)
    }

    /// Opens an image from the bytes of a file.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are not a DICOM file, are cut off, state a wrong length, hold no image of a
    /// class that is opened, or hold more or fewer pixels than they state.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ReadError> {
        let mut container = Container::read(bytes)?;
        let pixel_data = container.parsed.pixel_data.take();
        let set = container.data_set();
        let class_uid = set.required_uid(tag::SOP_CLASS_UID, "SOP class")?;
        let Some(class) = uid::image_class(&class_uid) else {
            let expected = "an ultrasound image or a secondary capture";
            return Err(ReadError::Unsupported(Mismatch::new(
                "SOP class",
                expected,
                uid::described(&class_uid),
            )));
        };
        let Some(pixel_data) = pixel_data else {
            return Err(ReadError::Element(Mismatch::new("pixel data", "some", "none")));
        };
        let encapsulated = matches!(pixel_data, crate::data_set::PixelData::Encapsulated { .. });
        if encapsulated != container.syntax.is_encapsulated() {
            let kinds = ["one value", "fragments"];
            let [expected, found] = [!encapsulated, encapsulated]
                .map(|kind| kinds.get(usize::from(kind)).copied().unwrap_or_default());
            return Err(ReadError::Element(Mismatch::new("pixel data", expected, found)));
        }
        let format = PixelFormat::read(set)?;
        let frames = Frames::find(&container.bytes, set, pixel_data, &format)?;
        let geometry = Geometry::read(set)?;
        let Container { bytes, syntax, parsed } = container;
        Ok(Self { bytes, data_set: parsed.data_set, class, syntax, format, frames, geometry })
    }

    /// Width of the frames, in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.format.width_px
    }

    /// Height of the frames, in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.format.height_px
    }

    /// How many frames there are, at least 1.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.format.frames
    }

    /// Decodes frame `index`, counted from 0, and no other.
    ///
    /// # Errors
    /// [`ReadError::NoFrame`] if there is none; [`ReadError::Pixels`] and [`ReadError::Frame`] if its pixels are
    /// damaged or of a kind that is not decoded.
    pub fn frame(&self, index: usize) -> Result<Frame, ReadError> {
        let count = self.frame_count();
        let bytes = self.frames.bytes(&self.bytes, index).filter(|_| index < count);
        let bytes = bytes.ok_or(ReadError::NoFrame { index, count })?;
        codec::decode(&bytes, self.syntax, &self.format, index)
    }

    /// When each frame was taken, in milliseconds after the first; `None` if the file does not say.
    ///
    /// # Errors
    /// [`ReadError::Element`] if a time is not a number, or if some frames have none. You can still read the
    /// frames.
    pub fn frame_times_ms(&self) -> Result<Option<Vec<f64>>, ReadError> {
        let count = self.frame_count();
        Timing::read(&self.data_set, count).map(|timing| timing.times_ms(count))
    }

    /// The ultrasound regions, in the order of the file.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.geometry.regions
    }

    /// The region that the pixel in column `x` and row `y` belongs to. If several cover it, one with high
    /// priority, then the smallest.
    #[must_use]
    pub fn region_at(&self, x: usize, y: usize) -> Option<&Region> {
        self.geometry.region_at(x, y)
    }

    /// The size of the pixel in column `x` and row `y`: that of its region if the image has regions, else the
    /// image's pixel spacing. `None` where a pixel has no length in mm, for example outside all regions.
    ///
    /// # Errors
    /// [`SpacingError`] if the file states a size that does not occur.
    pub fn spacing_at(&self, x: usize, y: usize) -> Result<Option<PixelSpacing>, SpacingError> {
        self.geometry.spacing_at(x, y)
    }

    /// Whether text is burned into the pixels.
    #[must_use]
    pub fn burned_in_annotation(&self) -> BurnedInAnnotation {
        BurnedInAnnotation::read(&self.data_set)
    }

    /// How the pixels are encoded.
    #[must_use]
    pub fn transfer_syntax(&self) -> TransferSyntax {
        self.syntax
    }

    /// What a log may say about the image.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let text = |tag| self.data_set.text(tag).unwrap_or_default();
        Summary {
            image_kind: self.class,
            transfer_syntax: self.syntax,
            modality: text(tag::MODALITY),
            manufacturer: text(tag::MANUFACTURER),
            model: text(tag::MANUFACTURER_MODEL_NAME),
            width_px: self.width(),
            height_px: self.height(),
            frames: self.frame_count(),
            photometric_interpretation: text(tag::PHOTOMETRIC_INTERPRETATION),
            bits_stored: self.format.bits_stored,
            regions: self.regions().len(),
            burned_in_annotation: self.burned_in_annotation(),
        }
    }

    /// How many times smaller the pixels are than uncompressed ones.
    pub(crate) fn compression_ratio(&self) -> f64 {
        let native = self.format.pixels() * self.format.samples() * self.format.bytes_per_sample;
        let native = native.saturating_mul(self.frame_count());
        match self.frames.compressed_bytes() {
            None | Some(0) => 1.0,
            Some(bytes) => native as f64 / bytes as f64,
        }
    }

    pub(crate) fn data_set(&self) -> &DataSet {
        &self.data_set
    }
}

/// Shows the summary: a log must not hold the patient's data.
impl fmt::Debug for DicomImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DicomImage").field(&self.summary()).finish()
    }
}
