//! `model.toml`: the sections, their cross-checks, reading and writing.

use crate::{
    Channels, EdgeLayout, ManifestError, Precision, Qat, Quantization, Sha256Hex, TensorSpec,
    Variant, WeightFormat, image_encoder_contract, mask_decoder_contract, qat, quantization,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema that this version reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

/// Image sizes that the networks support: multiples of 32 in this range.
pub(crate) const IMAGE_SIZES: std::ops::RangeInclusive<usize> = 64..=2048;

/// Longest free text of a field, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// A validated `model.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this schema; see [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the model is.
    pub model: Model,
    /// How an int8 pack was made from an f32 pack. Present if and only if the precision is int8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    /// What the quantizer needs from training for 8 bits. Only f32 packs have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qat: Option<Qat>,
    /// What happens to a frame before the encoder.
    pub preprocess: Preprocess,
    /// Where the weights come from.
    pub source: Source,
    /// Training data, licence and purpose.
    pub provenance: Provenance,
    /// Measured figures by name, e.g. `dice_hc18_val_box`; may be empty.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// The encoder's file and tensors.
    pub image_encoder: Network,
    /// The decoder's file and tensors.
    pub mask_decoder: Network,
}

/// `[model]`: identity, and the choices that determine the graphs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Short name: lower-case letters, digits, `-`, `.`, `+`.
    pub id: String,
    /// Version of the weights.
    pub version: String,
    /// Size of the image encoder.
    pub variant: Variant,
    /// Whether the encoder has CH-Adapters.
    pub ch_adapters: bool,
    /// Layout of the adapters' edge branch.
    pub edge_layout: EdgeLayout,
    /// Side S of the square input, in pixels.
    pub image_size: usize,
    /// Channels of the encoder's input.
    pub channels: Channels,
    /// Arithmetic of the graphs.
    pub precision: Precision,
    /// How the files store their weights; f32 if absent.
    #[serde(default)]
    pub weights: WeightFormat,
    /// Whether the exact simplifications of MODEL.md section 7 were made.
    pub simplified: bool,
    /// Whether `object_score_logits` is computed. If not, it is the constant that SAM 2 uses for
    /// models without that head.
    pub object_score: bool,
}

/// `[preprocess]`: how pixels become the encoder's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Where `(value - mean) / std` is computed.
    pub normalization: Normalization,
    /// Mean of red, green and blue, for values in 0..=1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, of values in 0..=1.
    pub std: [f32; 3],
}

/// Where mean and standard deviation are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalization {
    /// In the encoder's graph: the runtime passes values in 0..=1.
    Graph,
    /// By the runtime, before the encoder.
    Runtime,
}

/// `[source]`: the checkpoint and the tool that the pack was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// SHA-256 of the checkpoint file.
    pub checkpoint_sha256: Sha256Hex,
    /// Name and version of the tool that wrote the pack.
    pub tool: String,
}

/// `[provenance]`: data, licence and purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// What the weights were trained on.
    pub training_data: String,
    /// Licence of the weights.
    pub licence: String,
    /// What the model is for, and what it is not for.
    pub intended_use: String,
}

/// `[image_encoder]` and `[mask_decoder]`: one ONNX file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// File name in the pack's folder.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: Sha256Hex,
    /// Input tensors, in graph order.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors, in graph order.
    pub outputs: Vec<TensorSpec>,
}

impl Manifest {
    /// Parses and validates the text of a `model.toml`.
    ///
    /// # Errors
    /// [`ManifestError::Toml`] for syntax, unknown or missing keys and wrong types;
    /// [`ManifestError::Field`] or [`ManifestError::Shape`] for values that contradict each other.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|e| ManifestError::Toml(e.to_string().trim().to_string()))?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Writes the manifest as TOML, after the checks of [`Manifest::parse`].
    ///
    /// # Errors
    /// Those of [`Manifest::parse`].
    pub fn to_toml(&self) -> Result<String, ManifestError> {
        self.validate()?;
        toml::to_string(self).map_err(|e| ManifestError::Toml(e.to_string()))
    }

