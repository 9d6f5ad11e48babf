//! The state of a training on disk: everything that it takes to go on as if never interrupted.
//!
//! One safetensors file holds the weights (`weights.<name>`), the optimiser's moments
//! (`optim.<name>`), the averaged weights (`ema.<name>`) and, in a training for 8 bits, the ranges
//! of the layers' inputs (`quantization.<layer>`), all f32; where the training stands is JSON in
//! its header. It is replaced atomically, so a kill at any moment leaves the old one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Device;

use super::tensor_file::{self, Precision, TensorFileError, Tensors};

/// Header entry that tells a state from other safetensors files.
const ENTRY: &str = "uniultra.training";
/// Raised when a state of an older program can no longer be continued.
const VERSION: u32 = 1;

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Epochs completed.
    pub epoch: u64,
    /// Optimiser steps completed, over all epochs.
    pub step: u64,
    /// Batches of the current epoch that are done.
    pub batch_in_epoch: u64,
    /// Best validation value so far, if there was any.
    pub best: Option<f64>,
    /// Seed of all random choices.
    pub seed: u64,
    /// Hash of the configuration, for logs.
    pub config_hash: String,
    /// The configuration, compared field by field when the training is resumed.
    pub config: Value,
    /// Other numbers that the stage needs (steps of the optimiser, updates of the average, ...).
    #[serde(default)]
    pub extra: Value,
}

/// A training's state. The tensors may be handles of live ones.
#[derive(Debug, Default)]
pub struct TrainState {
    /// Where it stands.
    pub standing: Standing,
    /// The network's weights.
    pub weights: Tensors,
    /// The optimiser's state.
    pub optim: Tensors,
    /// The averaged weights, empty without averaging.
    pub ema: Tensors,
    /// Ranges of the layers' inputs, empty unless trained for 8 bits.
    pub ranges: Tensors,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    version: u32,
    #[serde(flatten)]
    standing: Standing,
}

/// Why a state could not be saved or resumed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Reading or writing failed.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// The file is sound but no training state.
    #[error("{} is not a training state: {reason}", path.display())]
    NotAState {
        /// The file.
        path: PathBuf,
        /// The missing or wrong part.
        reason: String,
    },
    /// The training was started with other settings.
    #[error(
        "the saved training was configured differently; start a new one or undo: {}",
        differences.join("; ")
    )]
    OtherConfig {
        /// One text per field, `path: saved <a>, now <b>`.
        differences: Vec<String>,
    },
}

impl TrainState {
    /// Writes the state, replacing an older one.
    ///
    /// # Errors
    /// See [`StateError`]; the older state is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        let not_a_state = |reason: String| StateError::NotAState { path: path.to_owned(), reason };
        let entry = Entry { version: VERSION, standing: self.standing.clone() };
        let entry =
            serde_json::to_string(&entry).map_err(|error| not_a_state(error.to_string()))?;
        let mut all = Tensors::new();
        for (prefix, part) in [
            ("weights.", &self.weights),
            ("optim.", &self.optim),
            ("ema.", &self.ema),
            ("quantization.", &self.ranges),
        ] {
            for (name, tensor) in part {
                all.insert(format!("{prefix}{name}"), tensor.shallow_clone());
            }
        }
        Ok(tensor_file::save(path, &all, (ENTRY, entry), Precision::F32)?)
    }

    /// Reads a state, its tensors onto `device`.
    ///
    /// # Errors
    /// On a file that is damaged or no training state of this version.
    pub fn load(path: &Path, device: Device) -> Result<Self, StateError> {
        let not_a_state = |reason: String| StateError::NotAState { path: path.to_owned(), reason };
        let (all, entry) = tensor_file::load(path, ENTRY, device)?;
        let entry = entry.ok_or_else(|| {
            not_a_state("its header has no standing (a file of weights?)".to_owned())
        })?;
        let Entry { version, standing } =
            serde_json::from_str(&entry).map_err(|error| not_a_state(error.to_string()))?;
        if version != VERSION {
            return Err(not_a_state(format!("version {version}, this program reads {VERSION}")));
        }
        let mut state = Self { standing, ..Self::default() };
        for (name, tensor) in all {
            let (part, rest) = match name.split_once('.') {
                Some(("weights", rest)) => (&mut state.weights, rest),
                Some(("optim", rest)) => (&mut state.optim, rest),
                Some(("ema", rest)) => (&mut state.ema, rest),
                Some(("quantization", rest)) => (&mut state.ranges, rest),
                _ => return Err(not_a_state(format!("unexpected tensor {name}"))),
            };
            part.insert(rest.to_owned(), tensor);
        }
        Ok(state)
    }
}

