//! The data sets that are known, one row each.

use crate::case::FoundCases;
use crate::raw::RawFolder;
use crate::{LayoutError, PrepareError, sets};
use uniultra_report::{Document, Table, Text};

/// A published data set.
#[derive(Debug)]
pub struct Source {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its full name.
    pub title: &'static str,
    /// What the images show.
    pub organ: &'static str,
    /// How many images it has, as published.
    pub images: &'static str,
    /// Its licence, as far as its publisher states one.
    pub licence: &'static str,
    /// What to cite.
    pub citation: &'static str,
    /// Where to get it.
    pub url: &'static str,
    /// Its layout in a few words.
    pub layout: &'static str,
    /// How its masks are made.
    pub masks: &'static str,
    /// What stays in one part of a split: `patient`, `case`, `image`.
    pub grouped_by: &'static str,
    /// The sets that are written: one for each kind of object.
    pub sets: &'static [SetSpec],
    /// Folders and files that it must have; one of the lists is enough.
    pub(crate) needs: &'static [&'static [&'static str]],
    pub(crate) find: fn(&RawFolder) -> Result<FoundCases, PrepareError>,
}

/// A set that is written: one kind of object.
#[derive(Debug)]
pub struct SetSpec {
    /// Name of its folder.
    pub name: &'static str,
    /// What its masks show.
    pub object: &'static str,
    /// Labels of the object in masks with several; empty if the masks are black and white.
    pub labels: &'static [u8],
    /// The set for images without the object. Without one they are left out.
    pub empty: Option<&'static str>,
}

impl SetSpec {
    /// A set of black and white masks. Images without the object are left out.
    pub(crate) const fn binary(name: &'static str, object: &'static str) -> Self {
        Self { name, object, labels: &[], empty: None }
    }

    /// A set of the objects with these labels.
    pub(crate) const fn labelled(
        name: &'static str,
        object: &'static str,
        labels: &'static [u8],
    ) -> Self {
        Self { name, object, labels, empty: None }
    }
}

/// Every data set, in the order of `--list`.
#[must_use]
pub fn sources() -> &'static [&'static Source] {
    &[
        &sets::busi::SOURCE,
        &sets::ddti::SOURCE,
        &sets::tn3k::SOURCE,
        &sets::udiat::SOURCE,
        &sets::fugc::SOURCE,
        &sets::jnu_ifm::JNU_IFM,
        &sets::jnu_ifm::PSFHS,
        &sets::hc18::SOURCE,
        &sets::camus::SOURCE,
        &sets::bus_bra::SOURCE,
        &sets::mmotu::SOURCE,
        &sets::uns::SOURCE,
    ]
}

/// The data set of a name.
///
/// ```
/// use uniultra_prepare::source;
///
/// assert_eq!(source("camus").map(|source| source.sets.len()), Some(3));
/// assert!(source("imagenet").is_none());
/// ```
#[must_use]
pub fn source(name: &str) -> Option<&'static Source> {
    sources().iter().find(|source| source.name == name).copied()
}

impl Source {
    /// Reads the layout of a raw folder.
    ///
    /// # Errors
    /// [`PrepareError::Layout`] if it is not this data set or a part is not there; other errors if a
    /// table cannot be used.
    pub(crate) fn read(&'static self, raw: &RawFolder) -> Result<FoundCases, PrepareError> {
        let lacks = self.lacks(raw);
        let refuse = |lacks| {
            let is_like =
                |other: &&&'static Source| other.name != self.name && other.recognises(raw);
            PrepareError::Layout(Box::new(LayoutError {
                name: self.name,
                path: raw.root().to_path_buf(),
                expected: self.layout,
                found: raw.summary(),
                lacks,
                looks_like: sources().iter().filter(is_like).map(|other| other.name).collect(),
            }))
        };
        if !lacks.is_empty() {
            return Err(refuse(lacks));
        }
        let found = (self.find)(raw)?;
        if found.cases.is_empty() { Err(refuse(lacks)) } else { Ok(found) }
    }

    fn recognises(&self, raw: &RawFolder) -> bool {
        self.lacks(raw).is_empty() && (self.find)(raw).is_ok_and(|found| !found.cases.is_empty())
    }

    /// What is not there of the layout that is nearest.
    fn lacks(&self, raw: &RawFolder) -> Vec<&'static str> {
        let of = |needs: &&[&'static str]| -> Vec<&'static str> {
            needs.iter().copied().filter(|name| !raw.has(name)).collect()
        };
        self.needs.iter().map(of).min_by_key(Vec::len).unwrap_or_default()
    }
}

/// The table of `--list`.
#[must_use]
pub fn catalogue_document() -> Document {
    let title = Text::from("Data sets that ").code("prepare").plain(" knows");
    let mut document = Document::new(title);
    let heads = ["name", "organ", "images", "sets", "licence", "where to get it"];
    let mut table = Table::new(heads.len(), heads);
    for source in sources() {
        let both = |set: &SetSpec| [Some(set.name), set.empty].into_iter().flatten();
        let sets: Vec<_> = source.sets.iter().flat_map(both).collect();
        table.row([
            Text::of_code(source.name),
            source.organ.into(),
            source.images.into(),
            sets.join(", ").into(),
            source.licence.into(),
            source.url.into(),
        ]);
    }
    document.table(table);
    document.paragraph(
        "Licences are what the publishers state. Read them at their origin before you share images, masks or \
         weights trained on them.",
    );
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_plain() {
        let names: BTreeSet<_> = sources().iter().map(|source| source.name).collect();
        assert_eq!(names.len(), sources().len());
        let sets: Vec<_> = sources()
            .iter()
            .flat_map(|source| source.sets)
            .flat_map(|set| [Some(set.name), set.empty])
            .flatten()
            .collect();
        assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), sets.len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        for name in names.iter().chain(&sets) {
            assert!(name.chars().all(plain), "{name}");
        }
    }

    #[test]
    fn every_row_is_filled_in() {
        for source in sources() {
            for text in [
                source.title,
                source.organ,
                source.images,
                source.licence,
                source.citation,
                source.url,
                source.layout,
                source.masks,
                source.grouped_by,
            ] {
                assert!(!text.is_empty(), "{}", source.name);
            }
            assert!(!source.sets.is_empty() && !source.needs.is_empty());
        }
        let list = catalogue_document().to_markdown();
        assert!(list.contains("| `bus-bra` |") && list.contains("camus_lv, camus_myo, camus_la"));
    }
}
