//! The images or masks of a folder, by name.

use crate::FolderError;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use unicode_normalization::UnicodeNormalization;

/// Extensions of formats that are read; of several files of one stem, the first of these is taken.
const READ: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "ppm", "pnm"];

/// Extensions of files that are no images and often lie beside them.
const COMPANIONS: [&str; 14] = [
    "txt", "csv", "tsv", "json", "md", "xml", "yaml", "yml", "toml", "ini", "db", "log", "html",
    "pdf",
];

/// Names without extension of files that are no images. Other such files can be DICOM.
const COMPANION_NAMES: [&str; 4] = ["readme", "license", "changelog", "sha256sums"];

/// What a problem says that it expected.
pub(crate) const EXPECTED: &str = "expected a PNG, JPEG, BMP, TIFF or PNM file";

/// Files by stem, and what was found that is not among them.
///
/// Stems are in Unicode's normal form NFC: Linux keeps accents as they were typed, macOS takes them
/// apart, and both are the same name.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    files: BTreeMap<String, PathBuf>,
    /// Stem and complaint of each file that cannot be read, in the order of the names.
    unreadable: Vec<(String, String)>,
    /// Stem and complaint of each further file of a stem.
    doubles: Vec<(String, String)>,
    /// Name of the folder.
    folder: String,
}

impl Listing {
    /// Lists a folder. `what` is `image` or `mask`, for the complaints. A folder that is not there is
    /// empty.
    ///
    /// # Errors
    /// [`FolderError::Read`] if the folder cannot be read.
    pub(crate) fn read(folder: &Path, what: &str) -> Result<Self, FolderError> {
        let mut listing = Self {
            folder: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            ..Self::default()
        };
        let mut names = match names(folder) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listing),
            Err(source) => return Err(FolderError::Read { path: folder.to_path_buf(), source }),
        };
        names.sort_unstable();
        let mut readable = Vec::new();
        for name in names {
            match look_at(folder, &name) {
                Found::Readable { stem, rank } => readable.push((rank, stem, name)),
                Found::NoImage => {}
                Found::Unreadable { stem, found } => {
                    listing.unreadable.push((stem, format!("{what}: {EXPECTED}, found {found}")));
                }
            }
        }
        readable.sort();
        for (_, stem, name) in readable {
            let name = name.to_string_lossy();
            let path = folder.join(&*name);
            match listing.files.get(&stem) {
                None => drop(listing.files.insert(stem, path)),
                Some(taken) => {
                    let taken = taken.file_name().unwrap_or_default().to_string_lossy();
                    let complaint = format!(
                        "{what}: expected one file of a name, found {taken} and {name}; {name} is \
                         not used"
                    );
                    listing.doubles.push((stem, complaint));
                }
            }
        }
        Ok(listing)
    }

    /// Every stem, sorted.
    pub(crate) fn stems(&self) -> impl Iterator<Item = &String> {
        self.files.keys()
    }

    pub(crate) fn get(&self, stem: &str) -> Option<&PathBuf> {
        self.files.get(stem)
    }

    /// Stems and complaints: files that cannot be read, folders.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unreadable.iter().map(|(stem, what)| (stem.as_str(), what.as_str()))
    }

    /// Stems and complaints: second files of one name.
    pub(crate) fn doubles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.doubles.iter().map(|(stem, what)| (stem.as_str(), what.as_str()))
    }

    /// The stem that a table or a list means: people write names with and without extension, in
    /// either case, in another normal form, and with the folder before them.
    ///
    /// # Errors
    /// The name itself, in normal form, if there is no such file.
    pub(crate) fn resolve(&self, name: &str) -> Result<String, String> {
        let whole: String = name.nfc().collect();
        if self.files.contains_key(&whole) {
            return Ok(whole);
        }
        let slashes = whole.trim().replace('\\', "/");
        let inside = slashes.strip_prefix("./").unwrap_or(&slashes);
        let inside = match inside.strip_prefix(self.folder.as_str()) {
            Some(rest) => rest.strip_prefix('/').unwrap_or(inside),
            None => inside,
        };
        let stem = match inside.rsplit_once('.') {
            Some((stem, extension)) if rank(extension).is_some() => stem,
            _ => inside,
        };
        // An exact name comes first: `a.png` can be the stem of `a.png.png`.
        let found = [inside, stem].into_iter().find(|stem| self.files.contains_key(*stem));
        found.map(ToString::to_string).ok_or(if stem.is_empty() {
            whole.clone()
        } else {
            stem.to_string()
        })
    }
}

/// A name in Unicode's normal form NFC.
pub(crate) fn normal(name: &str) -> String {
    name.nfc().collect()
}

/// What an entry of the folder is.
enum Found {
    Readable {
        stem: String,
        rank: usize,
    },
    /// Something else on purpose, such as a list of names.
    NoImage,
    Unreadable {
        stem: String,
        found: String,
    },
}

fn look_at(folder: &Path, name: &OsStr) -> Found {
    let shown = name.to_string_lossy();
    if shown.starts_with('.') {
        return Found::NoImage;
    }
    let (stem, extension) = shown.rsplit_once('.').unwrap_or((&shown, ""));
    let unreadable = |found: String| Found::Unreadable { stem: normal(stem), found };
    if name.to_str().is_none() {
        return unreadable(format!("{shown:?}, a name that is not UTF-8"));
    }
    if !is_plain(&shown) {
        return unreadable(format!(
            "{shown:?}, a name of more than 200 bytes or with control characters, `:` or `\\`"
        ));
    }
    if folder.join(name).is_dir() {
        return unreadable(format!("a folder `{shown}`, which is not searched"));
    }
    let known = extension.to_ascii_lowercase();
    match rank(extension) {
        Some(rank) if !stem.is_empty() => Found::Readable { stem: normal(stem), rank },
        _ if COMPANIONS.contains(&known.as_str()) => Found::NoImage,
        _ if COMPANION_NAMES.contains(&shown.to_ascii_lowercase().as_str()) => Found::NoImage,
        _ => unreadable(format!("`{shown}`")),
    }
}

fn rank(extension: &str) -> Option<usize> {
    READ.iter().position(|known| known.eq_ignore_ascii_case(extension))
}

/// Whether a name is one plain path component, so that nothing outside its folder is read or
/// written.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

fn names(folder: &Path) -> std::io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}
