//! What was segmented in an image: the input of both documents.

use super::source::Source;
use super::term::check_text;
use super::{SegmentKind, file, report, segment_object};
use crate::error::Mismatch;
use crate::limits::MAX_SEGMENTED_FRAMES;
use crate::uid::{COMPREHENSIVE_SR_STORAGE, SEGMENTATION_STORAGE, UidSource};
use crate::{DicomImage, WriteError};
use std::fmt;
use std::io::Write;
use uniultra_core::{Mask, PixelSpacing};

/// Longest name and version, in characters (value representation LO).
const MAX_NAME_CHARACTERS: usize = 64;

/// Numbers of the series, beyond those that devices give.
const SEGMENTATION_SERIES_NUMBER: u32 = 9001;
const REPORT_SERIES_NUMBER: u32 = 9002;

/// What made the masks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    pub(super) name: String,
    pub(super) version: String,
}

impl Algorithm {
    /// An algorithm by name and version, the model's name and hash for example.
    ///
    /// # Errors
    /// [`WriteError::Input`] unless both are 1 to 64 printable ASCII characters without a backslash.
    pub fn new(name: &str, version: &str) -> Result<Self, WriteError> {
        check_text("algorithm name", name, MAX_NAME_CHARACTERS)?;
        check_text("algorithm version", version, MAX_NAME_CHARACTERS)?;
        Ok(Self { name: name.to_owned(), version: version.to_owned() })
    }
}

/// Measurements of one mask, in millimetres. What is unknown is left out of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measurements {
    /// Area, in square millimetres.
    pub area_mm2: Option<f32>,
    /// Longest diameter, in millimetres.
    pub long_axis_mm: Option<f32>,
    /// Longest diameter at right angles to it, in millimetres.
    pub short_axis_mm: Option<f32>,
    /// Length of the outline, in millimetres.
    pub perimeter_mm: Option<f32>,
}

impl Measurements {
    fn values(&self) -> [(&'static str, Option<f32>); 4] {
        [
            ("area", self.area_mm2),
            ("long axis", self.long_axis_mm),
            ("short axis", self.short_axis_mm),
            ("perimeter", self.perimeter_mm),
        ]
    }
}

/// A frame that was segmented.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentedFrame {
    pub(super) index: usize,
    pub(super) area_px: usize,
    pub(super) measurements: Measurements,
}

/// One object in one frame of an image or in several, to be written as a DICOM segmentation and as a report of
/// measurements.
///
/// The source is not touched. All identifiers follow from the content (`2.25.` and a part of its SHA-256), and
/// dates and times are the source's, so that the same input gives the same bytes. `Segmentation` keeps a bit for
/// each pixel of each mask.
///
/// ```
/// use uniultra_core::{Mask, PixelSpacing};
/// use uniultra_dicom::{Algorithm, DicomImage, Measurements, Segmentation};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gray_explicit.dcm");
/// let image = DicomImage::open(path)?;
/// let algorithm = Algorithm::new("uniultra-mini-int8", "0.2.0")?;
/// let mut segmentation = Segmentation::new(&image, "cyst".parse()?, algorithm)?;
/// if let Some(spacing) = image.spacing_at(40, 30)? {
///     segmentation = segmentation.with_spacing(spacing);
/// }
/// let mut object = vec![0; 96 * 64];
/// object[30 * 96 + 40] = 1;
/// let mask = Mask::from_binary(96, 64, object)?;
/// segmentation.add(1, &mask, Measurements { area_mm2: Some(0.04), ..Default::default() })?;
///
/// let (mut seg, mut sr) = (Vec::new(), Vec::new());
/// segmentation.write_seg(&mut seg)?;
/// segmentation.write_sr(&mut sr)?;
/// assert_eq!([&seg[128..132], &sr[128..132]], [b"DICM"; 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Segmentation {
    pub(super) source: Source,
    pub(super) size_px: [usize; 2],
    pub(super) kind: SegmentKind,
    pub(super) algorithm: Algorithm,
    pub(super) spacing: Option<PixelSpacing>,
    pub(super) label: String,
    pub(super) frames: Vec<SegmentedFrame>,
    /// A bit for each pixel of all masks, without gaps; the lowest bit of a byte comes first.
    pub(super) bits: Vec<u8>,
}

