//! The whole way: from a raw folder to a data folder, or to nothing.

use crate::case::{FoundCases, RawCase};
use crate::duplicates::{BITS, Pair, PictureHash, pairs};
use crate::raw::RawFolder;
use crate::report::readme;
use crate::split::{Shares, part_of, tied};
use crate::truth::draw;
use crate::write::{Entries, Entry, SetFolders, png};
use crate::{
    Duplicates, NearPair, Part, PrepareError, PrepareReport, SetReport, Source, SplitReport,
    SplitSource,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_core::{Mask, PixelSpacing};
use uniultra_dataset::Problem;
use uniultra_report::{create_folder, json_text};
use uniultra_sink::StagedFolder;

/// What to prepare, and how.
#[derive(Clone, Debug)]
pub struct PrepareConfig {
    /// The data set.
    pub source: &'static Source,
    /// Its raw folder, as downloaded and unpacked.
    pub raw: PathBuf,
    /// The data folder to make.
    pub out: PathBuf,
    /// Share of the groups for validation, where there is no published split.
    pub val_share: f64,
    /// Share of the groups for testing, where there is no published split.
    pub test_share: f64,
    /// Whether to split by groups although there is a published split.
    pub resplit: bool,
    /// Whether images that look alike stay in one part. A published split is never changed.
    pub group_duplicates: bool,
    /// Most bits of 256 in which the hashes of two images differ that look alike.
    pub duplicate_distance_bits: u32,
    /// Whether to go on where images have no usable mask.
    pub allow_missing: bool,
    /// Worker threads.
    pub threads: usize,
}

/// What is kept of an image that was written.
struct Kept {
    hash: PictureHash,
    spacing: Option<PixelSpacing>,
    /// Whether each set's mask has an object.
    has_object: Vec<bool>,
}

/// Makes the data folder. `begin` gets the number of images, `progress` is called once an image, from
/// any thread.
///
/// ```
/// use image::GrayImage;
/// use uniultra_prepare::{PrepareConfig, prepare, source};
///
/// let scratch = tempfile::tempdir()?;
/// let raw = scratch.path().join("UDIAT");
/// for (folder, value) in [("original", 90), ("GT", 255)] {
///     std::fs::create_dir_all(raw.join(folder))?;
///     let image = GrayImage::from_fn(40, 30, |x, _| [if x < 9 { value } else { 0 }].into());
///     image.save(raw.join(folder).join("000001.png"))?;
/// }
/// let config = PrepareConfig {
///     source: source("udiat").ok_or("unknown")?,
///     raw,
///     out: scratch.path().join("data"),
///     val_share: 0.1,
///     test_share: 0.2,
///     resplit: false,
///     group_duplicates: false,
///     duplicate_distance_bits: 16,
///     allow_missing: false,
///     threads: 1,
/// };
/// let report = prepare(&config, |_| {}, &|| {})?;
/// assert_eq!(report.sets[0].name, "udiat");
/// assert!(scratch.path().join("data/udiat/mask/udiat_000001.png").is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PrepareError`]; `out` is then not there, or as it was before.
pub fn prepare(
    config: &PrepareConfig,
    begin: impl FnOnce(usize),
    progress: &(dyn Fn() + Sync),
) -> Result<PrepareReport, PrepareError> {
    let shares = shares(config)?;
    refuse_existing(&config.out)?;
    let raw = RawFolder::open(&config.raw)?;
    let found = config.source.read(&raw)?;
    refuse_twice(&found.cases)?;
    if !config.allow_missing {
        refuse_missing(config.source, &found.cases)?;
    }

    let parent = config.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folder(parent)?;
    }
    let staged = StagedFolder::beside(&config.out)?;
    let folders = SetFolders(staged.path());
    folders.create(config.source)?;
    begin(found.cases.len());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build();
    let pool = pool.map_err(|error| PrepareError::Threads {
        threads: config.threads,
        reason: error.to_string(),
    })?;
    let kept = pool.install(|| {
        let keep = |case: &RawCase| {
            let kept = keep(case, config.source, &folders);
            progress();
            kept
        };
        found.cases.par_iter().map(keep).collect::<Result<Vec<_>, _>>()
    })?;

    let report = finish(config, shares, &folders, &found, kept)?;
    let text = json_text(None, &report)?;
    let path = staged.path().join("prepare.json");
    fs::write(&path, text).map_err(|error| PrepareError::write(&path, error))?;
    // Something may have been put there in the meantime.
    refuse_existing(&config.out)?;
    staged.finish()?;
    Ok(report)
}