    fn validate(&self) -> Result<(), ManifestError> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(ManifestError::field(
                "schema_version",
                SCHEMA_VERSION.to_string(),
                self.schema_version,
            ));
        }
        self.model.validate()?;
        quantization::validate(self.quantization.as_ref(), self.model.precision)?;
        qat::validate(self.qat.as_ref(), self.model.precision)?;
        self.preprocess.validate(self.model.channels)?;
        let Provenance { training_data, licence, intended_use } = &self.provenance;
        for (field, text) in [
            ("source.tool", &self.source.tool),
            ("provenance.training_data", training_data),
            ("provenance.licence", licence),
            ("provenance.intended_use", intended_use),
        ] {
            text_field(field, text)?;
        }
        for (name, value) in &self.metrics {
            if !value.is_finite() {
                return Err(ManifestError::field(
                    format!("metrics.{name}"),
                    "a finite number",
                    value,
                ));
            }
        }
        let (inputs, outputs) = image_encoder_contract(self.model.image_size, self.model.channels);
        self.image_encoder.validate("image_encoder", &inputs, &outputs)?;
        let (inputs, outputs) = mask_decoder_contract(self.model.image_size);
        self.mask_decoder.validate("mask_decoder", &inputs, &outputs)?;
        if self.image_encoder.file == self.mask_decoder.file {
            return Err(ManifestError::field(
                "mask_decoder.file",
                "a file other than the encoder's",
                &self.mask_decoder.file,
            ));
        }
        Ok(())
    }
}

impl Model {
    fn validate(&self) -> Result<(), ManifestError> {
        let id_ok = !self.id.is_empty()
            && self.id.len() <= 64
            && self.id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'+'));
        if !id_ok {
            return Err(ManifestError::field(
                "model.id",
                "1 to 64 lower-case letters, digits, `-`, `.` or `+`",
                format!("`{}`", self.id),
            ));
        }
        text_field("model.version", &self.version)?;
        if !IMAGE_SIZES.contains(&self.image_size) || !self.image_size.is_multiple_of(32) {
            return Err(ManifestError::field(
                "model.image_size",
                format!("a multiple of 32 in {}..={}", IMAGE_SIZES.start(), IMAGE_SIZES.end()),
                self.image_size,
            ));
        }
        Ok(())
    }
}

impl Preprocess {
    fn validate(&self, channels: Channels) -> Result<(), ManifestError> {
        let (expected, found) = match channels {
            Channels::Gray => (Normalization::Graph, self.normalization),
            Channels::Rgb => (Normalization::Runtime, self.normalization),
        };
        if expected != found {
            return Err(ManifestError::field(
                "preprocess.normalization",
                format!("{expected:?} for {channels} input").to_lowercase(),
                format!("{found:?}").to_lowercase(),
            ));
        }
        for (field, values, low) in
            [("preprocess.mean", self.mean, 0.0), ("preprocess.std", self.std, f32::MIN_POSITIVE)]
        {
            if !values.iter().all(|v| (low..=1.0).contains(v)) {
                return Err(ManifestError::field(
                    field,
                    format!("values in {low:e}..=1"),
                    format!("{values:?}"),
                ));
            }
        }
        Ok(())
    }
}

impl Network {
    fn validate(
        &self,
        section: &str,
        inputs: &[TensorSpec],
        outputs: &[TensorSpec],
    ) -> Result<(), ManifestError> {
        // A plain name keeps a hostile manifest from reading files outside the pack's folder.
        let plain = !self.file.is_empty()
            && self.file.len() <= 128
            && !self.file.starts_with('.')
            && self.file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !plain {
            return Err(ManifestError::field(
                format!("{section}.file"),
                "a plain file name of letters, digits, `-`, `_` and `.`",
                format!("`{}`", self.file),
            ));
        }
        tensors(&format!("{section}.inputs"), inputs, &self.inputs)?;
        tensors(&format!("{section}.outputs"), outputs, &self.outputs)
    }
}

pub(crate) fn text_field(field: &str, text: &str) -> Result<(), ManifestError> {
    if text.trim().is_empty() || text.len() > MAX_TEXT_BYTES {
        let expected = format!("a text of 1 to {MAX_TEXT_BYTES} bytes");
        return Err(ManifestError::field(field, expected, format!("{} bytes", text.len())));
    }
    Ok(())
}

fn tensors(
    field: &str,
    expected: &[TensorSpec],
    found: &[TensorSpec],
) -> Result<(), ManifestError> {
    let names = |specs: &[TensorSpec]| {
        specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if names(expected) != names(found) {
        return Err(ManifestError::field(
            field,
            format!("tensors {}", names(expected)),
            names(found),
        ));
    }
    for (expected, found) in expected.iter().zip(found) {
        let field = format!("{field}.{}", expected.name);
        if expected.shape != found.shape {
            let (expected, found) = (expected.shape.clone(), found.shape.clone());
            return Err(ManifestError::Shape { field, expected, found });
        }
        if expected.range != found.range {
            let text =
                |range: Option<[f32; 2]>| range.map_or("none".to_string(), |r| format!("{r:?}"));
            return Err(ManifestError::field(
                format!("{field}.range"),
                text(expected.range),
                text(found.range),
            ));
        }
    }
    Ok(())
}
