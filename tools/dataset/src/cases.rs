//! The data folder: which images of which sets are used.

use crate::split::stems_of;
use crate::{FolderError, Problem, Shard, SplitPart};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The names of the folders of images and masks: this project's, and those of the published layout.
const LAYOUTS: [[&str; 2]; 2] = [["image", "mask"], ["image_1024", "mask_1024"]];

/// Extensions of images; the first found of a stem is taken.
const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The images to take from a data folder.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// The folder of the sets' folders.
    pub data: &'a Path,
    /// Names of sets; all sets of the folder if empty.
    pub sets: &'a [String],
    /// The part of each set. A set without a list of splits is used whole.
    pub split: SplitPart,
    /// At most that many images of each set, evenly spaced among them.
    pub limit: Option<usize>,
    /// The share of all these images.
    pub shard: Shard,
}

/// One image with its mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Name of the set.
    pub set: String,
    /// File name of image and mask without extension.
    pub stem: String,
    /// The image.
    pub image: PathBuf,
    /// The mask.
    pub mask: PathBuf,
    /// Side of a pixel, where the set's `pixel_size.csv` says so.
    pub pixel_size_mm: Option<f32>,
    /// Published head circumference, where the same file has one.
    pub head_circumference_mm: Option<f32>,
}

/// Images by set and stem, and what could not be used.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Images of this shard.
    pub cases: Vec<Case>,
    /// Names of all sets, with or without images in this shard.
    pub sets: Vec<String>,
    /// Problems of the data folder, the same for every shard.
    pub problems: Vec<Problem>,
}

/// Lists the images that a query asks for.
///
/// # Errors
/// [`FolderError`] if the folder cannot be read, holds no set, lacks one that was asked for, or a
/// list of splits is damaged.
pub fn find_cases(query: &Query<'_>) -> Result<Found, FolderError> {
    let mut found = Found::default();
    let mut all = Vec::new();
    for set in sets(query)? {
        let folder = query.data.join(&set);
        let mut cases = cases_of(&folder, &set, query.split, query.limit, &mut found.problems)?;
        all.append(&mut cases);
        found.sets.push(set);
    }
    let mine = all.into_iter().enumerate().filter(|(place, _)| query.shard.holds(*place));
    found.cases = mine.map(|(_, case)| case).collect();
    Ok(found)
}

fn sets(query: &Query<'_>) -> Result<Vec<String>, FolderError> {
    let path = query.data.to_path_buf();
    if query.sets.is_empty() {
        let entries = names(query.data)?;
        let sets: Vec<_> =
            entries.into_iter().filter(|set| layout(&query.data.join(set)).is_some()).collect();
        return if sets.is_empty() { Err(FolderError::NoSets { path }) } else { Ok(sets) };
    }
    let mut sets = query.sets.to_vec();
    sets.sort_unstable();
    sets.dedup();
    let lacks = |set: &&String| !is_plain(set) || layout(&query.data.join(set)).is_none();
    match sets.iter().find(lacks) {
        Some(set) => Err(FolderError::NoSet { path, set: set.clone() }),
        None => Ok(sets),
    }
}

/// Folders of images and masks of a set.
fn layout(set: &Path) -> Option<[PathBuf; 2]> {
    LAYOUTS.iter().map(|names| names.map(|name| set.join(name))).find(|[image, _]| image.is_dir())
}

/// Whether a name is one plain path component, so that nothing outside its folder is read or
/// written.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

/// Names in a folder, sorted. Skips names that are hidden or not UTF-8.
fn names(folder: &Path) -> Result<Vec<String>, FolderError> {
    let read = |source| FolderError::Read { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        names.extend(entry.map_err(read)?.file_name().into_string());
    }
    names.retain(|name| is_plain(name));
    names.sort_unstable();
    Ok(names)
}

/// Lists the images of one set.
///
/// # Errors
/// [`FolderError`] if the folder cannot be read or its list of splits is damaged.
pub(crate) fn cases_of(
    folder: &Path,
    set: &str,
    split: SplitPart,
    limit: Option<usize>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Case>, FolderError> {
    let mut problem = |stem: &str, what: String| {
        problems.push(Problem { set: set.to_string(), stem: stem.to_string(), what });
    };
    let Some([images, masks]) = layout(folder) else {
        let (path, set) = (folder.to_path_buf(), set.to_string());
        return Err(FolderError::NoSet { path, set });
    };
    let images = images_by_stem(&images)?;
    let listed = match split {
        SplitPart::All => None,
        part => stems_of(&folder.join("data_split.json"), part)?,
    };
    let stems = listed.unwrap_or_else(|| images.keys().cloned().collect());
    let scales = scales(&folder.join("pixel_size.csv"), &mut problem)?;
    let mut cases = Vec::new();
    for stem in stems {
        let Some(image) = images.get(&stem) else {
            problem(&stem, "image: expected a PNG or JPEG file, found none".to_string());
            continue;
        };
        let scale = scales.get(&stem).copied().unwrap_or_default();
        cases.push(Case {
            set: set.to_string(),
            image: image.clone(),
            mask: masks.join(format!("{stem}.png")),
            stem,
            pixel_size_mm: scale.pixel_size_mm,
            head_circumference_mm: scale.head_circumference_mm,
        });
    }
    if cases.is_empty() {
        problem("", format!("expected images of `{split}`, found none"));
    }
    if let Some(limit) = limit.filter(|&limit| limit < cases.len()) {
        let count = cases.len();
        cases = (0..limit).map(|i| cases[i * count / limit].clone()).collect();
    }
    Ok(cases)
}

fn images_by_stem(folder: &Path) -> Result<BTreeMap<String, PathBuf>, FolderError> {
    let names = names(folder)?;
    let mut images = BTreeMap::new();
    for extension in EXTENSIONS {
        for name in &names {
            let Some((stem, found)) = name.rsplit_once('.') else { continue };
            if found.eq_ignore_ascii_case(extension) {
                images.entry(stem.to_string()).or_insert_with(|| folder.join(name));
            }
        }
    }
    Ok(images)
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Scale {
    pixel_size_mm: Option<f32>,
    head_circumference_mm: Option<f32>,
}

/// Reads `pixel_size.csv`: columns `stem`, `pixel_size_mm` and, if there, `head_circumference_mm`.
fn scales(
    path: &Path,
    problem: &mut dyn FnMut(&str, String),
) -> Result<BTreeMap<String, Scale>, FolderError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(FolderError::Read { path: path.to_path_buf(), source }),
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let column = |name: &str| header.iter().position(|found| *found == name);
    let (Some(stem), Some(size)) = (column("stem"), column("pixel_size_mm")) else {
        problem("", "pixel_size.csv: expected columns stem and pixel_size_mm".to_string());
        return Ok(BTreeMap::new());
    };
    let circumference = column("head_circumference_mm");
    let mut scales = BTreeMap::new();
    for (number, line) in (2..).zip(lines).filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let positive = |column: usize| {
            let value: f32 = cells.get(column)?.parse().ok()?;
            (value.is_finite() && value > 0.0).then_some(value)
        };
        let name = cells.get(stem).copied().unwrap_or_default();
        let scale = Scale {
            pixel_size_mm: positive(size),
            head_circumference_mm: circumference.and_then(positive),
        };
        if scale.pixel_size_mm.is_none() {
            let what = format!("pixel_size.csv line {number}: expected a positive pixel size");
            problem(name, what);
        }
        scales.insert(name.to_string(), scale);
    }
    Ok(scales)
}

#[cfg(test)]
#[path = "cases_tests.rs"]
mod tests;
