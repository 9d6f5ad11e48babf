//! Damaged graphs with honest hashes: the engine refuses or runs them, and never panics.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use proptest::prelude::*;
use std::fs;
use std::sync::OnceLock;
use uniultra_core::Network;
use uniultra_engine::{EngineOptions, TractNetwork};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{WeightFormat, sha256_hex};
use uniultra_tests::packs::random;

/// One pack for each way of storing weights.
fn packs() -> &'static [ModelPack; 2] {
    static PACKS: OnceLock<[ModelPack; 2]> = OnceLock::new();
    PACKS.get_or_init(|| {
        [WeightFormat::F32, WeightFormat::F16].map(|weights| {
            let options = ExportOptions { image_size: 64, weights, ..ExportOptions::default() };
            export(&random("uniultra-mini", 1), &options).unwrap()
        })
    })
}

/// Nodes come first in the file: this many bytes are structure, the rest mostly weights.
const STRUCTURE_BYTES: usize = 40_000;

proptest! {
    // Each case parses and optimises a network, so the gate can afford a few dozen.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_encoders_are_errors_not_panics(
        which in 0..2_usize,
        edits in prop::collection::vec((0..STRUCTURE_BYTES, any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, 0.0..1.0_f64),
    ) {
        let mut damaged = packs()[which].clone();
        let bytes = &mut damaged.image_encoder;
        for (place, value) in edits {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        if let Some(share) = cut {
            bytes.truncate((share * bytes.len() as f64) as usize);
        }
        damaged.manifest.image_encoder.bytes = bytes.len() as u64;
        damaged.manifest.image_encoder.sha256 = sha256_hex(bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pack");
        damaged.write(&path, false).unwrap();
        if let Ok((network, _)) = TractNetwork::open(&path, &EngineOptions::default()) {
            // A name or a number was changed that matters to nobody, or only to the result.
            let _ = network.encode(&[0.5; 64 * 64]);
        }
        let left = fs::read_dir(&path).unwrap().count();
        prop_assert_eq!(left, 3);
    }
}