fn shares(config: &PrepareConfig) -> Result<Shares, PrepareError> {
    let PrepareConfig { val_share: val, test_share: test, .. } = *config;
    let in_range = |share: f64| (0.0..1.0).contains(&share);
    if in_range(val) && in_range(test) && val + test < 1.0 {
        Ok(Shares { val, test })
    } else {
        Err(PrepareError::Shares { val, test })
    }
}

fn refuse_existing(out: &Path) -> Result<(), PrepareError> {
    match fs::symlink_metadata(out) {
        Ok(_) => Err(PrepareError::Exists { path: out.to_path_buf() }),
        Err(_) => Ok(()),
    }
}

fn refuse_twice(cases: &[RawCase]) -> Result<(), PrepareError> {
    let mut seen = BTreeMap::new();
    for case in cases {
        if let Some(first) = seen.insert(&case.stem, &case.image) {
            return Err(PrepareError::Twice {
                stem: case.stem.clone(),
                first: first.clone(),
                second: case.image.clone(),
            });
        }
    }
    Ok(())
}

fn refuse_missing(source: &Source, cases: &[RawCase]) -> Result<(), PrepareError> {
    let missing = cases.iter().filter_map(|case| match &case.truth {
        crate::case::Truth::Missing(what) => Some(problem(source, case, what.clone())),
        _ => None,
    });
    refuse_problems(cases.len(), missing.collect())
}

fn refuse_problems(images: usize, problems: Vec<Problem>) -> Result<(), PrepareError> {
    if problems.is_empty() { Ok(()) } else { Err(PrepareError::Unusable { images, problems }) }
}

fn problem(source: &Source, case: &RawCase, what: String) -> Problem {
    Problem { set: source.name.to_string(), stem: case.stem.clone(), what }
}

