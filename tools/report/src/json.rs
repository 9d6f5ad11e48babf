//! Reports for other programs.

use crate::ReportError;
use serde::Serialize;

/// A report as indented JSON with a line's end at the end.
///
/// # Errors
/// [`ReportError::Json`] if it holds what JSON cannot, such as a key that is no text.
pub fn json_text<T: Serialize>(report: &T) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|error| ReportError::Json { reason: error.to_string() })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn keys_are_text() {
        assert_eq!(json_text(&[1]).unwrap(), "[\n  1\n]\n");
        let error = json_text(&BTreeMap::from([([1, 2], 3)])).unwrap_err();
        assert!(matches!(error, ReportError::Json { .. }), "{error}");
    }
}
