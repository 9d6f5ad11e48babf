//! Reports for other programs.

use crate::ReportError;
use serde::Serialize;
use uniultra_schema::{Document, ModelIdentity, Report, Tool};

/// A report in its envelope, as indented JSON with a line's end at the end. `model` is the model that it is about.
///
/// # Errors
/// [`ReportError::Json`] if it holds what JSON cannot, such as a key that is not text.
pub fn json_text<R: Report + Serialize>(
    model: Option<&ModelIdentity>,
    report: &R,
) -> Result<String, ReportError> {
    let tool = Tool::new("uniultra-tools", env!("CARGO_PKG_VERSION"));
    let mut text = serde_json::to_string_pretty(&Document::new(tool, model.cloned(), report))
        .map_err(|error| ReportError::Json { reason: error.to_string() })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Counts<K: Ord + Serialize> {
        counts: BTreeMap<K, u32>,
    }

    impl<K: Ord + Serialize> Report for Counts<K> {
        const SCHEMA: &'static str = "test-counts";
        const SCHEMA_VERSION: u32 = 1;
    }

    #[test]
    fn keys_are_text() {
        let text = json_text(None, &Counts { counts: BTreeMap::from([("a", 1)]) }).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["schema"], &read["counts"]["a"]), (&"test-counts".into(), &1.into()));
        assert_eq!(read["tool"]["name"], "uniultra-tools");
        assert!(text.starts_with("{\n  \"schema\"") && text.ends_with("}\n"), "{text}");
        let error = json_text(None, &Counts { counts: BTreeMap::from([([1, 2], 3)]) }).unwrap_err();
        assert!(matches!(error, ReportError::Json { .. }), "{error}");
    }
}
