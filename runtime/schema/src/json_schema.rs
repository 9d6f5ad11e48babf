//! JSON Schema files, for programs that read the documents.

use crate::{Document, Report};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON Schema (draft 2020-12) of a kind of document, as indented text with a line's end.
///
/// # Errors
/// If the schema cannot be written as JSON.
pub fn schema_text<R: Report + JsonSchema>() -> Result<String, serde_json::Error> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.root_schema_for::<Document<R>>();
    schema.insert("title".to_string(), R::SCHEMA.into());
    for (key, value) in
        [("schema", Value::from(R::SCHEMA)), ("schema_version", R::SCHEMA_VERSION.into())]
    {
        if let Some(field) = schema.pointer_mut(&format!("/properties/{key}"))
            && let Some(field) = field.as_object_mut()
        {
            field.insert("const".to_string(), value);
        }
    }
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// The JSON Schema of a line of a file of lines, which has no envelope: a document beside the file has it.
///
/// # Errors
/// If the schema cannot be written as JSON.
pub fn line_schema_text<R: Report + JsonSchema>() -> Result<String, serde_json::Error> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.root_schema_for::<R>();
    schema.insert("title".to_string(), R::SCHEMA.into());
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}
