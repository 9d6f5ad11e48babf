//! A run in parts, unpacked elsewhere, trains to the same bytes as the run where it was made.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};
use uniultra_train::build::StageKind;
use uniultra_train::bundle::bundle;

const TRAINER: &str = env!("CARGO_BIN_EXE_uniultra-train");

fn config(data: &Path) -> String {
    format!(
        "seed = 3
image_size = 64
[model]
variant = \"mini\"
[train]
epochs = 1
samples_per_epoch = 4
batch = 2
[[data.set]]
name = \"one\"
path = \"{0}/one\"
split = \"all\"
[[data.set]]
name = \"again\"
path = \"{0}/one\"
split = \"all\"
[[data.set]]
name = \"other\"
path = \"{0}/elsewhere/one\"
split = \"all\"
",
        data.display()
    )
}

fn simulate(out: &Path, seed: u64) {
    let phantom = PhantomConfig { size_px: Some([128, 128]), ..PhantomConfig::default() };
    let set_name = "one".to_string();
    let config =
        DatasetConfig { seed, count: 3, set_name, phantom, force: false, threads: Some(1) };
    write_dataset(out, &config, &|| {}).unwrap();
}

#[test]
fn a_bundle_trains_elsewhere_as_it_would_here() {
    let folder = tempfile::tempdir().unwrap();
    let [data, here, sent] = ["data", "here", "sent"].map(|name| folder.path().join(name));
    simulate(&data, 1);
    simulate(&data.join("elsewhere"), 2);
    let file = folder.path().join("small.toml");
    fs::write(&file, config(&data)).unwrap();

    let status = Command::new(TRAINER)
        .args(["joint", "--device", "cpu", "--threads", "1", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(&here)
        .status();
    assert!(status.unwrap().success());

    // The trainer itself is larger than a part of one MiB.
    let error = bundle(StageKind::Joint, &file, Path::new(TRAINER), &sent, 1).unwrap_err();
    assert!(error.to_string().contains("at most 1 MiB"), "{error:#}");
    let _ = fs::remove_dir_all(&sent);
    let made = bundle(StageKind::Joint, &file, Path::new(TRAINER), &sent, 4096).unwrap();
    // Program and configuration; images and masks of two sets, and the simulator's other files.
    assert!(made.parts.len() == 1 && made.files >= 2 + 2 * 2 * 3, "{made:?}");
    assert!(bundle(StageKind::Joint, &file, Path::new(TRAINER), &sent, 4096).is_err());

    fs::rename(&data, folder.path().join("gone")).unwrap();
    let status = Command::new("sh")
        .arg(&made.script)
        .args(["--threads", "1"])
        .env("DEVICE", "cpu")
        .env("OUT", folder.path().join("there"))
        .status();
    assert!(status.unwrap().success());
    let weights = |run: &Path| fs::read(run.join("final.safetensors")).unwrap();
    assert!(weights(&here) == weights(&folder.path().join("there")));
}