impl Standing {
    /// Checks that the training was started with the configuration `now`.
    ///
    /// `free` lists fields that may change (with all below them), such as `epochs` or
    /// `data.workers`.
    ///
    /// # Errors
    /// [`StateError::OtherConfig`] names every other field that differs.
    pub fn check_config(&self, now: &Value, free: &[&str]) -> Result<(), StateError> {
        let mut differences = Vec::new();
        compare("", &self.config, now, free, &mut differences);
        if differences.is_empty() { Ok(()) } else { Err(StateError::OtherConfig { differences }) }
    }
}

/// Whether two values are the same but for the last bit of fractions, which a fast JSON reader may
/// miss.
fn same_numbers(saved: &Value, now: &Value) -> bool {
    if let (Value::Array(saved), Value::Array(now)) = (saved, now) {
        let mut pairs = saved.iter().zip(now);
        return saved.len() == now.len() && pairs.all(|(a, b)| a == b || same_numbers(a, b));
    }
    let (Some(saved), Some(now)) = (saved.as_f64(), now.as_f64()) else { return false };
    (saved - now).abs() <= 1e-12 * saved.abs().max(now.abs())
}

/// Collects the leaves in which two JSON values differ.
fn compare(at: &str, saved: &Value, now: &Value, free: &[&str], found: &mut Vec<String>) {
    if free.contains(&at) || saved == now || same_numbers(saved, now) {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (saved, now) else {
        let at = if at.is_empty() { "configuration" } else { at };
        found.push(format!("{at}: saved {saved}, now {now}"));
        return;
    };
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let below = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let field = |object: &serde_json::Map<String, Value>| {
            object.get(key).cloned().unwrap_or(Value::Null)
        };
        compare(&below, &field(old), &field(new), free, found);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use tch::Tensor;

    use super::*;

    fn sample(step: u64) -> TrainState {
        let tensor = || Tensor::from_slice(&[1.0f32, f32::MIN_POSITIVE, step as f32]);
        TrainState {
            standing: Standing {
                epoch: 2,
                step,
                batch_in_epoch: 7,
                best: Some(0.875),
                seed: u64::MAX,
                config_hash: "abc".into(),
                config: json!({"lr": 1e-4, "epochs": 20, "data": {"size": 1024}}),
                extra: json!({"optim_steps": step}),
            },
            weights: BTreeMap::from([("trunk.w".to_owned(), tensor())]),
            optim: BTreeMap::from([("m.trunk.w".to_owned(), tensor())]),
            ema: BTreeMap::from([("trunk.w".to_owned(), tensor())]),
            ranges: BTreeMap::from([("blocks.0/attn/qkv".to_owned(), tensor())]),
        }
    }

    #[test]
    fn a_state_returns_as_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        sample(33).save(&path).unwrap();
        sample(34).save(&path).unwrap();
        let back = TrainState::load(&path, Device::Cpu).unwrap();
        assert_eq!(back.standing, sample(34).standing);
        assert!(back.weights["trunk.w"].equal(&sample(34).weights["trunk.w"]));
        assert!(back.optim["m.trunk.w"].equal(&sample(34).optim["m.trunk.w"]));
        assert_eq!(back.ema.len(), 1);
        assert!(back.ranges["blocks.0/attn/qkv"].equal(&sample(34).ranges["blocks.0/attn/qkv"]));
    }

    #[test]
    fn a_kill_while_saving_leaves_the_older_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        sample(1).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let partial = folder.path().join(".uniultra-Kx81.part");
        std::fs::write(&partial, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(TrainState::load(&path, Device::Cpu).unwrap().standing.step, 1);
        sample(2).save(&path).unwrap();
        assert_eq!(TrainState::load(&path, Device::Cpu).unwrap().standing.step, 2);
    }

    #[test]
    fn every_truncation_is_refused_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        sample(1).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(5).chain([whole.len() - 1]) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = TrainState::load(&path, Device::Cpu).unwrap_err().to_string();
            assert!(error.contains("state.safetensors is truncated"), "{length}: {error}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        tensor_file::save_weights(&path, &sample(1).weights, Precision::F32).unwrap();
        let error = TrainState::load(&path, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("not a training state"), "{error}");
        let error = TrainState::load(Path::new("/no/such"), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("/no/such"), "{error}");
    }

    #[test]
    fn changed_settings_are_named() {
        let standing = sample(1).standing;
        let now = json!({"lr": 2e-4, "epochs": 30, "data": {"size": 512, "fold": 1}});
        let error = standing.check_config(&now, &["epochs"]).unwrap_err().to_string();
        assert!(error.contains("lr: saved 0.0001, now 0.0002"), "{error}");
        assert!(error.contains("data.size: saved 1024, now 512"), "{error}");
        assert!(error.contains("data.fold: saved null, now 1"), "{error}");
        assert!(!error.contains("epochs"), "{error}");
        standing.check_config(&standing.config, &[]).unwrap();
        standing.check_config(&now, &["epochs", "lr", "data"]).unwrap();
    }
}
