//! Tensors beside the network. A pack has no place for them, so leaving them out is the user's
//! decision: an adapter that was trained beside the network changes its answers.

use crate::ExportError;
use glob::Pattern;
use uniultra_checkpoint::Recognition;

/// Names of tensors that go into the manifest.
const QUANTIZATION: &str = "quantization.";

/// The tensors that are left out, all named by a pattern.
///
/// # Errors
/// [`ExportError::Unexpected`] if others are there, too, and [`ExportError::Option`] for a text
/// that is not a pattern.
pub(crate) fn left_out(
    recognition: &Recognition,
    patterns: &[String],
) -> Result<Vec<String>, ExportError> {
    let compile = |text: &String| {
        Pattern::new(text).map_err(|error| ExportError::Option {
            option: "ignore unexpected",
            expected: "a pattern of names with *, ? and [..]".to_string(),
            found: format!("`{text}` ({error})"),
        })
    };
    let patterns = patterns.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
    let unexpected = recognition.unexpected.iter().filter(|name| !name.starts_with(QUANTIZATION));
    let (ignored, others): (Vec<_>, Vec<_>) =
        unexpected.cloned().partition(|name| patterns.iter().any(|pattern| pattern.matches(name)));
    if others.is_empty() {
        return Ok(ignored);
    }
    Err(ExportError::Unexpected {
        architecture: recognition.architecture.to_string(),
        names: others,
    })
}
