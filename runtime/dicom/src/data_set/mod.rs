//! Data sets in memory: elements by tag, values as the bytes of the file.

mod encode;
mod read;
mod values;

pub(crate) use read::{Parsed, PixelData, parse};

use crate::tag::Tag;
use crate::vr::Vr;
use std::collections::BTreeMap;

/// The value of a data element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// As it stands in a little-endian file, with its padding.
    Bytes(Vec<u8>),
    /// The items of a sequence.
    Items(Vec<DataSet>),
}

/// A data element without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) vr: Vr,
    pub(crate) value: Value,
}

/// Data elements in ascending order of their tags, as files have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataSet {
    elements: BTreeMap<Tag, Element>,
}

impl DataSet {
    pub(crate) fn insert(&mut self, tag: Tag, vr: Vr, value: Value) {
        self.elements.insert(tag, Element { vr, value });
    }

    pub(crate) fn get(&self, tag: Tag) -> Option<&Element> {
        self.elements.get(&tag)
    }

    pub(crate) fn contains(&self, tag: Tag) -> bool {
        self.elements.contains_key(&tag)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Tag, &Element)> {
        self.elements.iter().map(|(tag, element)| (*tag, element))
    }

    /// Copies an element from `other` if it is there.
    pub(crate) fn copy(&mut self, other: &Self, tag: Tag) {
        if let Some(element) = other.get(tag) {
            self.elements.insert(tag, element.clone());
        }
    }

    /// Adds all elements of `other`.
    pub(crate) fn extend(&mut self, other: Self) {
        self.elements.extend(other.elements);
    }
}
