//! A small profile for tests, and the JSON report read back.

use super::*;
use crate::measure::RecordedPlan;
use crate::{Peak, Phase, Recording};
use uniultra_engine::{OpRun, PlanRun};
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// An operation of that many milliseconds; a million products a millisecond.
pub(crate) fn op(name: &str, op: &str, ms: u64) -> OpRun {
    OpRun {
        name: name.to_string(),
        op: op.to_string(),
        time_ns: ms * 1_000_000,
        real_macs: ms * 1_000_000,
        integer_macs: 0,
        read_bytes: 4_000,
        written_bytes: 1_000,
    }
}

/// A run of the encoder, a millisecond longer than its operations.
pub(crate) fn plan_run(ops: Vec<OpRun>) -> PlanRun {
    let total_ns = ops.iter().map(|op| op.time_ns).sum::<u64>() + 1_000_000;
    PlanRun { network: "image encoder", total_ns, ops }
}

pub(crate) fn peaks() -> Peaks {
    let peak = |giga_ops_per_s| Peak { giga_ops_per_s, shape: [1, 2, 3] };
    Peaks { threads: 1, real: peak(100.0), integer: peak(400.0), memory_read_gb_per_s: 10.0 }
}

pub(crate) fn profile() -> Profile {
    let ops = vec![
        op("blocks.0/attn/proj/Add", "uniultra.Linear", 4),
        op("blocks.0/Add", "Add", 2),
        op("Add<&", "Add", 1),
    ];
    let op_ms = [4.0, 2.0, 1.0].map(|ms| vec![ms; 2]).to_vec();
    let plan = RecordedPlan {
        phase: Phase::Frame,
        network: "image encoder",
        total_ms: vec![8.0; 2],
        ops,
        op_ms,
    };
    let recording = Recording { preprocess_ms: vec![0.5; 2], plans: vec![plan] };
    let model = ModelIdentity {
        id: "m".to_string(),
        version: "1".to_string(),
        precision: "f32".to_string(),
        image_size: 64,
        image_encoder_sha256: "a".to_string(),
        mask_decoder_sha256: "b".to_string(),
        checkpoint_sha256: "c".to_string(),
        origin: ModelOrigin::folder("packs/m".as_ref()),
    };
    Profile::new(model, &recording, &peaks())
}

pub(crate) fn setting() -> Setting {
    let frame = TimedFrame { path: None, width: 640, height: 480 };
    Setting {
        engine: "engine 1".to_string(),
        threads: 1,
        machine: Machine {
            cpu: "Some CPU".to_string(),
            arch: "x86_64".to_string(),
            cpu_features: vec!["avx2".to_string()],
            threads_available: Some(2),
        },
        frame,
        warm_up: 1,
        runs: 2,
    }
}

pub(crate) fn report() -> Report {
    Report::new(setting(), peaks(), profile(), Some(3.5), None)
}

#[test]
fn a_report_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    write_profile(folder.path(), &report(), 2).unwrap();
    let path = folder.path().join("report.json");
    let (read, written) = (read_report(&path).unwrap(), report());
    assert_eq!((&read.setting, &read.peaks), (&written.setting, &written.peaks));
    assert_eq!(read.profile.model, written.profile.model);
    // Derived figures may lose their last bit on the way through text; times of whole milliseconds
    // do not.
    let ops = |report: &Report| -> Vec<_> {
        let ops = &report.profile.plans[0].ops;
        ops.iter().map(|op| (op.name.clone(), op.block.clone(), op.work, op.ms)).collect()
    };
    assert_eq!(ops(&read), ops(&written));
    assert_eq!(read.profile.frame_ms, written.profile.frame_ms);
    let flame = std::fs::read_to_string(folder.path().join("flame.svg")).unwrap();
    assert!(flame.contains("<svg") && flame.contains("blocks.0"), "{flame}");
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("<h2 id=\"section-1\">frame: image encoder</h2>"), "{page}");
}

#[test]
fn another_document_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let refused = || read_report(&path).unwrap_err().to_string();
    assert!(refused().contains("report.json"), "{}", refused());
    std::fs::write(&path, json_text(None, &report()).unwrap().replace("uniultra-profile", "other"))
        .unwrap();
    assert!(refused().contains("found schema \"other\", version 2"), "{}", refused());
    std::fs::write(&path, "{}").unwrap();
    assert!(refused().contains("found schema nothing"), "{}", refused());
}

#[test]
fn the_json_says_what_an_operation_did() {
    let json: serde_json::Value = serde_json::to_value(report()).unwrap();
    let op = &json["plans"][0]["ops"][0];
    assert_eq!(op["block"], "blocks.0");
    assert_eq!((&op["real_macs"], &op["written_bytes"]), (&4_000_000.into(), &1_000.into()));
    assert_eq!((&op["ms"]["p50"], &op["giga_ops_per_s"]), (&4.0.into(), &2.0.into()));
    // 8 million operations at 10^11 a second are 0.08 ms of 4.
    assert!((op["roof_share"].as_f64().unwrap() - 0.02).abs() < 1e-9, "{op}");
    assert_eq!(json["frame_ms"]["p50"], 8.0);
}