/// Identifiers of both documents.
pub(super) struct Identifiers {
    pub(super) seg_instance: String,
    pub(super) seg_series: String,
    pub(super) sr_instance: String,
    pub(super) sr_series: String,
    pub(super) dimensions: String,
    pub(super) tracking: String,
    pub(super) device: String,
}

impl Segmentation {
    /// An object of this kind, in no frame yet.
    ///
    /// # Errors
    /// [`WriteError::Input`] if the image lacks the identifiers of its study, its series or itself.
    pub fn new(
        image: &DicomImage,
        kind: SegmentKind,
        algorithm: Algorithm,
    ) -> Result<Self, WriteError> {
        Ok(Self {
            source: Source::read(image)?,
            size_px: [image.width(), image.height()],
            label: kind.property().meaning().to_owned(),
            kind,
            algorithm,
            spacing: None,
            frames: Vec::new(),
            bits: Vec::new(),
        })
    }

    /// The same with the size of a pixel, as [`DicomImage::spacing_at`] gives it at the object.
    #[must_use]
    pub fn with_spacing(mut self, spacing: PixelSpacing) -> Self {
        self.spacing = Some(spacing);
        self
    }

    /// The same, made by this algorithm.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The same with a name that viewers show. Without it, it is the meaning of the type's code.
    ///
    /// # Errors
    /// [`WriteError::Input`] unless it is 1 to 64 printable ASCII characters without a backslash.
    pub fn with_label(mut self, label: &str) -> Result<Self, WriteError> {
        check_text("segment label", label, MAX_NAME_CHARACTERS)?;
        label.clone_into(&mut self.label);
        Ok(self)
    }