/// The set that an image belongs to with this mask; `None` if it is left out.
fn set_of(source: &'static Source, at: usize, has_object: bool) -> Option<&'static str> {
    let set = source.sets.get(at)?;
    if has_object { Some(set.name) } else { set.empty }
}

/// Writes an image into the sets that it belongs to. The inner error says why it cannot be used.
fn keep(
    case: &RawCase,
    source: &'static Source,
    folders: &SetFolders<'_>,
) -> Result<Result<Kept, String>, PrepareError> {
    let drawn = match draw(case, source.sets)? {
        Ok(drawn) => drawn,
        Err(what) => return Ok(Err(what)),
    };
    let refuse = |error: std::io::Error| PrepareError::write(&case.image, error);
    let image = png(&drawn.frame).map_err(refuse)?;
    let has_object = |mask: &Mask| mask.area_px() > 0;
    for (at, mask) in drawn.masks.iter().enumerate() {
        if let Some(set) = set_of(source, at, has_object(mask)) {
            folders.pair(set, &case.stem, &image, mask)?;
        }
    }
    Ok(Ok(Kept {
        hash: PictureHash::new(&drawn.frame),
        spacing: drawn.spacing,
        has_object: drawn.masks.iter().map(has_object).collect(),
    }))
}

/// Splits, writes the tables of every set, and reports.
fn finish(
    config: &PrepareConfig,
    shares: Shares,
    folders: &SetFolders<'_>,
    found: &FoundCases,
    kept: Vec<Result<Kept, String>>,
) -> Result<PrepareReport, PrepareError> {
    let source = config.source;
    let (mut problems, mut images) = (Vec::new(), Vec::new());
    for (case, kept) in found.cases.iter().zip(kept) {
        match kept {
            Ok(kept) => images.push((case, kept)),
            Err(what) => problems.push(problem(source, case, what)),
        }
    }
    if images.is_empty() {
        return Err(PrepareError::Nothing { path: config.raw.clone(), problems });
    }
    if !config.allow_missing {
        refuse_problems(found.cases.len(), std::mem::take(&mut problems))?;
    }
    let hashes: Vec<PictureHash> = images.iter().map(|(_, kept)| kept.hash).collect();
    let pairs = pairs(&hashes, config.duplicate_distance_bits);
    let is_published = !config.resplit && images.iter().all(|(case, _)| case.part.is_some());
    let duplicates_grouped = config.group_duplicates && !is_published;
    let own: Vec<&str> = images.iter().map(|(case, _)| case.group.as_str()).collect();
    let groups = tied(&own, if duplicates_grouped { &pairs } else { &[] });
    let parts: Vec<Part> = images
        .iter()
        .zip(&groups)
        .map(|((case, _), group)| match case.part {
            Some(part) if is_published => part,
            _ => part_of(source.name, group, shares),
        })
        .collect();
    let split = SplitReport {
        source: if is_published { SplitSource::Published } else { SplitSource::Hash },
        grouped_by: source.grouped_by.to_string(),
        duplicates_grouped,
        val_share: (!is_published).then_some(shares.val),
        test_share: (!is_published).then_some(shares.test),
    };

    let (mut entries, mut without) = (Entries::new(), BTreeMap::<&str, usize>::new());
    for (((case, kept), group), &part) in images.iter().zip(&groups).zip(&parts) {
        for (at, &has_object) in kept.has_object.iter().enumerate() {
            let Some(set) = set_of(source, at, has_object) else {
                let name = source.sets.get(at).map_or("", |set| set.name);
                *without.entry(name).or_default() += 1;
                continue;
            };
            entries.entry(set).or_default().push(Entry {
                stem: case.stem.clone(),
                group: group.clone(),
                part,
                spacing: kept.spacing,
                head_circumference_mm: case.head_circumference_mm,
            });
        }
    }
    let mut sets = Vec::new();
    for set in source.sets {
        for (name, object) in [(Some(set.name), Some(set.object)), (set.empty, None)] {
            let Some(name) = name else { continue };
            let Some(entries) = entries.get(name) else {
                folders.remove(name)?;
                continue;
            };
            let left_out = without.get(name).copied().unwrap_or_default();
            let report = set_report(name, object, entries, left_out);
            folders.tables(name, entries)?;
            let text = readme(source, &report, &split).to_markdown();
            folders.text(name, "README.md", Ok(text))?;
            sets.push(report);
        }
    }
    if sets.iter().all(|set| set.object.is_none()) {
        return Err(PrepareError::Nothing { path: config.raw.clone(), problems });
    }
    Ok(PrepareReport {
        data_set: source.name.to_string(),
        title: source.title.to_string(),
        licence: source.licence.to_string(),
        citation: source.citation.to_string(),
        url: source.url.to_string(),
        raw: config.raw.display().to_string(),
        images: found.cases.len(),
        unlabelled: found.unlabelled,
        split,
        sets,
        problems,
        near_duplicates: duplicates(config, &images, &parts, &pairs),
    })
}

fn set_report(name: &str, object: Option<&str>, entries: &[Entry], without: usize) -> SetReport {
    let of = |part: Part| entries.iter().filter(|entry| entry.part == part).count();
    let groups: BTreeSet<&str> = entries.iter().map(|entry| entry.group.as_str()).collect();
    SetReport {
        name: name.to_string(),
        object: object.map(ToString::to_string),
        train: of(Part::Train),
        val: of(Part::Val),
        test: of(Part::Test),
        groups: groups.len(),
        with_pixel_size: entries.iter().filter(|entry| entry.spacing.is_some()).count(),
        without_object: without,
    }
}

fn duplicates(
    config: &PrepareConfig,
    images: &[(&RawCase, Kept)],
    parts: &[Part],
    pairs: &[Pair],
) -> Duplicates {
    let alike: BTreeSet<usize> = pairs.iter().flat_map(|pair| [pair.first, pair.second]).collect();
    let crossing = pairs.iter().filter_map(|pair| {
        let named = |at: usize| Some((images.get(at)?.0.stem.clone(), *parts.get(at)?));
        let ((first, part), (second, other)) = (named(pair.first)?, named(pair.second)?);
        let distance_bits = pair.distance;
        (part != other).then_some(NearPair { first, second, parts: [part, other], distance_bits })
    });
    Duplicates {
        hash_bits: BITS,
        distance_bits: config.duplicate_distance_bits,
        images: alike.len(),
        pairs: pairs.len(),
        crossing: crossing.collect(),
    }
}
