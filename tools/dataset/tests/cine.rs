//! Simulated sequences are read like any other data set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use uniultra_dataset::{DataConfig, Dataset, Query, Sample, Shard, SplitPart, find_cases};
use uniultra_phantom::{
    CineConfig, CineDatasetConfig, CineRecord, PhantomConfig, write_cine_dataset,
};

const FRAMES: u32 = 24;

fn write(out: &Path) -> CineRecord {
    let phantom = PhantomConfig { size_px: Some([160, 128]), ..Default::default() };
    let config = CineDatasetConfig {
        seed: 5,
        count: 5,
        set_name: "cine".to_string(),
        cine: CineConfig { frames: FRAMES, phantom, ..Default::default() },
        force: false,
        threads: Some(1),
    };
    write_cine_dataset(out, &config, &|| {}).unwrap();
    serde_json::from_slice(&fs::read(out.join("cine/cine.json")).unwrap()).unwrap()
}

#[test]
fn sequences_are_read_as_a_data_set() {
    let out = tempfile::tempdir().unwrap();
    let record = write(out.path());
    let query = Query {
        data: out.path(),
        sets: &[],
        split: SplitPart::Val,
        limit: None,
        shard: Shard::WHOLE,
    };
    let found = find_cases(&query).unwrap();
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let sequence = &record.sequences[3];
    let stems: Vec<&str> = found.cases.iter().map(|case| case.stem.as_str()).collect();
    let expected: Vec<&str> = sequence.frames.iter().map(|frame| frame.stem.as_str()).collect();
    assert_eq!(stems, expected, "the frames of a sequence are not in order");
    for (case, frame) in found.cases.iter().zip(&sequence.frames) {
        let sample = Sample::load(case).unwrap();
        // An object that covers less than a thousandth of the frame is no object.
        let least = 160 * 128 / 1000;
        if frame.state.area_px > 2 * least {
            assert!(!sample.objects.is_empty(), "{}", frame.stem);
        }
        if !frame.visible {
            assert!(sample.objects.is_empty(), "{}", frame.stem);
        }
    }
    let config: DataConfig = toml::from_str("[[set]]\nname = \"cine\"\npath = \"cine\"\n").unwrap();
    assert!(Dataset::open(&config, out.path()).is_ok());
}
