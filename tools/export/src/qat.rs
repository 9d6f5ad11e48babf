//! Reads what training for 8 bits wrote into a checkpoint, for the f32 pack's manifest.

use crate::ExportError;
use std::collections::BTreeMap;
use uniultra_checkpoint::Checkpoint;
use uniultra_manifest::Qat;

/// Beginning of the trainer's names.
const PREFIX: &str = "quantization.";
/// Behind a layer's name: the magnitude that 8 bits of its input cover, `[1]`.
const RANGE: &str = ".input_range";
/// `[1]`: 1 if the image encoder was trained with its attention in 8-bit integers, otherwise 0.
const ATTENTION: &str = "quantization.integer_attention";

/// The section `[qat]`; `None` for weights that were not trained for 8 bits, and for graphs that
/// are not simplified, which do not have the layers that the ranges are of.
pub(crate) fn section(checkpoint: &Checkpoint, simplify: bool) -> Result<Option<Qat>, ExportError> {
    let mut input_ranges = BTreeMap::new();
    for (name, _) in checkpoint.tensors() {
        let layer = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(RANGE));
        if let Some(layer) = layer {
            let [range] = checkpoint.tensor(name, &[1])?.data() else { continue };
            input_ranges.insert(layer.to_string(), *range);
        }
    }
    if input_ranges.is_empty() || !simplify {
        return Ok(None);
    }
    let attention = checkpoint.tensor(ATTENTION, &[1])?.data();
    Ok(Some(Qat { integer_attention: attention == [1.0], input_ranges }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_checkpoint::Tensor;

    fn checkpoint(names: &[(&str, f32)]) -> Checkpoint {
        let tensor = |value: f32| Tensor::new(vec![1], vec![value]).unwrap();
        let named = names.iter().map(|(name, value)| (name.to_string(), tensor(*value)));
        Checkpoint::from_tensors(named.collect())
    }

    #[test]
    fn ranges_are_read_by_layer() {
        assert_eq!(section(&checkpoint(&[("a.weight", 1.0)]), true).unwrap(), None);
        let trained = checkpoint(&[
            ("quantization.blocks.0/attn/qkv.input_range", 2.5),
            ("quantization.integer_attention", 1.0),
        ]);
        let found = section(&trained, true).unwrap().unwrap();
        assert!(found.integer_attention);
        assert_eq!(found.input_ranges["blocks.0/attn/qkv"], 2.5);
        assert_eq!(section(&trained, false).unwrap(), None);
        // A file with a part missing says which.
        let half = checkpoint(&[("quantization.blocks.0/attn/qkv.input_range", 2.5)]);
        let problem = section(&half, true).unwrap_err().to_string();
        assert!(problem.contains("integer_attention"), "{problem}");
    }
}
