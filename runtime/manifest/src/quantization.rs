//! `[quantization]`: how an int8 pack was made.

use crate::model::text_field;
use crate::{ManifestError, Precision, Sha256Hex};
use serde::{Deserialize, Serialize};

/// The only quantization scheme: 8-bit activations with one scale a tensor, 8-bit
/// weights with one scale an output channel, both symmetric (no zero points), 32-bit sums.
pub const QUANTIZATION_SCHEME: &str = "s8s8-symmetric";

/// `[quantization]`: the f32 pack, the calibration and the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// [`QUANTIZATION_SCHEME`].
    pub scheme: String,
    /// SHA-256 of the f32 pack's `image_encoder.onnx`.
    pub source_image_encoder_sha256: Sha256Hex,
    /// SHA-256 of the f32 pack's `mask_decoder.onnx`.
    pub source_mask_decoder_sha256: Sha256Hex,
    /// SHA-256 over the calibration frames and prompts.
    pub calibration_sha256: Sha256Hex,
    /// Number of calibration frames.
    pub calibration_images: usize,
    /// How the ranges of activations were chosen, e.g. `mse`.
    pub observer: String,
    /// Whether the image encoder also computes attention in 8-bit integers, which its ONNX file
    /// cannot express (`uniultra_kernels::Attention::in_integers`); false if absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub integer_attention: bool,
    /// Number of layers on 8-bit integers.
    pub int8_layers: usize,
    /// Names of the layers that stay in floating point.
    pub float_layers: Vec<String>,
    /// SHA-256 of the resolved configuration.
    pub config_sha256: Sha256Hex,
    /// Name and version of the tool that quantized.
    pub tool: String,
}

/// Checks that the section is present if and only if the precision is int8, and names the known
/// scheme.
pub(crate) fn validate(
    section: Option<&Quantization>,
    precision: Precision,
) -> Result<(), ManifestError> {
    let field = "quantization";
    match (precision, section) {
        (Precision::F32, None) => Ok(()),
        (Precision::F32, Some(_)) => {
            Err(ManifestError::field(field, "none for precision f32", "the section"))
        }
        (Precision::Int8, None) => {
            Err(ManifestError::field(field, "the section for precision int8", "none"))
        }
        (Precision::Int8, Some(section)) => {
            if section.scheme != QUANTIZATION_SCHEME {
                let found = format!("`{}`", section.scheme);
                return Err(ManifestError::field(
                    "quantization.scheme",
                    format!("`{QUANTIZATION_SCHEME}`"),
                    found,
                ));
            }
            text_field("quantization.observer", &section.observer)?;
            text_field("quantization.tool", &section.tool)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256_hex;

    fn section() -> Quantization {
        let hash = sha256_hex(b"x");
        Quantization {
            scheme: QUANTIZATION_SCHEME.to_string(),
            source_image_encoder_sha256: hash.clone(),
            source_mask_decoder_sha256: hash.clone(),
            calibration_sha256: hash.clone(),
            calibration_images: 64,
            observer: "mse".to_string(),
            integer_attention: false,
            int8_layers: 3,
            float_layers: vec!["head".to_string()],
            config_sha256: hash,
            tool: "tool 1".to_string(),
        }
    }

    #[test]
    fn the_section_goes_with_the_precision() {
        assert!(validate(None, Precision::F32).is_ok());
        assert!(validate(Some(&section()), Precision::Int8).is_ok());
        let problem = |section, precision| validate(section, precision).unwrap_err().to_string();
        assert!(problem(None, Precision::Int8).contains("expected the section"));
        assert!(problem(Some(&section()), Precision::F32).contains("expected none"));
    }

    #[test]
    fn attention_is_in_float_unless_a_pack_says_otherwise() {
        let text = toml::to_string(&section()).unwrap();
        assert!(!text.contains("integer_attention"), "{text}");
        assert_eq!(toml::from_str::<Quantization>(&text).unwrap(), section());
        let integer = Quantization { integer_attention: true, ..section() };
        let text = toml::to_string(&integer).unwrap();
        assert_eq!(toml::from_str::<Quantization>(&text).unwrap(), integer);
    }

    #[test]
    fn another_scheme_is_refused_by_name() {
        let other = Quantization { scheme: "u4".to_string(), ..section() };
        let problem = validate(Some(&other), Precision::Int8).unwrap_err().to_string();
        assert!(problem.contains("s8s8-symmetric") && problem.contains("`u4`"), "{problem}");
    }
}
