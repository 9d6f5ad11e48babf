//! What both pages say, before it is Markdown or HTML.

use crate::Picture;

/// One piece of a report, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block<'a> {
    /// A section's title.
    Heading(&'static str),
    /// A paragraph.
    Text(String),
    /// A table.
    Table(Table),
    /// A list.
    List(Vec<String>),
    /// Pictures and what their colours mean.
    Pictures(&'a [Picture]),
}

/// Rows of text under heads; the first columns are words, the others figures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) heads: Vec<&'static str>,
    /// Columns of words, which stand to the left.
    pub(super) words: usize,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(words: usize, heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), words, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}
