//! Writes frames as a dataset: all of it or nothing.

use crate::config::PhantomConfig;
use crate::error::PhantomError;
use crate::phantom::{Description, Phantom};
use crate::staging::Staging;
use crate::target::TargetKind;
use image::{GrayImage, ImageFormat};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
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
    let target = out.join(&config.set_name);
    let replaces = check_target(&target, config.force)?;
    let pool = thread_pool(config.threads)?;

    fs::create_dir_all(out).map_err(|source| write_error(out, source))?;
    // Hidden, on the same file system, and deleted when dropped: on any error, too.
    let staging = Staging::inside(out).map_err(|source| write_error(out, source))?;
    let set = staging.set();
    for folder in ["image", "mask"] {
        let path = set.join(folder);
        fs::create_dir_all(&path).map_err(|source| write_error(&path, source))?;
    }
    let frames: Vec<Description> = pool.install(|| {
        (0..config.count)
            .into_par_iter()
            .map(|index| {
                let description = write_frame(&set, config, index)?;
                progress();
                Ok(description)
            })
            .collect::<Result<_, PhantomError>>()
    })?;

    let split = split(&config.set_name, config.count);
    write_json(&set.join("data_split.json"), &split)?;
    write_json(&set.join("phantom.json"), &record(config, &frames))?;
    if replaces {
        let old = staging.replaced();
        fs::rename(&target, &old).map_err(|source| write_error(&target, source))?;
        if let Err(source) = fs::rename(&set, &target) {
            // Restore the old folder; the error below is the one to report.
            let _ = fs::rename(&old, &target);
            return Err(write_error(&target, source));
        }
    } else {
        fs::rename(&set, &target).map_err(|source| write_error(&target, source))?;
    }

    let mut targets = BTreeMap::new();
    for target in frames.iter().flat_map(|frame| &frame.targets) {
        *targets.entry(target.kind).or_insert(0) += 1;
    }
    Ok(Summary {
        path: target,
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

fn write_png(path: &Path, image: &GrayImage) -> Result<(), PhantomError> {
    image
        .save_with_format(path, ImageFormat::Png)
        .map_err(|source| PhantomError::Png { path: path.to_path_buf(), source })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), PhantomError> {
    let file = fs::File::create(path).map_err(|source| write_error(path, source))?;
    let mut writer = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut writer, value)
        .map_err(|source| PhantomError::Json { path: path.to_path_buf(), source })?;
    writeln!(writer).and_then(|()| writer.flush()).map_err(|source| write_error(path, source))
}

fn write_error(path: &Path, source: std::io::Error) -> PhantomError {
    PhantomError::Write { path: path.to_path_buf(), source }
}

/// Whether a data set may be replaced. Only one that this simulator wrote may: a wrong `--out` must
/// never delete a folder of patient data.
fn check_target(target: &Path, force: bool) -> Result<bool, PhantomError> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(false);
    }
    let path = target.to_path_buf();
    if !force {
        return Err(PhantomError::Exists { path });
    }
    let ours = target.join("phantom.json").is_file() && !target.is_symlink();
    if ours { Ok(true) } else { Err(PhantomError::NotAPhantom { path }) }
}

/// Checks that a set's name makes one plain folder.
///
/// # Errors
/// [`PhantomError::SetName`].
pub fn check_set_name(name: &str) -> Result<(), PhantomError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if starts_well && plain && name.len() <= 64 {
        Ok(())
    } else {
        Err(PhantomError::SetName { found: name.to_string() })
    }
}

fn thread_pool(threads: Option<usize>) -> Result<rayon::ThreadPool, PhantomError> {
    // For rayon, 0 means all cores.
    let threads = threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| PhantomError::Threads { threads, reason: error.to_string() })
}
