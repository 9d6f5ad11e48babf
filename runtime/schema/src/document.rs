//! The envelope of every document.

use crate::ModelIdentity;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields that make a kind of document.
pub trait Report {
    /// Name of the kind, e.g. `uniultra-bench`.
    const SCHEMA: &'static str;
    /// Version of its fields.
    const SCHEMA_VERSION: u32;
}

/// A report in its envelope. `schema` comes first, so that a reader finds the document between other lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Document<R> {
    /// Name of the kind of document.
    pub schema: String,
    /// Version of the fields of this kind.
    pub schema_version: u32,
    /// The program that wrote it.
    pub tool: Tool,
    /// The model that it is about; `null` if there is none, or if the report compares several.
    pub model: Option<ModelIdentity>,
    /// The other fields.
    #[serde(flatten)]
    pub report: R,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Tool {
    /// Its name, e.g. `uniultra`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Why a text is not the document that was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON, or a field is missing or has another type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is another kind of document, or another version.
    #[error("expected {expected}, found {found}")]
    Schema {
        /// Name and version of the expected schema.
        expected: String,
        /// What the text says.
        found: String,
    },
}

impl Tool {
    /// A program by name and version.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_string(), version: version.to_string() }
    }
}

impl<R: Report> Report for &R {
    const SCHEMA: &'static str = R::SCHEMA;
    const SCHEMA_VERSION: u32 = R::SCHEMA_VERSION;
}

impl<R: Report> Document<R> {
    /// Puts a report into its envelope.
    pub fn new(tool: Tool, model: Option<ModelIdentity>, report: R) -> Self {
        let (schema, schema_version) = (R::SCHEMA.to_string(), R::SCHEMA_VERSION);
        Self { schema, schema_version, tool, model, report }
    }
}

impl<R: Report + DeserializeOwned> Document<R> {
    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError::Schema`] for another kind or version, [`DocumentError::Json`] for anything else.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        Self::from_value(serde_json::from_str(text)?)
    }

    /// [`Self::from_json`] for a text that was parsed before.
    ///
    /// # Errors
    /// As there.
    pub fn from_value(mut value: Value) -> Result<Self, DocumentError> {
        let mut take = |key| value.as_object_mut().and_then(|fields| fields.remove(key));
        let (schema, version) = (take("schema"), take("schema_version"));
        let (tool, model) = (take("tool"), take("model"));
        if let (Some(model), Some(fields)) = (&model, value.as_object_mut())
            && !model.is_null()
        {
            // A report may keep the model, too, in a field that it does not write.
            fields.insert("model".to_string(), model.clone());
        }
        if schema != Some(R::SCHEMA.into()) || version != Some(R::SCHEMA_VERSION.into()) {
            let text = |value: Option<Value>| {
                value.map_or_else(|| "nothing".to_string(), |value| value.to_string())
            };
            return Err(DocumentError::Schema {
                expected: format!("schema {:?}, version {}", R::SCHEMA, R::SCHEMA_VERSION),
                found: format!("schema {}, version {}", text(schema), text(version)),
            });
        }
        let tool = serde_json::from_value(tool.unwrap_or_default())?;
        let model = serde_json::from_value(model.unwrap_or_default())?;
        Ok(Self::new(tool, model, serde_json::from_value(value)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        dice: f32,
    }

    impl Report for Strict {
        const SCHEMA: &'static str = "test-strict";
        const SCHEMA_VERSION: u32 = 3;
    }

    fn document() -> Document<Strict> {
        Document::new(Tool::new("t", "1"), None, Strict { dice: 0.1 })
    }

    #[test]
    fn a_document_survives_the_way_through_text() {
        let json = serde_json::to_string(&document()).unwrap();
        let expected = r#"{"schema":"test-strict","schema_version":3,"tool":{"name":"t","version":"1"},"model":null,"dice":0.1}"#;
        assert_eq!(json, expected);
        assert_eq!(Document::from_json(&json).unwrap(), document());
    }

    #[test]
    fn another_document_is_refused_with_both_names() {
        let error = |text: &str| Document::<Strict>::from_json(text).unwrap_err().to_string();
        let json = serde_json::to_string(&document()).unwrap();
        let version = error(&json.replace(":3", ":4"));
        assert!(version.contains("version 3") && version.contains("version 4"), "{version}");
        assert!(error(&json.replace("test-strict", "other")).contains("\"other\""));
        assert!(error("[]").contains("found schema nothing"));
        assert!(error(&json.replace("dice", "iou")).contains("iou"));
        assert!(error("{").contains("EOF"));
    }
}
