//! The zip container.

use super::corrupt;
use crate::CheckpointError;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Largest pickle accepted. SAM 2's, with every tensor described, has 0.1 MB.
const MAX_PICKLE_BYTES: usize = 16 << 20;

/// An archive with exactly one pickle.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The prefix of `data.pkl`, `data/0` and so on: the folder and a slash, or nothing.
    root: String,
    file_bytes: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| zip_error("index", &error))?;
        let roots: Vec<_> = zip
            .file_names()
            .filter_map(|name| name.strip_suffix("data.pkl"))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .map(ToString::to_string)
            .collect();
        let [root] = roots.as_slice() else {
            return Err(corrupt(format!("expected one entry `data.pkl`, found {}", roots.len())));
        };
        let mut archive = Self { zip, root: root.clone(), file_bytes: bytes.len() };
        archive.check_byte_order()?;
        Ok(archive)
    }

    pub(super) fn pickle(&mut self) -> Result<Vec<u8>, CheckpointError> {
        self.entry("data.pkl", MAX_PICKLE_BYTES)
    }

    /// The raw bytes of a storage.
    pub(super) fn storage(&mut self, key: &str) -> Result<Vec<u8>, CheckpointError> {
        self.entry(&format!("data/{key}"), self.file_bytes)
    }

    fn check_byte_order(&mut self) -> Result<(), CheckpointError> {
        // PyTorch before 2.1 did not write this entry, and always wrote little-endian on common
        // machines.
        if self.zip.index_for_name(&format!("{}byteorder", self.root)).is_none() {
            return Ok(());
        }
        match self.entry("byteorder", 16)?.as_slice() {
            b"little" => Ok(()),
            other => Err(corrupt(format!(
                "expected byte order `little`, found `{}`",
                other.escape_ascii()
            ))),
        }
    }

    /// Reads a whole entry and checks its CRC-32.
    fn entry(&mut self, name: &str, limit: usize) -> Result<Vec<u8>, CheckpointError> {
        let full_name = format!("{}{name}", self.root);
        let mut entry =
            self.zip.by_name(&full_name).map_err(|error| zip_error(&full_name, &error))?;
        // Entries are stored uncompressed, so none can be larger than the file.
        let declared = entry.size();
        let bound = limit.min(self.file_bytes) as u64;
        if declared > bound {
            return Err(corrupt(format!(
                "entry `{full_name}`: expected at most {bound} bytes, found {declared} declared"
            )));
        }
        let mut bytes = Vec::new();
        let found = entry.by_ref().take(bound).read_to_end(&mut bytes);
        let found = found.map_err(|error| corrupt(format!("entry `{full_name}`: {error}")))?;
        if found as u64 != declared {
            return Err(corrupt(format!(
                "entry `{full_name}`: expected {declared} bytes, found {found}"
            )));
        }
        Ok(bytes)
    }
}

fn zip_error(entry: &str, error: &ZipError) -> CheckpointError {
    match error {
        ZipError::FileNotFound => corrupt(format!("entry `{entry}`: expected, not found")),
        other => corrupt(format!("zip {entry}: {other}")),
    }
}
