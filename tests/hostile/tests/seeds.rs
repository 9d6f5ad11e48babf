//! Replays the seeds of the fuzz targets: inputs that reach new code, and every input that once broke a reader.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it ran"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};
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
    // A damaged graph may still load, which takes long; the next test has a limit of time.
    for (name, run) in TARGETS.iter().filter(|(name, _)| !GRAPHS.contains(name)) {
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

/// The targets that read ONNX files. A fuzzer that sees what an input reaches takes long to compile for them.
const GRAPHS: [&str; 2] = ["onnx_load", "quantize_graph"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end.max(1)
    }

    /// One of the ways in which fuzzers change a file.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (at, end) = (self.below(bytes.len()), self.below(bytes.len() + 1));
        let part = at.min(end)..at.max(end);
        match self.below(7) {
            0 => bytes.truncate(end),
            1 => drop(bytes.drain(part.start..part.end.min(part.start + 8))),
            2 => bytes.insert(at, self.below(256) as u8),
            3 => {
                let copy = bytes[part].to_vec();
                bytes.splice(end..end, copy);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            // Tags, lengths and dimensions of a protobuf are small numbers or have their highest bit set.
            5 if at < bytes.len() => bytes[at] = [0, 1, 2, 8, 0x7f, 0x80, 0xff][self.below(7)],
            _ if at < bytes.len() => bytes[at] = self.below(256) as u8,
            _ => {}
        }
    }
}

/// Seeds of graphs with one to eight changes, for two seconds a target. `UNIULTRA_HOSTILE_SECONDS=600` takes
/// more, with other changes than before for every number of seconds.
#[test]
fn changed_graphs_break_nothing() {
    let seconds = std::env::var("UNIULTRA_HOSTILE_SECONDS").ok();
    let seconds: u64 = seconds.map_or(2, |text| text.parse().unwrap());
    for (name, run) in TARGETS.iter().filter(|(name, _)| GRAPHS.contains(name)) {
        let files = std::fs::read_dir(seeds().join(name)).unwrap();
        let seeds: Vec<_> =
            files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        let (mut dice, mut count) = (Dice(seconds), 0);
        let last = tempfile::NamedTempFile::new().unwrap();
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            let mut bytes = seeds[dice.below(seeds.len())].clone();
            for _ in 0..=dice.below(8) {
                dice.change(&mut bytes);
            }
            std::fs::write(last.path(), &bytes).unwrap();
            if std::panic::catch_unwind(|| run(&bytes)).is_err() {
                let (_, path) = last.keep().unwrap();
                panic!("{name} broke: the input is {}", path.display());
            }
            count += 1;
        }
        println!("{name}: {count} changed graphs");
    }
}

#[test]
fn every_folder_of_seeds_belongs_to_a_target() {
    for entry in std::fs::read_dir(seeds()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name}");
    }
}