    /// Adds the mask of frame `index`, counted from 0, and what was measured of it.
    ///
    /// # Errors
    /// [`WriteError::Input`] if frames do not come in ascending order, if there is no such frame, if the mask has
    /// another size than the image, or if a measurement is negative or not finite.
    pub fn add(
        &mut self,
        index: usize,
        mask: &Mask,
        measurements: Measurements,
    ) -> Result<(), WriteError> {
        let wrong = |name: &str, expected: String, found: String| {
            Err(WriteError::Input(Mismatch::new(name, expected, found)))
        };
        if let Some(last) = self.frames.last().filter(|last| index <= last.index) {
            return wrong(
                "segmented frame",
                format!("one after {}", last.index),
                index.to_string(),
            );
        }
        if index >= self.source.frames {
            let expected = format!("0 to {}", self.source.frames.saturating_sub(1));
            return wrong("segmented frame", expected, index.to_string());
        }
        if self.frames.len() == MAX_SEGMENTED_FRAMES {
            return wrong(
                "segmented frames",
                format!("at most {MAX_SEGMENTED_FRAMES}"),
                "more".to_owned(),
            );
        }
        let [width, height] = self.size_px;
        if [mask.width(), mask.height()] != self.size_px {
            return wrong(
                "mask",
                format!("{width}x{height}"),
                format!("{}x{}", mask.width(), mask.height()),
            );
        }
        for (name, value) in measurements.values() {
            if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
                return wrong(
                    name,
                    "0 or more".to_owned(),
                    format!("{:?}", value.unwrap_or_default()),
                );
            }
        }
        let first = self.frames.len() * mask.data().len();
        self.bits.resize((first + mask.data().len()).div_ceil(8), 0);
        for (i, value) in mask.data().iter().enumerate() {
            if let Some(byte) = self.bits.get_mut((first + i) / 8) {
                *byte |= u8::from(*value != 0) << ((first + i) % 8);
            }
        }
        self.frames.push(SegmentedFrame { index, area_px: mask.area_px(), measurements });
        Ok(())
    }

    /// The identifier of the segmentation that [`Segmentation::write_seg`] writes.
    #[must_use]
    pub fn seg_instance_uid(&self) -> String {
        self.identifiers().seg_instance
    }

    /// The identifier of the report that [`Segmentation::write_sr`] writes.
    #[must_use]
    pub fn sr_instance_uid(&self) -> String {
        self.identifiers().sr_instance
    }

    /// Writes a DICOM segmentation: one segment, a frame of it for each frame that was added.
    ///
    /// # Errors
    /// [`WriteError::Input`] if no frame was added, [`WriteError::Source`] if a value of the source cannot be
    /// copied, [`WriteError::Output`] if writing fails.
    pub fn write_seg(&self, out: &mut impl Write) -> Result<(), WriteError> {
        self.check_frames()?;
        let identifiers = self.identifiers();
        let mut set = segment_object::data_set(self, &identifiers);
        self.set_series(&mut set, "SEG", &identifiers.seg_series, SEGMENTATION_SERIES_NUMBER);
        file::write(out, SEGMENTATION_STORAGE, &identifiers.seg_instance, set)
    }

    /// Writes a Comprehensive SR with the measurements of each frame (template 1500). It refers to the
    /// segmentation that [`Segmentation::write_seg`] writes.
    ///
    /// # Errors
    /// Those of [`Segmentation::write_seg`].
    pub fn write_sr(&self, out: &mut impl Write) -> Result<(), WriteError> {
        self.check_frames()?;
        let identifiers = self.identifiers();
        let mut set = report::data_set(self, &identifiers);
        self.set_series(&mut set, "SR", &identifiers.sr_series, REPORT_SERIES_NUMBER);
        file::write(out, COMPREHENSIVE_SR_STORAGE, &identifiers.sr_instance, set)
    }

    fn check_frames(&self) -> Result<(), WriteError> {
        if self.frames.is_empty() {
            return Err(WriteError::Input(Mismatch::new("segmented frames", "1 or more", "none")));
        }
        Ok(())
    }

    fn identifiers(&self) -> Identifiers {
        let mut object = UidSource::new();
        object.add(self.source.instance_uid.as_bytes());
        let terms = [self.kind.category(), self.kind.property()];
        for text in terms.iter().flat_map(|term| [term.scheme(), term.value(), term.meaning()]) {
            object.add(text.as_bytes());
        }
        let mut device = UidSource::new();
        for text in [&self.algorithm.name, &self.algorithm.version] {
            object.add(text.as_bytes());
            device.add(text.as_bytes());
        }
        object.add(self.label.as_bytes());
        let sides = self.spacing.map(|spacing| [spacing.x_mm(), spacing.y_mm()]);
        object.add(sides.unwrap_or_default().map(f32::to_le_bytes).as_flattened());
        object.add(&self.bits);
        for frame in &self.frames {
            object.add(&(frame.index as u64).to_le_bytes());
        }
        let mut measured = object.clone();
        for (_, value) in self.frames.iter().flat_map(|frame| frame.measurements.values()) {
            measured
                .add(value.map(f32::to_le_bytes).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        }
        Identifiers {
            seg_instance: object.uid("segmentation"),
            seg_series: object.uid("segmentation series"),
            sr_instance: measured.uid("report"),
            sr_series: measured.uid("report series"),
            dimensions: object.uid("dimensions"),
            tracking: object.uid("tracked object"),
            device: device.uid("device"),
        }
    }
}

/// Shows what was segmented, and nothing of the patient.
impl fmt::Debug for Segmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Segmentation");
        shown
            .field("kind", &self.kind)
            .field("algorithm", &self.algorithm)
            .field("label", &self.label);
        shown.field("spacing", &self.spacing).field("frames", &self.frames).finish_non_exhaustive()
    }
}
