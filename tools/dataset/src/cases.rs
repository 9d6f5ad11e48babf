//! The data folder: which images of which sets are used.

use crate::listing::{EXPECTED, Listing, is_plain, normal};
use crate::split::names_of;
use crate::{FolderError, Problem, Shard, SplitPart, scales};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_core::PixelSpacing;

/// The names of the folders of images and masks: this project's, and those of the published layout.
const LAYOUTS: [[&str; 2]; 2] = [["image", "mask"], ["image_1024", "mask_1024"]];

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
    /// File name of image and mask without extension, in Unicode's normal form NFC.
    pub stem: String,
    /// The image.
    pub image: PathBuf,
    /// The mask.
    pub mask: PathBuf,
    /// Sides of a pixel of the upright image, where the set's `pixel_size.csv` says them.
    pub pixel_spacing: Option<PixelSpacing>,
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
    let mut sets: Vec<_> = query.sets.iter().map(|set| on_disk(query.data, set)).collect();
    sets.sort_unstable();
    sets.dedup();
    let lacks = |set: &&String| !is_plain(set) || layout(&query.data.join(set)).is_none();
    match sets.iter().find(lacks) {
        Some(set) => Err(FolderError::NoSet { path, set: set.clone() }),
        None => Ok(sets),
    }
}

/// A set's name as its folder has it, where accents are in another normal form.
fn on_disk(data: &Path, set: &str) -> String {
    let is_there = is_plain(set) && data.join(set).is_dir();
    let alike = |name: &String| normal(name) == normal(set);
    let found = if is_there { None } else { names(data).ok() };
    found.and_then(|names| names.into_iter().find(alike)).unwrap_or_else(|| set.to_string())
}

/// Folders of images and masks of a set.
fn layout(set: &Path) -> Option<[PathBuf; 2]> {
    LAYOUTS.iter().map(|names| names.map(|name| set.join(name))).find(|[image, _]| image.is_dir())
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
    let Some([image_folder, mask_folder]) = layout(folder) else {
        let (path, set) = (folder.to_path_buf(), set.to_string());
        return Err(FolderError::NoSet { path, set });
    };
    let images = Listing::read(&image_folder, "image")?;
    let masks = Listing::read(&mask_folder, "mask")?;
    let listed = match split {
        SplitPart::All => None,
        part => names_of(&folder.join("data_split.json"), part)?,
    };
    let is_whole = listed.is_none();
    let mut stems: Vec<Result<String, String>> = match listed {
        Some(names) => names.iter().map(|name| images.resolve(name)).collect(),
        None => images.stems().cloned().map(Ok).collect(),
    };
    stems.sort_by(|a, b| either(a).cmp(either(b)));
    stems.dedup();
    // A list of a part is a choice: what it leaves out is left out on purpose.
    let concerns = |stem: &str| is_whole || stems.iter().any(|listed| either(listed) == stem);
    let mut named = Vec::new();
    let of_images = images.unreadable().chain(images.doubles());
    for (stem, what) in of_images.filter(|(stem, _)| concerns(stem)) {
        problem(stem, what.to_string());
        named.push(stem);
    }
    // A file beside a mask that is used is not passed over.
    let strange = masks.unreadable().filter(|(stem, _)| masks.get(stem).is_none());
    for (stem, what) in strange.chain(masks.doubles()).filter(|(stem, _)| concerns(stem)) {
        problem(stem, what.to_string());
    }
    let scales = scales::read(folder, &images, &mut problem)?;
    let mut cases = Vec::new();
    for stem in stems {
        let (Ok(stem), Some(image)) = (&stem, images.get(either(&stem))) else {
            let stem = either(&stem);
            if !named.contains(&stem.as_str()) {
                problem(stem, format!("image: {EXPECTED}, found none"));
            }
            continue;
        };
        let scale = scales.get(stem).copied().unwrap_or_default();
        let mask = masks.get(stem).cloned();
        cases.push(Case {
            set: set.to_string(),
            image: image.clone(),
            mask: mask.unwrap_or_else(|| mask_folder.join(format!("{stem}.png"))),
            stem: stem.clone(),
            pixel_spacing: scale.pixel_spacing,
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

/// A stem that was found or one that was not.
fn either(stem: &Result<String, String>) -> &String {
    match stem {
        Ok(stem) | Err(stem) => stem,
    }
}

#[cfg(test)]
#[path = "cases_tests.rs"]
mod tests;
