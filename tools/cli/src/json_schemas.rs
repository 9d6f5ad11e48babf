//! The JSON Schema of every document, against the committed files.

use schemars::JsonSchema;
use std::path::Path;
use uniultra_schema::{
    BenchReport, InfoReport, Report, SegmentReport, SelftestReport, schema_text,
};

/// With this variable the test writes the files instead.
const UPDATE: &str = "UNIULTRA_UPDATE_SCHEMAS";

fn check<R: Report + JsonSchema>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/schema/json-schema");
    let path = folder.join(format!("{}.json", R::SCHEMA));
    let text = schema_text::<R>().unwrap();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is not what the types say; review the change, raise the version if a field was removed \
         or changed its meaning, and write the file with {UPDATE}=1",
        path.display()
    );
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
}
