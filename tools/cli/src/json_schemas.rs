//! The JSON Schema of every document, against the committed files.

use schemars::JsonSchema;
use std::path::Path;
use uniultra_schema::{
    BenchReport, InfoReport, Report, SegmentReport, SelftestReport, line_schema_text, schema_text,
};

/// With this variable the test writes the files instead.
const UPDATE: &str = "UNIULTRA_UPDATE_SCHEMAS";

/// Compares a schema with its file, or writes it.
fn compare<R: Report>(text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/schema/json-schema");
    let path = folder.join(format!("{}.json", R::SCHEMA));
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is not what the types say; review the change, raise the version if a field was removed \
         or changed its meaning, and write the file with {UPDATE}=1",
        path.display()
    );
}

fn check<R: Report + JsonSchema>() {
    let text = schema_text::<R>().unwrap();
    compare::<R>(&text);
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    for field in ["schema", "schema_version", "tool", "model"] {
        let required = schema["required"].as_array().unwrap();
        assert!(required.contains(&field.into()), "{}: {field}", R::SCHEMA);
    }
    assert_eq!(schema["properties"]["schema"]["const"], R::SCHEMA);
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    check::<SegmentReport>();
    check::<BenchReport>();
    check::<SelftestReport>();
    check::<InfoReport>();
    check::<crate::inspect::InspectReport>();
    check::<uniultra_evaluate::Report>();
    check::<uniultra_compare::Comparison>();
    check::<uniultra_quantize::QuantizeReport>();
    check::<uniultra_profile::Report>();
    check::<uniultra_profile::DeviceReport>();
    check::<uniultra_estimate::Report>();
    check::<uniultra_estimate::Calibration>();
    check::<uniultra_track::TrackReport>();
    check::<uniultra_prepare::PrepareReport>();
    check::<uniultra_batch::RunRecord>();
    check::<uniultra_batch::BatchReport>();
}

#[test]
fn lines_of_a_batch_have_a_schema_without_an_envelope() {
    let text = line_schema_text::<uniultra_batch::ResultLine>().unwrap();
    compare::<uniultra_batch::ResultLine>(&text);
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["title"], "uniultra-batch-result");
    assert!(schema["properties"]["status"].is_object() && schema["properties"]["tool"].is_null());
}
