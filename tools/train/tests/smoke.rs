//! Small trainings on phantoms: losses fall, and a run that was stopped or killed goes on to the
//! same bytes as one that was not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tch::Device;
use uniultra_train::build::{StageKind, stage};
use uniultra_train::config::Config;
use uniultra_train::fit::{Start, fit};
use uniultra_train::run::log_rows::{LogTable, read_val};
use uniultra_train::run::state::TrainState;

/// A mini network on 64 px phantoms: a step takes some hundredths of a second. The share of the
/// phantoms is one that a careless reader of JSON would change.
fn config(extra: &str, epochs: usize) -> String {
    format!(
        "seed = 3
image_size = 64
[model]
variant = \"mini\"
{extra}
[train]
epochs = {epochs}
samples_per_epoch = 8
batch = 4
learning_rate = 2e-3
clip_norm = 1.0
ema = 0.9
save_every_steps = 2
[[data.set]]
name = \"phantom\"
phantom = {{ seed = 5, count = 8, size_px = [128, 128], geometry = \"linear\", empty_share = 0.03 }}
[[validation.data.set]]
name = \"phantom\"
phantom = {{ seed = 6, count = 2, size_px = [128, 128], geometry = \"linear\" }}
"
    )
}

fn write_config(folder: &Path, text: &str) -> Config {
    let path = folder.join("run.toml");
    fs::write(&path, text).unwrap();
    Config::read(&path).unwrap().0
}

fn train(kind: StageKind, config: &Config, out: &Path, resume: bool, stop_after: Option<u64>) {
    let stage = stage(kind, config, out, Device::Cpu).unwrap();
    let interval = Duration::from_secs(60);
    let config_text = &toml::to_string(config).unwrap();
    let start = Start { config_text, out, base: Path::new("."), resume, stop_after, interval };
    fit(kind, config, stage, &start).unwrap();
}

/// Why a run is refused.
fn refusal(kind: StageKind, config: &Config, out: &Path, resume: bool) -> String {
    let stage = stage(kind, config, out, Device::Cpu).unwrap();
    let interval = Duration::from_secs(60);
    let config_text = &toml::to_string(config).unwrap();
    let start =
        Start { config_text, out, base: Path::new("."), resume, stop_after: None, interval };
    format!("{:#}", fit(kind, config, stage, &start).unwrap_err())
}

/// Mean loss of the first and the last quarter of a run.
fn ends(out: &Path) -> [f64; 2] {
    let losses: Vec<f64> =
        LogTable::read(&out.join("log.csv")).unwrap().rows.iter().map(|row| row.loss).collect();
    let quarter = losses.len() / 4;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    [mean(&losses[..quarter]), mean(&losses[losses.len() - quarter..])]
}

/// The log without its clock.
fn losses(out: &Path) -> Vec<(u64, f64, f64)> {
    let rows = LogTable::read(&out.join("log.csv")).unwrap().rows;
    rows.iter().map(|row| (row.step, row.lr, row.loss)).collect()
}

#[test]
fn training_on_masks_lowers_its_loss() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &config("trainable = \"all\"", 20));
    let out = folder.path().join("run");
    train(StageKind::Finetune, &config, &out, false, None);
    let [first, last] = ends(&out);
    assert!(last < 0.9 * first, "{first} to {last}");
    for file in ["best.safetensors", "final.safetensors", "curves.svg", "summary.json"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let validated = read_val(&out.join("val.csv")).unwrap();
    assert!(validated.iter().all(|row| (0.0..=1.0).contains(&row.dice_mean)));
    assert!(validated.iter().any(|row| row.prompt == "box"));
}

#[test]
fn distillation_lowers_its_loss_and_the_student_joins_the_decoder() {
    let folder = tempfile::tempdir().unwrap();
    let teacher_config = write_config(folder.path(), &config("trainable = \"all\"", 1));
    let teacher = folder.path().join("teacher");
    train(StageKind::Finetune, &teacher_config, &teacher, false, None);

    let teacher_lines = "decoder_init = \"teacher/final.safetensors\"
[teacher]
checkpoint = \"teacher/final.safetensors\"
[augment]
scale = { p = 0.0, range = [1.0, 1.0] }
[distill]
through = \"decoder\"
normalise = \"variance\"
cache_gib = 0.1";
    let text = config(teacher_lines, 12).replace("seed = 3", "seed = 4");
    let distill = write_config(folder.path(), &text);
    let out = folder.path().join("distilled");
    train(StageKind::Distill, &distill, &out, false, None);
    let [first, last] = ends(&out);
    assert!(last < 0.8 * first, "{first} to {last}");
    assert!(!out.join("teacher-features").exists(), "the cache is cleaned up");

    let joint_lines = "init = \"distilled/final.safetensors\"
[teacher]
checkpoint = \"teacher/final.safetensors\"
[loss]
soft = 0.5
soft_every = 2";
    let joint = write_config(folder.path(), &config(joint_lines, 2));
    let out = folder.path().join("joint");
    train(StageKind::Joint, &joint, &out, false, None);
    let rows = LogTable::read(&out.join("log.csv")).unwrap().rows;
    // The teacher is asked in every second step.
    let asked: Vec<bool> = rows.iter().map(|row| row.parts[4].is_finite()).collect();
    assert_eq!(asked, [true, false, true, false]);
}

#[test]
fn a_resumed_run_ends_in_the_same_bytes() {
    resumes_to_the_same_bytes(&config("trainable = \"all\"", 4));
}

/// The ranges of the layers' inputs are part of the state; they are followed before and after the
/// first step that rounds, which is between two of the stops.
#[test]
fn a_resumed_training_for_8_bits_ends_in_the_same_bytes() {
    let parted = config("trainable = \"all\"", 4).replace("batch = 4", "batch = 4\nparts = 2");
    let qat = "[train.qat]\nenabled = true\nstart_step = 4\nobserve_every = 2\n[[data.set]]";
    let weights = resumes_to_the_same_bytes(&parted.replacen("[[data.set]]", qat, 1));
    let range = weights.tensor("quantization.blocks.0/attn/qkv.input_range", &[1]).unwrap();
    // LayerNorm's output has a variance of 1.
    assert!((1.0..8.0).contains(&range.data()[0]), "{:?}", range.data());
}

/// The weights of the end.
fn resumes_to_the_same_bytes(text: &str) -> uniultra_checkpoint::Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), text);
    let [whole, parted] = ["whole", "parted"].map(|name| folder.path().join(name));
    train(StageKind::Finetune, &config, &whole, false, None);
    // In the middle of an epoch, at its end, and in the middle again.
    for steps in [3, 1, 1] {
        train(StageKind::Finetune, &config, &parted, true, Some(steps));
    }
    train(StageKind::Finetune, &config, &parted, true, None);
    assert_eq!(losses(&whole), losses(&parted));
    let weights =
        |out: &Path| uniultra_checkpoint::Checkpoint::open(&out.join("final.safetensors")).unwrap();
    let (whole, parted) = (weights(&whole), weights(&parted));
    for ((name, found), (_, expected)) in parted.tensors().zip(whole.tensors()) {
        assert!(found == expected, "{name}: the weights differ");
    }
    whole
}

