//! `[qat]`: what quantization-aware training leaves in an f32 pack for the quantizer.

use crate::{ManifestError, Precision};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most layers that may have a range: far more than any network has.
const MAX_LAYERS: usize = 4096;

/// `[qat]`: the weights of an f32 pack were trained with the rounding to 8 bits in the forward
/// pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qat {
    /// Whether training computed the image encoder's attention in 8-bit integers.
    pub integer_attention: bool,
    /// The magnitude that the 8 bits of a layer's input cover, by the layer's name in the graph.
    /// Layers without a range were trained in float.
    pub input_ranges: BTreeMap<String, f32>,
}

/// Checks that ranges are positive and that the pack is f32: an int8 pack has scales instead.
pub(crate) fn validate(section: Option<&Qat>, precision: Precision) -> Result<(), ManifestError> {
    let Some(qat) = section else { return Ok(()) };
    if precision != Precision::F32 {
        let expected = format!("none for precision {precision}");
        return Err(ManifestError::field("qat", expected, "the section"));
    }
    let count = qat.input_ranges.len();
    if !(1..=MAX_LAYERS).contains(&count) {
        let expected = format!("1 to {MAX_LAYERS} layers");
        return Err(ManifestError::field("qat.input_ranges", expected, count));
    }
    for (layer, range) in &qat.input_ranges {
        if !(range.is_finite() && *range > 0.0) {
            let field = format!("qat.input_ranges.{layer}");
            return Err(ManifestError::field(field, "a positive number", range));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(range: f32) -> Qat {
        let input_ranges = BTreeMap::from([("blocks.0/attn/qkv".to_string(), range)]);
        Qat { integer_attention: true, input_ranges }
    }

    #[test]
    fn ranges_are_positive_and_of_f32_packs() {
        assert!(validate(None, Precision::Int8).is_ok());
        assert!(validate(Some(&section(2.5)), Precision::F32).is_ok());
        let problem =
            |section: &Qat, precision| validate(Some(section), precision).unwrap_err().to_string();
        assert!(problem(&section(2.5), Precision::Int8).contains("expected none"));
        for range in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let problem = problem(&section(range), Precision::F32);
            assert!(problem.contains("blocks.0/attn/qkv"), "{problem}");
        }
        let empty = Qat { integer_attention: false, input_ranges: BTreeMap::new() };
        assert!(problem(&empty, Precision::F32).contains("1 to"));
    }

    #[test]
    fn ranges_come_back_to_the_bit() {
        for range in [0.1_f32, 2.698_123, f32::MIN_POSITIVE, 1.0 / 3.0] {
            let text = toml::to_string(&section(range)).unwrap();
            assert_eq!(toml::from_str::<Qat>(&text).unwrap(), section(range), "{text}");
        }
    }
}
