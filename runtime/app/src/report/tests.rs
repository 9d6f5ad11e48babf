//! Checks the report's JSON and its summary.

use crate::document::document;
use crate::output::Outputs;
use crate::summary::summary;
use uniultra_answer::Warning;
use uniultra_schema::{
    Contour, Document, FrameFile, MaskReport, ModelIdentity, ModelOrigin, SegmentReport,
    SpacingReport, SpacingSource, Timings,
};
use uniultra_sink::Destination;

fn report() -> Document<SegmentReport> {
    let model = ModelIdentity {
        id: "tiny".to_string(),
        version: "1".to_string(),
        precision: "f32".to_string(),
        image_size: 1024,
        image_encoder_sha256: "e".repeat(64),
        mask_decoder_sha256: "d".repeat(64),
        checkpoint_sha256: "c".repeat(64),
        origin: ModelOrigin::embedded(),
    };
    document(Some(model), answer())
}

fn answer() -> SegmentReport {
    SegmentReport {
        engine: "engine 1".to_string(),
        threads: 2,
        board: None,
        frame: FrameFile {
            path: "f.png".to_string(),
            width: 800,
            height: 540,
            orientation_applied: Some(6),
            number: Some(2),
        },
        logits_size: [256, 256],
        predicted_iou: [0.9, 0.8, 0.7, 0.6],
        object_score: None,
        chosen: 0,
        masks: vec![MaskReport {
            token: 0,
            chosen: true,
            predicted_iou: 0.9,
            stability: 1.0,
            area_px: 100,
            area_mm2: Some(1.0),
            bounding_box: Some([0, 1, 2, 3]),
            centroid: Some([1.5, 2.5]),
        }],
        area_px: 100,
        area_mm2: Some(1.0),
        bounding_box: Some([0, 1, 2, 3]),
        centroid: Some([1.5, 2.5]),
        contours: vec![Contour { hole: false, points: vec![[0.25, 1.0], [2.0, 1.0]] }],
        longest_diameter_px: Some(12.5),
        longest_diameter_mm: Some(1.25),
        longest_diameter_ends: Some([[0.0, 0.0], [12.5, 0.0]]),
        longest_diameter_mm_ends: Some([[0.0, 0.0], [12.5, 0.0]]),
        perpendicular_diameter_px: Some(10.0),
        perpendicular_diameter_mm: Some(1.0),
        perpendicular_diameter_ends: Some([[6.0, -5.0], [6.0, 5.0]]),
        perpendicular_diameter_mm_ends: Some([[6.0, -5.0], [6.0, 5.0]]),
        perimeter_px: Some(36.0),
        perimeter_mm: Some(3.6),
        pixel_spacing_mm: Some(SpacingReport::Square(0.1)),
        pixel_spacing_source: Some(SpacingSource::Dicom),
        timings_ms: Timings { total: 3.0, ..Timings::default() },
        peak_rss_mib: None,
        warnings: vec![Warning::MaskTouchesBorder.report()],
    }
}

#[test]
fn the_documented_fields_are_there() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!((&json["schema"], &json["schema_version"]), (&"uniultra-segment".into(), &2.into()));
    assert_eq!(json["tool"]["name"], "uniultra");
    assert_eq!(json["model"]["id"], "tiny");
    assert_eq!(json["model"]["embedded"], true);
    assert!(json["model"]["folder"].is_null() && json["model"]["image_encoder_sha256"].is_string());
    assert_eq!(json["frame"]["orientation_applied"], 6);
    assert_eq!(
        (&json["frame"]["number"], &json["pixel_spacing_source"]),
        (&2.into(), &"dicom".into())
    );
    assert_eq!(json["predicted_iou"].as_array().map(Vec::len), Some(4));
    assert!(json["board"].is_null() && json.get("board").is_some());
    assert!(json["object_score"].is_null() && json["peak_rss_mib"].is_null());
    assert_eq!(json["bounding_box"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!(json["contours"][0]["points"][0], serde_json::json!([0.25, 1.0]));
    assert_eq!(json["warnings"][0]["code"], "mask_touches_border");
    let stages: Vec<_> = json["timings_ms"].as_object().unwrap().keys().cloned().collect();
    for stage in ["load", "decode_frame", "image_encoder", "mask_decoder", "upsample", "total"] {
        assert!(stages.iter().any(|s| s == stage), "{stage}");
    }
}

#[test]
fn the_summary_shows_what_matters() {
    let outputs =
        Outputs { mask: Some(Destination::File("mask.png".into())), ..Outputs::default() };
    let text = summary(&report(), &outputs).unwrap();
    for part in [
        "f.png, frame 2, 800 x 540 px, turned upright (EXIF orientation 6)",
        "tiny 1 (built in), f32",
        "2 threads",
        "found, mask 0, predicted IoU 0.900",
        "100 px, 1.0 mm\u{b2}",
        "12.5 x 10.0 px, 1.2 x 1.0 mm",
        "wrote      mask.png",
        "warning    the mask touches",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