#[test]
fn a_batch_in_parts_learns_too_and_its_bytes_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let text = config("trainable = \"all\"", 16).replace("batch = 4", "batch = 4\nparts = 3");
    write_config(folder.path(), &text);
    let run = |threads: &str| {
        let out = folder.path().join(threads);
        let mut command = Command::new(env!("CARGO_BIN_EXE_uniultra-train"));
        command.arg("finetune").arg("--config").arg(folder.path().join("run.toml"));
        command.arg("--out").arg(&out).args(["--device", "cpu", "--threads", threads]);
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
        out
    };
    let outs = ["1", "2", "4"].map(run);
    let [first, last] = ends(&outs[0]);
    assert!(last < 0.9 * first, "{first} to {last}");
    let bytes = |out: &Path| fs::read(out.join("final.safetensors")).unwrap();
    for out in &outs[1..] {
        assert_eq!(losses(&outs[0]), losses(out));
        assert!(bytes(&outs[0]) == bytes(out), "the weights differ");
    }
}

#[test]
fn parts_do_not_share_a_cache_of_features() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_config(folder.path(), &config("trainable = \"all\"", 1));
    let teacher = folder.path().join("teacher");
    train(StageKind::Finetune, &first, &teacher, false, None);
    let lines = "[teacher]
checkpoint = \"teacher/final.safetensors\"
[augment]
scale = { p = 0.0, range = [1.0, 1.0] }
[distill]
cache_gib = 0.1";
    let text = config(lines, 1).replace("batch = 4", "batch = 4\nparts = 2");
    let config = write_config(folder.path(), &text);
    let out = folder.path().join("run");
    let error = refusal(StageKind::Distill, &config, &out, false);
    assert!(error.contains("cache_gib") && error.contains("train.parts"), "{error}");
}

