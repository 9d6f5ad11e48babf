//! The zip container.
//!
//! `torch.save` stores entries uncompressed below one folder. Archives that were unpacked and
//! packed again have another folder, compressed entries, or the separators of Windows.

use super::corrupt;
use crate::CheckpointError;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Largest pickle accepted. SAM 2's, with every tensor described, has 0.1 MB.
const MAX_PICKLE_BYTES: u64 = 16 << 20;

/// Weights hardly shrink. A file that grows more than this when it is unpacked is no checkpoint, and
/// is refused before it fills the memory.
const MAX_EXPANSION: u64 = 64;

/// An archive with exactly one pickle.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder of the pickle and a slash, or nothing; for messages.
    root: String,
    /// Places of the entries by their names below the folder of the pickle, with `/` in between.
    places: HashMap<String, usize>,
    /// Bytes of all storages, unpacked, as the archive declares them.
    storage_bytes: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let mut zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| zip_error("index", &error))?;
        let names: Vec<_> = zip.file_names().map(|name| name.replace('\\', "/")).collect();
        let roots: Vec<_> = names
            .iter()
            .filter_map(|name| name.strip_suffix("data.pkl"))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .collect();
        let root = match roots.as_slice() {
            [root] => (*root).to_string(),
            [] => return Err(no_pickle(&names)),
            _ => {
                return Err(corrupt(format!(
                    "expected one entry `data.pkl`, found {}",
                    roots.len()
                )));
            }
        };
        let mut places = HashMap::new();
        let (mut all_bytes, mut storage_bytes) = (0_u64, 0_u64);
        for place in 0..zip.len() {
            let entry = zip.by_index_raw(place).map_err(|error| zip_error("index", &error))?;
            let name = entry.name().replace('\\', "/");
            all_bytes = all_bytes.saturating_add(entry.size());
            let Some(name) = name.strip_prefix(root.as_str()) else { continue };
            if name.starts_with("data/") {
                storage_bytes = storage_bytes.saturating_add(entry.size());
            }
            places.insert(name.to_string(), place);
        }
        let most = (bytes.len() as u64).saturating_mul(MAX_EXPANSION);
        if all_bytes > most {
            return Err(corrupt(format!(
                "expected entries of at most {most} bytes, {MAX_EXPANSION} times the file, found \
                 {all_bytes} declared"
            )));
        }
        let mut archive = Self { zip, root, places, storage_bytes };
        archive.check_byte_order()?;
        Ok(archive)
    }

    pub(super) fn pickle(&mut self) -> Result<Vec<u8>, CheckpointError> {
        self.entry("data.pkl", MAX_PICKLE_BYTES)
    }

    /// The raw bytes of a storage.
    pub(super) fn storage(&mut self, key: &str) -> Result<Vec<u8>, CheckpointError> {
        self.entry(&format!("data/{key}"), self.storage_bytes)
    }

    /// Bytes of all storages together, unpacked; bounded by the size of the file.
    pub(super) fn storage_bytes(&self) -> u64 {
        self.storage_bytes
    }

    fn check_byte_order(&mut self) -> Result<(), CheckpointError> {
        // PyTorch before 2.1 did not write this entry, and always wrote little-endian on common
        // machines.
        if !self.places.contains_key("byteorder") {
            return Ok(());
        }
        match self.entry("byteorder", 16)?.trim_ascii() {
            b"little" => Ok(()),
            other => Err(corrupt(format!(
                "expected byte order `little`, found `{}`",
                other.escape_ascii()
            ))),
        }
    }

    /// Reads a whole entry and checks its CRC-32.
    fn entry(&mut self, name: &str, bound: u64) -> Result<Vec<u8>, CheckpointError> {
        let place = self.places.get(name).copied();
        let name = format!("{}{name}", self.root);
        let place = place.ok_or_else(|| corrupt(format!("entry `{name}`: expected, not found")))?;
        let mut entry = self.zip.by_index(place).map_err(|error| zip_error(&name, &error))?;
        let declared = entry.size();
        if declared > bound {
            return Err(corrupt(format!(
                "entry `{name}`: expected at most {bound} bytes, found {declared} declared"
            )));
        }
        let mut bytes = Vec::new();
        // One byte more shows an entry that is longer than it says.
        let found = entry.by_ref().take(declared + 1).read_to_end(&mut bytes);
        let found = found.map_err(|error| corrupt(format!("entry `{name}`: {error}")))?;
        if found as u64 != declared {
            return Err(corrupt(format!(
                "entry `{name}`: expected {declared} bytes, found {found}"
            )));
        }
        Ok(bytes)
    }
}

/// A zip file that `torch.save` did not write.
fn no_pickle(names: &[String]) -> CheckpointError {
    const SHOWN: usize = 6;
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    CheckpointError::NoStateDict {
        expected: "a zip archive of torch.save with an entry `data.pkl`".to_string(),
        found: match shown.as_slice() {
            [] => "an empty zip archive".to_string(),
            _ => format!("a zip archive with {}{more}", shown.join(", ")),
        },
    }
}

fn zip_error(entry: &str, error: &ZipError) -> CheckpointError {
    match error {
        ZipError::FileNotFound => corrupt(format!("entry `{entry}`: expected, not found")),
        ZipError::UnsupportedArchive(what) => {
            CheckpointError::UnsupportedZip(format!("entry `{entry}`: {what}"))
        }
        other => corrupt(format!("zip {entry}: {other}")),
    }
}
