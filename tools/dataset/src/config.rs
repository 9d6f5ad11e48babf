//! The sets that examples come from: the `[[set]]` tables of a training configuration.

use crate::{DatasetError, SplitPart};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use uniultra_phantom::{GeometryChoice, PhantomConfig, Scenes};

/// All sets, and how they are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The sets, `[[set]]`.
    #[serde(rename = "set")]
    pub sets: Vec<SetConfig>,
    /// What happens if an image cannot be used.
    #[serde(default)]
    pub on_problem: OnProblem,
    /// Memory for decoded images, MiB; images beyond it are decoded each time.
    #[serde(default = "default_cache_mib")]
    pub cache_mib: usize,
    /// Threads that open the dataset, and the number a loader of it should have.
    #[serde(default = "default_threads")]
    pub threads: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            sets: Vec::new(),
            on_problem: OnProblem::default(),
            cache_mib: default_cache_mib(),
            threads: default_threads(),
        }
    }
}

/// What happens if an image cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnProblem {
    /// Opening fails and names every one.
    #[default]
    Refuse,
    /// The image is left out; [`crate::Dataset::problems`] names it.
    Skip,
}

/// One set: a folder or phantoms, exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// Name, unique among the sets.
    pub name: String,
    /// Share of the samples, relative to the other sets' weights; the number of images if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The set's folder, with `image` and `mask` (or `image_1024` and `mask_1024`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Part of the folder, `train` if absent. A folder without `data_split.json` is used whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitPart>,
    /// At most that many images of the folder, evenly spaced among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only images of the folder whose smallest object covers a share of the image between these
    /// two, 0 to 1. With a second set of the same folder, rare sizes come more often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_object: Option<[f64; 2]>,
    /// Simulated frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phantom: Option<PhantomSet>,
    /// Whether masks of the folder are empty on purpose; elsewhere an empty mask is a problem.
    #[serde(default)]
    pub negatives: bool,
    /// Whether images may be mirrored, as [`crate::AugmentConfig`] says.
    #[serde(default = "yes")]
    pub flip: bool,
}

/// Simulated frames of a set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhantomSet {
    /// Seed of the run.
    pub seed: u64,
    /// Number of frames.
    pub count: u32,
    /// Share of frames without any object, 0 to 1.
    #[serde(default)]
    pub empty_share: f32,
    /// The probe.
    #[serde(default)]
    pub geometry: GeometryChoice,
    /// Width and height of every frame, px; random where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_px: Option<[u32; 2]>,
    /// What the frames show: `classic` (lesions, vessels, fascia strips, fetal heads) or `organs`
    /// (whole organs, hollow organs, chambers, vessels, layers, and small lesions among them).
    #[serde(default)]
    pub scenes: Scenes,
}

impl PhantomSet {
    /// The simulator's configuration.
    #[must_use]
    pub fn config(&self) -> PhantomConfig {
        PhantomConfig {
            geometry: self.geometry,
            size_px: self.size_px,
            empty_share: self.empty_share,
            scenes: self.scenes,
        }
    }
}

fn default_cache_mib() -> usize {
    2048
}

fn default_threads() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl DataConfig {
    /// Checks what needs no file.
    pub(crate) fn validate(&self) -> Result<(), DatasetError> {
        let refuse = |place: &str, expected, found: String| {
            Err(DatasetError::Config { place: place.to_string(), expected, found })
        };
        if self.sets.is_empty() {
            return refuse("set", "at least one [[set]]", "none".to_string());
        }
        if self.threads == 0 {
            return refuse("threads", "at least 1", "0".to_string());
        }
        for (place, set) in self.sets.iter().enumerate() {
            if set.name.is_empty() || self.sets[..place].iter().any(|s| s.name == set.name) {
                return refuse("set.name", "a name of its own", format!("{:?}", set.name));
            }
            set.validate()?;
        }
        Ok(())
    }
}

impl SetConfig {
    fn validate(&self) -> Result<(), DatasetError> {
        let refuse = |key: &str, expected, found: String| {
            Err(DatasetError::Config {
                place: format!("set `{}`: {key}", self.name),
                expected,
                found,
            })
        };
        if let Some(weight) = self.weight.filter(|weight| !(weight.is_finite() && *weight > 0.0)) {
            return refuse("weight", "a positive number", weight.to_string());
        }
        if self.limit == Some(0) {
            return refuse("limit", "at least 1", "0".to_string());
        }
        if let Some([low, high]) = self.smallest_object
            && !(0.0 <= low && low < high && high <= 1.0)
        {
            let found = format!("{low} to {high}");
            return refuse("smallest_object", "a rising range within 0 to 1", found);
        }
        match (&self.path, &self.phantom) {
            (Some(_), Some(_)) => refuse("path", "either path or phantom", "both".to_string()),
            (None, None) => refuse("path", "either path or phantom", "neither".to_string()),
            (Some(_), None) => Ok(()),
            (None, Some(phantom)) => {
                if phantom.count == 0 {
                    return refuse("phantom.count", "at least 1", "0".to_string());
                }
                let chooses = self.limit.is_some() || self.smallest_object.is_some();
                if self.split.is_some() || chooses || self.negatives {
                    let found = "one of them".to_string();
                    let expected = "no split, limit, smallest_object or negatives beside it";
                    return refuse("phantom", expected, found);
                }
                phantom
                    .config()
                    .validate()
                    .map_err(|source| DatasetError::Phantom { set: self.name.clone(), source })
            }
        }
    }
}