/// Steps of the state on disk, if there is one.
fn saved_step(out: &Path) -> Option<u64> {
    let path = out.join("last.safetensors");
    path.is_file().then(|| TrainState::load(&path, Device::Cpu).unwrap().standing.step)
}

#[test]
fn a_run_survives_being_killed_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        config("trainable = \"all\"", 8).replace("save_every_steps = 2", "save_every_steps = 1");
    let whole_config = write_config(folder.path(), &text);
    let whole = folder.path().join("whole");
    train(StageKind::Finetune, &whole_config, &whole, false, None);
    let killed = folder.path().join("killed");
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uniultra-train"));
        command.arg("finetune").arg("--config").arg(folder.path().join("run.toml"));
        command.arg("--out").arg(&killed).args(["--resume", "--device", "cpu"]);
        command.stderr(Stdio::null());
        command
    };
    // Each time it has gone further than before: so each but the first has resumed.
    let mut reached = 0;
    for pause_ms in [0, 15, 40] {
        let mut child = command().spawn().unwrap();
        while saved_step(&killed).unwrap_or(0) <= reached {
            assert!(child.try_wait().unwrap().is_none(), "ended after step {reached}");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Somewhere in the next step, its backward pass or the writing of its state.
        std::thread::sleep(Duration::from_millis(pause_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        reached = saved_step(&killed).unwrap();
        assert_eq!(fs::read_to_string(killed.join("config.toml")).unwrap(), text);
    }
    assert!((3..16).contains(&reached), "killed in the middle, not after step {reached}");
    assert!(command().status().unwrap().success());
    assert_eq!(losses(&whole), losses(&killed));
    let bytes = |out: &Path| fs::read(out.join("final.safetensors")).unwrap();
    assert!(bytes(&whole) == bytes(&killed), "the weights differ");
}

#[test]
fn a_run_is_not_overwritten_nor_continued_with_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_config(folder.path(), &config("trainable = \"all\"", 1));
    let out = folder.path().join("run");
    train(StageKind::Finetune, &first, &out, false, Some(1));
    let attempt =
        |config: &Config, resume: bool| refusal(StageKind::Finetune, config, &out, resume);
    assert!(attempt(&first, false).contains("--resume"));
    let other =
        write_config(folder.path(), &config("trainable = \"all\"", 1).replace("2e-3", "3e-3"));
    assert!(attempt(&other, true).contains("learning_rate"), "{}", attempt(&other, true));
    let kept = fs::read_to_string(out.join("config.toml")).unwrap();
    assert_eq!(kept, toml::to_string(&first).unwrap());
}
