//! An archive with files of many kinds, and runs over it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, command, finish, root, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

/// A small pack of random weights.
pub(crate) fn model() -> PathBuf {
    static PACK: OnceLock<ScratchPack> = OnceLock::new();
    PACK.get_or_init(|| pack(1)).folder()
}

/// A small pack of other random weights for each seed.
pub(crate) fn pack(seed: u64) -> ScratchPack {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", seed), &options)
}

/// A fixture of `runtime/dicom`: simulated pictures of 96 x 64 px.
pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("runtime/dicom/tests/fixtures").join(name)
}

/// The archive and its prompts in a scratch folder.
pub(crate) struct Archive {
    folder: TempDir,
}

/// A prompt for each kind of file. `blöd` has its accent apart, as macOS writes it.
const PROMPTS: &str = r#"{"path": "sub/a.png", "object": "cyst", "points": [[207, 92]]}
{"path": "sub/a.png", "object": 2, "points": [[207, 92, 1], [10, 10, 0]], "box": [150, 50, 260, 140]}
{"path": "sub/a.jpg", "points": [{"x": 207, "y": 92, "label": 1}]}
{"path": "other/a.png", "box": [10, 10, 60, 50]}
{"path": "übung/blo\u0308d.png", "points": [[40, 30]]}
{"path": "cine.dcm", "frame": 3, "points": [[40, 30]]}
{"path": "cine.dcm", "frame": 1, "points": [[30, 20]]}
{"path": "cine.dcm", "frame": 9, "points": [[30, 20]]}
{"path": "cine.dcm", "frame": 1, "object": "doppler", "box": [62, 2, 90, 28]}
{"path": "still", "points": [[40, 30]]}
{"path": "truncated.png", "points": [[40, 30]]}
{"path": "hostile.png", "points": [[40, 30]]}
{"path": "hostile.dcm", "points": [[40, 30]]}
{"path": "page.png", "points": [[40, 30]]}
{"path": "outside.png", "points": [[5000, 30]]}
{"path": "absent.png", "points": [[1, 1]]}
"#;

impl Archive {
    pub(crate) fn new() -> Self {
        let archive = Self { folder: tempfile::tempdir().unwrap() };
        let sample = fs::read(sample_frame()).unwrap();
        archive.add("sub/a.png", &sample);
        let jpeg = archive.root().join("sub/a.jpg");
        image::load_from_memory(&sample).unwrap().to_luma8().save(jpeg).unwrap();
        let picture = fs::read(fixture("jpegls_near.png")).unwrap();
        archive.add("other/a.png", &picture);
        archive.add("übung/blöd.png", &picture);
        archive.add("unasked.png", &picture);
        archive.add("outside.png", &picture);
        let cine = fs::read(fixture("regions.dcm")).unwrap();
        archive.add("cine.dcm", &cine);
        archive.add("unasked.dcm", &cine);
        // A name says nothing.
        archive.add("still", &fs::read(fixture("rgb.dcm")).unwrap());
        archive.add("truncated.png", &sample[..sample.len() / 2]);
        archive.add("hostile.png", &hostile_png(&sample));
        archive.add("hostile.dcm", &cine[..cine.len() / 2]);
        archive.add("page.png", b"<!DOCTYPE html><html>404</html>");
        archive.add("notes.txt", b"of the sonographer");
        archive.add(".DS_Store", b"\0\0\0\x01Bud1");
        #[cfg(unix)]
        {
            let link = |to: &Path, name: &str| {
                std::os::unix::fs::symlink(to, archive.root().join(name)).unwrap();
            };
            link(&archive.root(), "sub/loop");
            link(Path::new("self"), "self");
        }
        fs::write(archive.prompts(), PROMPTS).unwrap();
        archive
    }

    /// An archive of `count` images, each with two prompts.
    pub(crate) fn of_images(count: usize) -> Self {
        let archive = Self { folder: tempfile::tempdir().unwrap() };
        let sample = fs::read(sample_frame()).unwrap();
        let mut prompts = String::new();
        for i in 0..count {
            let path = format!("{}/{i:03}.png", ["x", "y", "z"][i % 3]);
            archive.add(&path, &sample);
            for x in [200 - i, 214] {
                prompts += &format!("{{\"path\": \"{path}\", \"points\": [[{x}, 92]]}}\n");
            }
        }
        fs::write(archive.prompts(), prompts).unwrap();
        archive
    }

    pub(crate) fn add(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub(crate) fn prompts(&self) -> PathBuf {
        self.folder.path().join("prompts.jsonl")
    }

    /// A path for results.
    pub(crate) fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with the small pack.
    pub(crate) fn command(&self, out: &str, rest: &[&str]) -> Command {
        let mut command = command("uniultra-tools");
        command.args(["batch", "--model"]).arg(model());
        command.arg("--input").arg(self.root()).arg("--out").arg(self.out(out));
        if !rest.contains(&"--prompts") {
            command.arg("--prompts").arg(self.prompts());
        }
        // Two frames at once.
        if !rest.contains(&"--threads") {
            command.args(["--threads", "2"]);
        }
        command.args(rest);
        command
    }

    pub(crate) fn run(&self, out: &str, rest: &[&str]) -> Run {
        finish(&mut self.command(out, rest))
    }

    /// The lines of a run.
    pub(crate) fn lines(&self, out: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.out(out).join("results.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every file of a run by its path, also hidden ones.
    pub(crate) fn files(&self, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.out(out), Path::new(""), &mut files);
        files
    }
}

fn collect(folder: &Path, below: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = below.join(path.file_name().unwrap());
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

/// Asserts that two runs wrote the same files.
pub(crate) fn assert_same(
    found: &BTreeMap<PathBuf, Vec<u8>>,
    expected: &BTreeMap<PathBuf, Vec<u8>>,
    what: &str,
) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    for (name, bytes) in expected {
        assert!(found.get(name) == Some(bytes), "{what}: {} differs", name.display());
    }
}

/// A PNG whose header claims 100,000 pixels a side. Its checksum is right.
fn hostile_png(sample: &[u8]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for side in [16, 20] {
        bytes[side..side + 4].copy_from_slice(&100_000_u32.to_be_bytes());
    }
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
