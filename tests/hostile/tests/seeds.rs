//! Replays the seeds of the fuzz targets: inputs that reach new code, and every input that once broke a reader.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it ran"
)]

use std::path::PathBuf;
use uniultra_hostile::TARGETS;

fn seeds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds")
}

#[test]
fn no_seed_breaks_its_reader() {
    for (name, run) in TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(seeds().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name}: no seeds");
        for file in &files {
            println!("{name}: {}", file.display());
            run(&std::fs::read(file).unwrap());
        }
    }
}

/// Every seed cut at 16 places, and with one bit of each of 64 bytes turned.
#[test]
fn nor_does_a_damaged_one() {
    // A damaged graph may still load, which takes too long for a test; fuzzing covers it.
    for (name, run) in TARGETS.iter().filter(|(name, _)| !name.contains("onnx")) {
        for entry in std::fs::read_dir(seeds().join(name)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for part in 0..16 {
                run(&bytes[..bytes.len() * part / 16]);
            }
            for part in 0..64.min(bytes.len()) {
                let mut damaged = bytes.clone();
                let place = bytes.len() * part / 64;
                damaged[place] ^= 1 << (part % 8);
                run(&damaged);
            }
        }
    }
}

#[test]
fn every_folder_of_seeds_belongs_to_a_target() {
    for entry in std::fs::read_dir(seeds()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name}");
    }
}
