//! The report: what was written, what was not, and which images look alike.

use crate::{Part, Source};
use schemars::JsonSchema;
use serde::Serialize;
use uniultra_dataset::Problem;
use uniultra_report::{Document, Table, Text};
use uniultra_schema::Report;

/// What `prepare` did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PrepareReport {
    /// Name of the data set on the command line.
    pub data_set: String,
    /// Its full name.
    pub title: String,
    /// Its licence, as far as its publisher states one.
    pub licence: String,
    /// What to cite.
    pub citation: String,
    /// Where it comes from.
    pub url: String,
    /// The raw folder, as given.
    pub raw: String,
    /// Images of the raw folder that should have a mask.
    pub images: usize,
    /// Images that the data set publishes without masks, which were left out.
    pub unlabelled: usize,
    /// How the parts were made.
    pub split: SplitReport,
    /// Each set that was written.
    pub sets: Vec<SetReport>,
    /// Images that were left out because they have no usable mask.
    pub problems: Vec<Problem>,
    /// Images that look alike.
    pub near_duplicates: Duplicates,
}

/// How parts were made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SplitReport {
    /// Where they come from.
    pub source: SplitSource,
    /// What stays in one part.
    pub grouped_by: String,
    /// Whether near-duplicates were kept in one part.
    pub duplicates_grouped: bool,
    /// Share of the groups for validation; `null` for a published split.
    pub val_share: Option<f64>,
    /// Share of the groups for testing; `null` for a published split.
    pub test_share: Option<f64>,
}

/// Where a split comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitSource {
    /// The data set's own.
    Published,
    /// A hash of the groups' names.
    Hash,
}

/// A set that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SetReport {
    /// Its name.
    pub name: String,
    /// What its masks show; empty masks if `null`.
    pub object: Option<String>,
    /// Images to train on.
    pub train: usize,
    /// Images for validation.
    pub val: usize,
    /// Images for testing.
    pub test: usize,
    /// Groups of images that stay in one part.
    pub groups: usize,
    /// Images with a known pixel size.
    pub with_pixel_size: usize,
    /// Images that were left out because they do not have the object.
    pub without_object: usize,
}

/// Images that look alike to a perceptual hash.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Duplicates {
    /// Bits of the hash.
    pub hash_bits: u32,
    /// Most bits in which two images differ that count as alike.
    pub distance_bits: u32,
    /// Images with at least one that looks alike.
    pub images: usize,
    /// Pairs of images that look alike.
    pub pairs: usize,
    /// The pairs whose images are in different parts.
    pub crossing: Vec<NearPair>,
}

/// Two images that look alike and are in different parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NearPair {
    /// The stem of the first.
    pub first: String,
    /// The stem of the second.
    pub second: String,
    /// The parts that they are in.
    pub parts: [Part; 2],
    /// Bits in which their hashes differ.
    pub distance_bits: u32,
}

impl Report for PrepareReport {
    const SCHEMA: &'static str = "uniultra-prepare";
    const SCHEMA_VERSION: u32 = 1;
}

impl SplitReport {
    /// A sentence about it.
    pub(crate) fn sentence(&self) -> String {
        let (val, test) = (self.val_share.unwrap_or_default(), self.test_share.unwrap_or_default());
        match self.source {
            SplitSource::Published => "The split is the published one.".to_string(),
            SplitSource::Hash => format!(
                "A hash of the group's name decides the part of an image: {} % of the groups are for \
                 testing, {} % for validation. Grouped by: {}.{}",
                percent(test),
                percent(val),
                self.grouped_by,
                if self.duplicates_grouped { " Images that look alike are one group." } else { "" }
            ),
        }
    }
}

fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}

/// Pairs and problems that the page names; the JSON has all.
const NAMED: usize = 20;

/// The report for people.
#[must_use]
pub fn report_document(report: &PrepareReport) -> Document {
    let mut document = Document::new(format!("{}: prepared", report.title));
    document.table(table(&report.sets));
    document.paragraph(report.split.sentence());
    if !report.problems.is_empty() {
        document.paragraph(format!("Left out, without a usable mask: {}.", report.problems.len()));
        let shown = report.problems.iter().take(NAMED);
        document.list(shown.map(|problem| format!("{}: {}", problem.stem, problem.what)));
        more(&mut document, report.problems.len());
    }
    let Duplicates { images, pairs, crossing, .. } = &report.near_duplicates;
    document.paragraph(format!(
        "Look alike: {images} images in {pairs} pairs, of which {} cross parts of the split.",
        crossing.len()
    ));
    let shown = crossing.iter().take(NAMED);
    document.list(shown.map(|pair| {
        let [first, second] = pair.parts.map(Part::name);
        let bits = pair.distance_bits;
        format!("{} ({first}) and {} ({second}): {bits} bits", pair.first, pair.second)
    }));
    more(&mut document, crossing.len());
    document
}

/// Says how many are not named.
fn more(document: &mut Document, count: usize) {
    if let Some(more) = count.checked_sub(NAMED).filter(|more| *more > 0) {
        document.paragraph(format!("{more} more are in prepare.json."));
    }
}

/// A table of sets.
pub(crate) fn table(sets: &[SetReport]) -> Table {
    let heads = ["set", "object", "train", "val", "test", "groups", "with pixel size", "left out"];
    let mut table = Table::new(2, heads);
    for set in sets {
        let object = set.object.as_deref().unwrap_or("none, empty masks");
        let mut row = vec![Text::of_code(&set.name), object.into()];
        let counts =
            [set.train, set.val, set.test, set.groups, set.with_pixel_size, set.without_object];
        row.extend(counts.map(|count| Text::from(count.to_string())));
        table.row(row);
    }
    table
}

/// `README.md` of a set.
pub(crate) fn readme(source: &Source, set: &SetReport, split: &SplitReport) -> Document {
    let mut document =
        Document::new(Text::new().code(&set.name).plain(format!(": {}", source.title)));
    document.table(table(std::slice::from_ref(set)));
    document.section("Source");
    document.list([
        format!("Where it comes from: {}", source.url),
        format!("Licence, as far as the publisher states one: {}", source.licence),
        format!("Cite: {}", source.citation),
    ]);
    document.section("What was done");
    document.list([
        "Images keep their size and pixel values. They are stored as PNG without metadata; images \
         whose channels are equal have one. Masks are 0 and 255."
            .to_string(),
        source.masks.to_string(),
        split.sentence(),
    ]);
    document.paragraph(format!(
        "Written by uniultra-tools {}. prepare.json beside this folder says what was left out and which \
         images look alike.",
        env!("CARGO_PKG_VERSION")
    ));
    document
}
