//! The files to segment, in order: a folder with all folders in it, or a list.

use crate::BatchError;
use crate::record::{InputKind, InputRecord};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use uniultra_core::PixelSpacing;
use uniultra_manifest::sha256_hex;
use walkdir::{DirEntry, WalkDir};

/// Most files of a run. More are a mistake, such as links that lead to the same folders over and over.
const MAX_FILES: usize = 10_000_000;

/// Largest list or file of prompts, in bytes.
pub(crate) const MAX_TEXT_BYTES: u64 = 1 << 30;

/// A file of the input.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    /// As the results name it.
    pub(crate) path: String,
    pub(crate) location: PathBuf,
    /// Of a list's line.
    pub(crate) spacing: Option<PixelSpacing>,
    /// Why it cannot be read, if that is known already.
    pub(crate) problem: Option<String>,
    bytes: u64,
}

/// All files.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) files: Vec<InputFile>,
    pub(crate) record: InputRecord,
}

impl Input {
    /// Finds the files of a folder or a list. What is at `excluded` is none of them.
    pub(crate) fn find(path: &Path, excluded: &[&Path]) -> Result<Self, BatchError> {
        let metadata = fs::metadata(path).map_err(|source| BatchError::read(path, source))?;
        let (kind, files) = if metadata.is_dir() {
            (InputKind::Tree, tree(path, excluded)?)
        } else {
            (InputKind::List, list(path)?)
        };
        if files.is_empty() {
            return Err(BatchError::file(path, "expected files to segment, found none"));
        }
        let mut names = Vec::new();
        for file in &files {
            names.extend((file.path.len() as u64).to_le_bytes());
            names.extend(file.path.as_bytes());
            names.extend(file.bytes.to_le_bytes());
        }
        let record = InputRecord {
            kind,
            path: path.display().to_string(),
            files: files.len(),
            sha256: sha256_hex(&names).to_string(),
        };
        Ok(Self { files, record })
    }
}

/// The files of a folder and of all folders in it, by path. Links are followed; one that leads back is a problem. Hidden
/// files and folders are left out.
fn tree(root: &Path, excluded: &[&Path]) -> Result<Vec<InputFile>, BatchError> {
    let excluded: Vec<PathBuf> =
        excluded.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let is_excluded = |entry: &DirEntry| {
        let named = excluded.iter().any(|path| path.file_name() == Some(entry.file_name()));
        named && fs::canonicalize(entry.path()).is_ok_and(|path| excluded.contains(&path))
    };
    let is_hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let mut files = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).into_iter();
    for entry in walk.filter_entry(|entry| !is_hidden(entry) && !is_excluded(entry)) {
        let file = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => found(root, &entry),
            Err(error) if error.depth() == 0 => {
                let source = error.into_io_error();
                let source = source.unwrap_or_else(|| std::io::Error::other("not a folder"));
                return Err(BatchError::read(root, source));
            }
            Err(error) => unreadable(root, &error),
        };
        files.push(file);
        if files.len() > MAX_FILES {
            return Err(BatchError::file(
                root,
                format!("expected at most {MAX_FILES} files, found more"),
            ));
        }
    }
    files.sort_by(|a, b| (&a.path, &a.location).cmp(&(&b.path, &b.location)));
    Ok(files)
}

fn found(root: &Path, entry: &DirEntry) -> InputFile {
    let (path, is_text) = relative(root, entry.path());
    let problem = if !entry.file_type().is_file() {
        Some("expected a file, found a pipe, a socket or a device".to_string())
    } else if !is_text {
        Some("expected a path in UTF-8, found other bytes; rename the file".to_string())
    } else {
        None
    };
    let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
    InputFile { path, location: entry.path().to_path_buf(), spacing: None, problem, bytes }
}

fn unreadable(root: &Path, error: &walkdir::Error) -> InputFile {
    let location = error.path().unwrap_or(root).to_path_buf();
    let problem = match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) => {
            "expected a file or a folder, found a link to a folder that it lies in".to_string()
        }
        (None, Some(reason)) => format!("cannot be read: {reason}"),
        (None, None) => "cannot be read".to_string(),
    };
    let (path, _) = relative(root, &location);
    InputFile { path, location, spacing: None, problem: Some(problem), bytes: 0 }
}

/// The path below the root, and whether it is text. What is not UTF-8 is shown in escapes.
fn relative(root: &Path, path: &Path) -> (String, bool) {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str());
    let is_text = parts.clone().all(|part| part.to_str().is_some());
    let parts: Vec<String> = parts
        .map(|part| match part.to_str() {
            Some(text) => text.to_string(),
            None => part.as_encoded_bytes().escape_ascii().to_string(),
        })
        .collect();
    (parts.join("/"), is_text)
}

/// A line of a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListLine {
    Path(String),
    File(ListFile),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    path: String,
    pixel_spacing_mm: Option<Spacing>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Spacing {
    Side(f32),
    Sides([f32; 2]),
}

