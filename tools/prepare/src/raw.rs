//! The index of a raw folder: every file, however deep an archive put it.

use crate::PrepareError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below each other that are searched.
const MAX_DEPTH: usize = 8;

/// Files of the largest folder that is searched: far more than any of the data sets has.
const MAX_FILES: usize = 500_000;

/// Largest table or list that is read, in bytes.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// A file of a raw folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RawFile {
    /// Its folder, from the raw folder's own name on, with `/` between names.
    pub(crate) folder: String,
    /// Its name.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Every file of a raw folder, in the order of folders and names.
#[derive(Clone, Debug)]
pub(crate) struct RawFolder {
    root: PathBuf,
    files: Vec<RawFile>,
}

/// Extensions of pictures that people convert data sets to.
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

impl RawFile {
    /// The name without its last extension.
    pub(crate) fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem)
    }

    /// The last extension in lower case; empty without one.
    pub(crate) fn extension(&self) -> String {
        self.name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default()
    }

    /// Whether it is a picture, by its name.
    pub(crate) fn is_picture(&self) -> bool {
        PICTURES.contains(&self.extension().as_str())
    }
}

impl RawFolder {
    /// Lists a folder. Hidden entries and what macOS adds to archives are left out.
    ///
    /// # Errors
    /// [`PrepareError::Read`] if it cannot be read, [`PrepareError::TooMany`] if it is no data set.
    pub(crate) fn open(root: &Path) -> Result<Self, PrepareError> {
        let full = fs::canonicalize(root)
            .map_err(|source| PrepareError::Read { path: root.to_path_buf(), source })?;
        let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut raw = Self { root: root.to_path_buf(), files: Vec::new() };
        raw.search(root, &name, 0)?;
        raw.files.sort_unstable();
        Ok(raw)
    }

    fn search(&mut self, path: &Path, folder: &str, depth: usize) -> Result<(), PrepareError> {
        let read = |source| PrepareError::Read { path: path.to_path_buf(), source };
        for entry in fs::read_dir(path).map_err(read)? {
            let entry = entry.map_err(read)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                if depth < MAX_DEPTH {
                    self.search(&path, &format!("{folder}/{name}"), depth + 1)?;
                }
                continue;
            }
            if self.files.len() == MAX_FILES {
                return Err(PrepareError::TooMany { path: self.root.clone(), most: MAX_FILES });
            }
            self.files.push(RawFile { folder: folder.to_string(), name, path });
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &RawFile> {
        self.files.iter()
    }

    /// Files that lie directly in a folder of this name (`a` or `a/b`), wherever it is.
    pub(crate) fn in_folder(&self, name: &str) -> impl Iterator<Item = &RawFile> {
        self.files.iter().filter(move |file| is_folder(&file.folder, name))
    }

    /// Pictures that lie directly in a folder of this name.
    pub(crate) fn pictures_in(&self, name: &str) -> impl Iterator<Item = &RawFile> {
        self.in_folder(name).filter(|file| file.is_picture())
    }

    /// Pictures of a folder by the first part of their name, which `key` takes from their stem.
    pub(crate) fn pictures_by<'a>(
        &'a self,
        name: &str,
        key: impl Fn(&'a str) -> Option<String>,
    ) -> BTreeMap<String, PathBuf> {
        let pictures = self.pictures_in(name);
        pictures.filter_map(|file| Some((key(file.stem())?, file.path.clone()))).collect()
    }

    /// The first file of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&RawFile> {
        self.files.iter().find(|file| file.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is a file of this name, or one in a folder of it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let within = |file: &RawFile| {
            let (mut folder, is_one) = (file.folder.as_str(), |f: &str| is_folder(f, name));
            loop {
                if is_one(folder) {
                    return true;
                }
                match folder.rsplit_once('/') {
                    Some((above, _)) => folder = above,
                    None => return false,
                }
            }
        };
        self.named(name).is_some() || self.files.iter().any(within)
    }

    /// What is in it, for a message: folders and the number of files of each kind.
    pub(crate) fn summary(&self) -> String {
        if self.files.is_empty() {
            return "no file".to_string();
        }
        let inside =
            |file: &RawFile| file.folder.split_once('/').map(|(_, inside)| inside.to_string());
        let folders: BTreeSet<String> = self.files.iter().filter_map(inside).collect();
        let mut kinds = BTreeMap::<String, usize>::new();
        for file in &self.files {
            *kinds.entry(file.extension()).or_default() += 1;
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let kind = |(end, count): &(String, usize)| match end.as_str() {
            "" => format!("{count} without extension"),
            end => format!("{count} .{end}"),
        };
        let kinds: Vec<_> = kinds.iter().take(5).map(kind).collect();
        let names: Vec<_> = folders.iter().take(8).map(|name| format!("`{name}`")).collect();
        let more = if folders.len() > names.len() { ", ..." } else { "" };
        let files = format!("{} files ({})", self.files.len(), kinds.join(", "));
        if names.is_empty() {
            return files;
        }
        format!("folders {}{more} and {files}", names.join(", "))
    }
}

/// Whether a folder's last names are these; case does not matter.
fn is_folder(folder: &str, name: &str) -> bool {
    let Some(start) = folder.len().checked_sub(name.len()) else { return false };
    let begins = start == 0 || folder.as_bytes().get(start - 1) == Some(&b'/');
    begins && folder.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(name))
}

/// The text of a table or list, without a byte order mark.
///
/// # Errors
/// [`PrepareError::Read`]; [`PrepareError::Table`] if it is too long or not UTF-8.
pub(crate) fn text_of(path: &Path) -> Result<String, PrepareError> {
    let read = |source| PrepareError::Read { path: path.to_path_buf(), source };
    let refuse = |reason: String| PrepareError::Table { path: path.to_path_buf(), reason };
    let bytes = fs::metadata(path).map_err(read)?.len();
    if bytes > MAX_TEXT_BYTES {
        return Err(refuse(format!("expected at most {MAX_TEXT_BYTES} bytes, found {bytes}")));
    }
    let text = String::from_utf8(fs::read(path).map_err(read)?)
        .map_err(|error| refuse(format!("expected UTF-8: {error}")))?;
    Ok(text.strip_prefix('\u{feff}').map(ToString::to_string).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_folders_however_deep() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("archive");
        for path in ["Data/GT/1.png", "Data/original/1.PNG", "__MACOSX/GT/2.png", ".git/GT/3.png"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let raw = RawFolder::open(&root).unwrap();
        assert_eq!(raw.files().count(), 2);
        assert_eq!(raw.pictures_in("gt").count(), 1);
        assert_eq!(raw.pictures_in("Data/original").next().unwrap().stem(), "1");
        assert!(raw.has("data") && raw.has("Data/GT") && raw.has("1.png") && raw.has("archive"));
        assert!(!raw.has("riginal") && !raw.has("masks"));
        assert_eq!(raw.summary(), "folders `Data/GT`, `Data/original` and 2 files (2 .png)");
        // The folder itself may be the one that is meant.
        let inner = RawFolder::open(&root.join("Data/GT")).unwrap();
        assert_eq!(inner.pictures_in("GT").count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = RawFolder::open(Path::new("/nowhere/raw")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/raw"), "{error}");
    }
}
