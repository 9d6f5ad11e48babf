//! Writes frames as a dataset: all of it or nothing.

use crate::config::PhantomConfig;
use crate::error::PhantomError;
use crate::output::{Staging, check_set_name, thread_pool, write_json, write_png};
use crate::phantom::{Description, Phantom};
use crate::target::TargetKind;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Version of `phantom.json`.
const FORMAT: u32 = 1;

/// A run of the simulator.
#[derive(Clone, Debug)]
pub struct DatasetConfig {
    /// Seed; frame `index` depends on it and on the index only.
    pub seed: u64,
    /// Frames.
    pub count: u32,
    /// Name of the dataset's folder, and beginning of the stems.
    pub set_name: String,
    /// Choices for every frame.
    pub phantom: PhantomConfig,
    /// Whether to replace a phantom dataset of the same name.
    pub force: bool,
    /// Worker threads; all cores where absent. The bytes written don't depend on it.
    pub threads: Option<usize>,
}

/// The result of writing a data set.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The dataset's folder.
    pub path: PathBuf,
    /// Frames in (train, val, test).
    pub split: [usize; 3],
    /// Targets of each kind.
    pub targets: BTreeMap<TargetKind, usize>,
    /// Frames without a target.
    pub empty: usize,
}

/// `data_split.json`: stems of each part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Eight of ten frames.
    pub train: Vec<String>,
    /// The ninth of ten.
    pub val: Vec<String>,
    /// The tenth of ten.
    pub test: Vec<String>,
}

/// `phantom.json`.
#[derive(Serialize)]
struct Record<'a> {
    format: u32,
    generator: String,
    seed: u64,
    count: u32,
    config: &'a PhantomConfig,
    frames: Vec<FrameRecord<'a>>,
}

#[derive(Serialize)]
struct FrameRecord<'a> {
    stem: String,
    #[serde(flatten)]
    description: &'a Description,
}

/// Writes `<out>/<set_name>/{image,mask}/<stem>.png`, `data_split.json` and `phantom.json`.
///
/// Everything is written to a hidden folder inside `out` first, which takes its final name when
/// it is complete. `progress` is called once a frame, from any thread.
///
/// # Errors
/// [`PhantomError`]: a choice out of range, a dataset in the way, or an output that cannot be
/// written; then nothing new is left behind.
pub fn write_dataset(
    out: &Path,
    config: &DatasetConfig,
    progress: &(dyn Fn() + Sync),
) -> Result<Summary, PhantomError> {
    config.phantom.validate()?;
    check_set_name(&config.set_name)?;
    if config.count == 0 {
        return Err(PhantomError::Count);
    }
    let pool = thread_pool(config.threads)?;
    let staging = Staging::new(out, &config.set_name, config.force)?;
    let frames: Vec<Description> = pool.install(|| {
        (0..config.count)
            .into_par_iter()
            .map(|index| {
                let description = write_frame(staging.set(), config, index)?;
                progress();
                Ok(description)
            })
            .collect::<Result<_, PhantomError>>()
    })?;

    let split = split(&config.set_name, config.count);
    write_json(&staging.set().join("data_split.json"), &split)?;
    write_json(&staging.set().join("phantom.json"), &record(config, &frames))?;
    let path = staging.finish()?;

    let mut targets = BTreeMap::new();
    for target in frames.iter().flat_map(|frame| &frame.targets) {
        *targets.entry(target.kind).or_insert(0) += 1;
    }
    Ok(Summary {
        path,
        split: [split.train.len(), split.val.len(), split.test.len()],
        targets,
        empty: frames.iter().filter(|frame| frame.targets.is_empty()).count(),
    })
}

/// Stem of a frame's files.
#[must_use]
pub fn stem(set_name: &str, index: u32) -> String {
    format!("{set_name}_{index:06}")
}

/// Of ten successive frames, the ninth is for validation and the tenth for testing.
fn split(set_name: &str, count: u32) -> Split {
    let mut split = Split::default();
    for index in 0..count {
        let part = match index % 10 {
            8 => &mut split.val,
            9 => &mut split.test,
            _ => &mut split.train,
        };
        part.push(stem(set_name, index));
    }
    split
}

fn record<'a>(config: &'a DatasetConfig, frames: &'a [Description]) -> Record<'a> {
    Record {
        format: FORMAT,
        generator: format!("uniultra-phantom {}", env!("CARGO_PKG_VERSION")),
        seed: config.seed,
        count: config.count,
        config: &config.phantom,
        frames: frames
            .iter()
            .map(|description| FrameRecord {
                stem: stem(&config.set_name, description.index),
                description,
            })
            .collect(),
    }
}

fn write_frame(
    set: &Path,
    config: &DatasetConfig,
    index: u32,
) -> Result<Description, PhantomError> {
    let phantom = Phantom::generate(config.seed, index, &config.phantom);
    let name = format!("{}.png", stem(&config.set_name, index));
    write_png(&set.join("image").join(&name), &phantom.image)?;
    write_png(&set.join("mask").join(&name), &phantom.mask)?;
    Ok(phantom.description)
}
