//! Data sets on disk: a folder that appears when it is complete, or not at all.

use crate::error::PhantomError;
use crate::hidden_folder::HiddenFolder;
use image::{GrayImage, ImageFormat};
use serde::Serialize;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Files of which this simulator writes one into each data set.
const MARKS: [&str; 2] = ["phantom.json", "cine.json"];

/// A data set in the making, in a hidden folder beside its place. It is deleted when dropped.
pub(crate) struct Staging {
    folder: HiddenFolder,
    set: PathBuf,
    target: PathBuf,
    replaces: bool,
}

impl Staging {
    /// Begins the data set `<out>/<set_name>` with its folders `image` and `mask`.
    pub(crate) fn new(out: &Path, set_name: &str, force: bool) -> Result<Self, PhantomError> {
        let target = out.join(set_name);
        let replaces = check_target(&target, force)?;
        fs::create_dir_all(out).map_err(|source| write_error(out, source))?;
        // On the same file system.
        let folder = HiddenFolder::inside(out).map_err(|source| write_error(out, source))?;
        let set = folder.set();
        for name in ["image", "mask"] {
            let path = set.join(name);
            fs::create_dir_all(&path).map_err(|source| write_error(&path, source))?;
        }
        Ok(Self { folder, set, target, replaces })
    }

    /// Where its files are written.
    pub(crate) fn set(&self) -> &Path {
        &self.set
    }

    /// Gives the complete data set its name.
    pub(crate) fn finish(self) -> Result<PathBuf, PhantomError> {
        let Self { folder, set, target, replaces } = self;
        let failed = |source| write_error(&target, source);
        if replaces {
            let old = folder.replaced();
            fs::rename(&target, &old).map_err(failed)?;
            if let Err(source) = fs::rename(&set, &target) {
                // Restore the old folder; the error below is the one to report.
                let _ = fs::rename(&old, &target);
                return Err(failed(source));
            }
        } else {
            fs::rename(&set, &target).map_err(failed)?;
        }
        Ok(target)
    }
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
    let ours = MARKS.iter().any(|mark| target.join(mark).is_file()) && !target.is_symlink();
    if ours { Ok(true) } else { Err(PhantomError::NotAPhantom { path }) }
}

pub(crate) fn write_png(path: &Path, image: &GrayImage) -> Result<(), PhantomError> {
    image
        .save_with_format(path, ImageFormat::Png)
        .map_err(|source| PhantomError::Png { path: path.to_path_buf(), source })
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), PhantomError> {
    let file = fs::File::create(path).map_err(|source| write_error(path, source))?;
    let mut writer = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut writer, value)
        .map_err(|source| PhantomError::Json { path: path.to_path_buf(), source })?;
    writeln!(writer).and_then(|()| writer.flush()).map_err(|source| write_error(path, source))
}

fn write_error(path: &Path, source: std::io::Error) -> PhantomError {
    PhantomError::Write { path: path.to_path_buf(), source }
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

pub(crate) fn thread_pool(threads: Option<usize>) -> Result<rayon::ThreadPool, PhantomError> {
    // For rayon, 0 means all cores.
    let threads = threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| PhantomError::Threads { threads, reason: error.to_string() })
}