/// The files of a list, in its order. Paths are relative to the list's folder.
fn list(path: &Path) -> Result<Vec<InputFile>, BatchError> {
    const EXPECTED: &str =
        "expected {\"path\": \"FILE\"}, with \"pixel_spacing_mm\" if it is known, or \"FILE\"";
    let text = read_text(path)?;
    let home = path.parent().unwrap_or(Path::new(""));
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut files = Vec::new();
    for (number, line) in lines(&text) {
        let refuse = |reason: String| BatchError::line(path, number, reason);
        let parsed = serde_json::from_str(line)
            .map_err(|_| refuse(format!("{EXPECTED}, found {}", short(line))))?;
        let (name, spacing) = match parsed {
            ListLine::Path(name) => (name, None),
            ListLine::File(ListFile { path, pixel_spacing_mm }) => (path, pixel_spacing_mm),
        };
        let spacing = spacing.map(|spacing| match spacing {
            Spacing::Side(side) => PixelSpacing::new(side),
            Spacing::Sides([x, y]) => PixelSpacing::with_sides(x, y),
        });
        let spacing = spacing.transpose().map_err(|error| refuse(error.to_string()))?;
        if name.is_empty() || !is_plain(&name) {
            return Err(refuse(format!(
                "path: expected the path of a file without `..`, found {name:?}"
            )));
        }
        // Masks lie below the run's folder by these parts alone.
        let parts: Vec<_> = name.split('/').filter(|part| !["", "."].contains(part)).collect();
        if let Some(first) = seen.insert(parts.join("/"), number) {
            return Err(refuse(format!(
                "expected each file once, found {name:?} in line {first}, too"
            )));
        }
        let location = home.join(&name);
        let bytes = fs::metadata(&location).map_or(0, |metadata| metadata.len());
        files.push(InputFile { path: name, location, spacing, problem: None, bytes });
    }
    Ok(files)
}

/// Whether a path has no part that leads up: masks get their files below the run's folder by these paths.
pub(crate) fn is_plain(path: &str) -> bool {
    let part = |part| matches!(part, Component::Normal(_) | Component::RootDir | Component::CurDir);
    Path::new(path).components().all(part) && !path.contains('\0')
}

/// A text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String, BatchError> {
    let bytes = read_bytes(path)?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| BatchError::file(path, "expected text in UTF-8, found other bytes"))
}

/// A file of bounded size.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, BatchError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|source| BatchError::read(path, source))?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        let reason = format!("expected at most {MAX_TEXT_BYTES} bytes, found more");
        return Err(BatchError::file(path, reason));
    }
    Ok(bytes)
}

/// The lines that are not empty, with their numbers from 1. A mark that some editors write in front is no part of the
/// first.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = (1..).zip(text.lines());
    lines.map(|(number, line)| (number, line.trim())).filter(|(_, line)| !line.is_empty())
}

/// A line for a message.
pub(crate) fn short(line: &str) -> String {
    const MOST: usize = 60;
    let start: String = line.chars().take(MOST).collect();
    if start.len() < line.len() { format!("{start:?}...") } else { format!("{start:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(input: &Input) -> Vec<&str> {
        input.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn a_tree_is_in_the_order_of_its_paths() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        for name in ["b/ü.png", "b/a.png", "a.png", ".git/x.png", "b/.DS_Store", "p.csv"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let prompts = root.join("p.csv");
        let input = Input::find(&root, &[&prompts]).unwrap();
        assert_eq!(paths(&input), ["a.png", "b/a.png", "b/ü.png"]);
        let before = input.record.sha256;
        fs::write(root.join("a.png"), "longer than before").unwrap();
        assert_ne!(Input::find(&root, &[&prompts]).unwrap().record.sha256, before);
        assert_eq!(Input::find(&root, &[]).unwrap().record.files, 4);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_are_named() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/a.png"), "a").unwrap();
        symlink(&root, root.join("sub/up")).unwrap();
        symlink("self", root.join("self")).unwrap();
        symlink("sub/a.png", root.join("link.png")).unwrap();
        let input = Input::find(&root, &[]).unwrap();
        assert_eq!(paths(&input), ["link.png", "self", "sub/a.png", "sub/up"]);
        let problems: Vec<_> = input.files.iter().map(|file| file.problem.is_some()).collect();
        assert_eq!(problems, [false, true, false, true]);
        assert!(input.files[3].problem.as_ref().unwrap().contains("a link to a folder"));
    }

    #[test]
    fn a_list_keeps_its_order_and_says_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.jsonl");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            Input::find(&path, &[])
        };
        let input = read("\u{feff}\"b.png\"\n\n{\"path\": \"a.png\", \"pixel_spacing_mm\": 0.2}\n")
            .unwrap();
        assert_eq!(paths(&input), ["b.png", "a.png"]);
        assert_eq!(input.files[0].location, folder.path().join("b.png"));
        assert_eq!(input.files[1].spacing.unwrap().x_mm(), 0.2);
        for (text, words) in [
            ("\"a\"\n\"a\"\n", "line 2: expected each file once, found \"a\" in line 1"),
            ("\"../a\"\n", "line 1: path: expected the path of a file without `..`"),
            ("{\"pfad\": \"a\"}\n", "line 1: expected {\"path\""),
            ("{\"path\": \"a\", \"pixel_spacing_mm\": 0}\n", "0.001 to 10 millimetres"),
            ("\n", "expected files to segment, found none"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
