//! Tensors that are there, but not as finite floating-point numbers.

use crate::format::Content;
use crate::{CheckpointError, Tensor};

/// A tensor without usable values. It does no harm unless something needs it.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    pub(crate) shape: Vec<usize>,
    why: Why,
}

#[derive(Clone, Debug)]
enum Why {
    /// Another element type or kind, as the file names it.
    Kind(String),
    NotFinite {
        element: Vec<usize>,
        value: f32,
    },
}

impl Unusable {
    /// The tensor, if its values can be used.
    pub(crate) fn check(content: Content) -> Result<Tensor, Self> {
        match content {
            Content::Other { shape, kind } => Err(Self { shape, why: Why::Kind(kind) }),
            Content::Floats(tensor) => match tensor.first_non_finite() {
                Some((element, value)) => {
                    let why = Why::NotFinite { element, value };
                    Err(Self { shape: tensor.shape().to_vec(), why })
                }
                None => Ok(tensor),
            },
        }
    }

    /// Whether it holds integers or truth values: a counter, an index, a mask. Nobody trains those.
    pub(crate) fn is_counter(&self) -> bool {
        let Why::Kind(kind) = &self.why else { return false };
        let kind = kind.trim_start_matches("torch.").to_ascii_lowercase();
        let words = ["bool", "byte", "char", "short", "int", "long", "uint"];
        let is_digits = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        words.iter().any(|word| kind.starts_with(word))
            || kind.strip_prefix(['i', 'u']).is_some_and(is_digits)
    }

    /// The error of whoever needs the tensor.
    pub(crate) fn error(&self, name: &str) -> CheckpointError {
        let name = name.to_string();
        match &self.why {
            Why::Kind(found) => CheckpointError::DType { name, found: found.clone() },
            Why::NotFinite { element, value } => {
                CheckpointError::NotFinite { name, element: element.clone(), value: *value }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_truth_values_are_told_from_trained_numbers() {
        let is_counter = |kind: &str| {
            let content = Content::Other { shape: vec![2], kind: kind.into() };
            Unusable::check(content).unwrap_err().is_counter()
        };
        for kind in ["torch.LongStorage", "torch.ByteStorage", "torch.uint16", "I64", "U8", "BOOL"]
        {
            assert!(is_counter(kind), "{kind}");
        }
        for kind in ["torch.ComplexFloatStorage", "torch.float8_e5m2", "F8_E4M3", "C64", "qtensor"]
        {
            assert!(!is_counter(kind), "{kind}");
        }
    }
}
