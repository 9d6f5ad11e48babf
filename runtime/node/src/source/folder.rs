//! Image files of a folder, played once.

use super::Feed;
use super::pace::Pace;
use crate::NodeError;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, MAX_SIDE_PX};

/// Names that count as frames; other files are left alone.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "ppm", "pnm"];

/// Largest file: the largest frame in uncompressed 16-bit RGB, and its header.
const MAX_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

#[derive(Debug)]
pub(super) struct Folder {
    files: Vec<PathBuf>,
    rate_hz: f32,
}

impl Folder {
    pub(super) fn open(path: &Path, rate_hz: f32) -> Result<Self, NodeError> {
        let failed = |source| NodeError::Source { name: path.display().to_string(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let extension = file.extension().and_then(OsStr::to_str).unwrap_or_default();
            let known = EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
            // Opening a FIFO or a device might never end.
            if known && file.is_file() {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(NodeError::NoFrames { folder: path.to_path_buf() });
        }
        files.sort();
        Ok(Self { files, rate_hz })
    }

    pub(super) fn play(&self, feed: &mut Feed) {
        let mut pace = Pace::new(self.rate_hz);
        for file in &self.files {
            match read(file) {
                Ok(frame) => {
                    if !feed.is_patient() {
                        pace.wait();
                    }
                    feed.put(frame, None);
                }
                Err(message) => feed.error(&format!("{}: {message}", file.display())),
            }
        }
        feed.end();
    }
}

fn read(file: &Path) -> Result<Frame, String> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|e| e.to_string())?;
    let length =
        opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(format!("expected at most {MAX_FILE_BYTES} bytes, found more"));
    }
    Frame::decode(&bytes).map_err(|e| e.to_string())
}
