//! The DICOM objects about an answer: a segmentation and a structured report.

use crate::output::{Outputs, write};
use crate::request::Request;
use anyhow::Context;
use uniultra_answer::{Answer, MeasuresMm};
use uniultra_core::PixelSpacing;
use uniultra_dicom::{Algorithm, DicomImage, Measurements, Segmentation};
use uniultra_manifest::Manifest;
use uniultra_sink::Destination;

/// Objects to be written about one frame.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    segmentation: Segmentation,
    /// Counted from 0.
    index: usize,
    spacing: Option<PixelSpacing>,
}

/// Objects that are ready to be written.
#[derive(Debug, Default)]
pub(crate) struct Encoded(Vec<(Destination, Vec<u8>)>);

impl Documents {
    /// Takes from the image what the objects need, so that its pixels need not stay in memory. `None` if no object
    /// was asked for.
    pub(crate) fn prepare(
        image: &DicomImage,
        index: usize,
        spacing: Option<PixelSpacing>,
        request: &Request,
    ) -> anyhow::Result<Option<Self>> {
        let Some(kind) = request.dicom.segment_code.clone() else { return Ok(None) };
        // The model's name follows when it is known.
        let algorithm = Algorithm::new("uniultra", env!("CARGO_PKG_VERSION"))?;
        let name = || request.frame.name();
        let mut segmentation = Segmentation::new(image, kind, algorithm).with_context(name)?;
        if let Some(spacing) = spacing {
            segmentation = segmentation.with_spacing(spacing);
        }
        Ok(Some(Self { segmentation, index, spacing }))
    }

    /// The same, made with this model.
    pub(crate) fn with_model(self, manifest: &Manifest) -> anyhow::Result<Self> {
        let algorithm = Algorithm::new(&manifest.model.id, &manifest.model.version)
            .context("the model's name and version go into the DICOM objects")?;
        Ok(Self { segmentation: self.segmentation.with_algorithm(algorithm), ..self })
    }

    /// Makes the objects, before any file is written.
    pub(crate) fn encode(self, outputs: &Outputs, answer: &Answer) -> anyhow::Result<Encoded> {
        let Self { mut segmentation, index, spacing } = self;
        segmentation.add(index, &answer.mask, measurements(answer, spacing))?;
        let mut encoded = Encoded::default();
        if let Some(target) = &outputs.dicom_seg {
            let mut bytes = Vec::new();
            segmentation.write_seg(&mut bytes)?;
            encoded.0.push((target.clone(), bytes));
        }
        if let Some(target) = &outputs.dicom_sr {
            let mut bytes = Vec::new();
            segmentation.write_sr(&mut bytes)?;
            encoded.0.push((target.clone(), bytes));
        }
        Ok(encoded)
    }
}

impl Encoded {
    /// Writes each object whole or not at all.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        self.0.iter().try_for_each(|(target, bytes)| write(target, |w| w.write_all(bytes)))
    }
}

/// The measures of the JSON report, in mm.
fn measurements(answer: &Answer, spacing: Option<PixelSpacing>) -> Measurements {
    spacing.map(|spacing| MeasuresMm::new(answer.chosen(), spacing).into()).unwrap_or_default()
}
