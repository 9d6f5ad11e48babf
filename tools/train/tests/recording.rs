//! The annotator's loop: frames as `uniultra live --record` leaves them, their masks corrected, and a few steps of
//! training on them. The model must then outline these frames better than before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;
use tch::Device;
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};
use uniultra_train::build::{StageKind, stage};
use uniultra_train::config::Config;
use uniultra_train::fit::{Start, fit};
use uniultra_train::run::log_rows::read_val;

const FRAMES: u32 = 10;

/// A recording: pictures and masks, no split. The masks are exact, as if somebody had corrected all of them.
fn recording(folder: &Path) {
    let config = DatasetConfig {
        seed: 77,
        count: FRAMES,
        set_name: "recording".to_string(),
        phantom: PhantomConfig { size_px: Some([160, 128]), ..PhantomConfig::default() },
        force: false,
        threads: Some(2),
    };
    let set = write_dataset(folder, &config, &|| ()).unwrap().path;
    for entry in fs::read_dir(&set).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(set.join("frames.jsonl"), "").unwrap();
    fs::write(set.join("prompts.jsonl"), "").unwrap();
}

/// Mean Dice of the recorded frames from one point, after `epochs` epochs at this learning rate.
fn dice_after(folder: &Path, name: &str, learning_rate: f64, epochs: usize) -> f64 {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/uniultra-mini/weights.safetensors")
        .canonicalize()
        .unwrap();
    let text = format!(
        "seed = 3
image_size = 128
[model]
variant = \"mini\"
edge_layout = \"spatial\"
init = \"{}\"
[train]
epochs = {epochs}
samples_per_epoch = {FRAMES}
batch = 5
learning_rate = {learning_rate:e}
clip_norm = 1.0
[validation]
every_epochs = {epochs}
[[data.set]]
name = \"recording\"
path = \"recording\"
split = \"all\"
[[validation.data.set]]
name = \"recording\"
path = \"recording\"
split = \"all\"
",
        weights.display()
    );
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, &text).unwrap();
    let (config, _) = Config::read(&path).unwrap();
    let out = folder.join(name);
    let stage = stage(StageKind::Joint, &config, &out, Device::Cpu).unwrap();
    let start = Start {
        config_text: &text,
        out: &out,
        base: folder,
        resume: false,
        stop_after: None,
        interval: Duration::from_secs(60),
    };
    fit(StageKind::Joint, &config, stage, &start).unwrap();
    let rows = read_val(&out.join("val.csv")).unwrap();
    rows.iter().rfind(|row| row.prompt == "point").unwrap().dice_mean
}

#[test]
fn ten_corrected_frames_and_a_few_steps_make_the_model_better_on_them() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let before = dice_after(folder.path(), "before", 1e-12, 1);
    let after = dice_after(folder.path(), "after", 3e-4, 12);
    eprintln!("mean Dice from one point on {FRAMES} frames: {before:.3} before, {after:.3} after");
    assert!(after > before + 0.05, "{before} before, {after} after");
}
