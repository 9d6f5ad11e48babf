//! Tables: words stand to the left, figures to the right.

use crate::Text;

/// Rows of text under heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    heads: Vec<String>,
    words: Vec<bool>,
    rows: Vec<Vec<Text>>,
}

impl Table {
    /// A table without rows. The first `words` columns hold words, the others figures.
    #[must_use]
    pub fn new<H: Into<String>>(words: usize, heads: impl IntoIterator<Item = H>) -> Self {
        let heads: Vec<String> = heads.into_iter().map(Into::into).collect();
        let words = (0..heads.len()).map(|column| column < words).collect();
        Self { heads, words, rows: Vec::new() }
    }

    /// Makes a further column, counted from 0, one of words.
    #[must_use]
    pub fn words_in(mut self, column: usize) -> Self {
        if let Some(words) = self.words.get_mut(column) {
            *words = true;
        }
        self
    }

    /// Adds a row. Missing cells are empty; cells beyond the last head are left out.
    pub fn row<C: Into<Text>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<Text> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.heads.len(), Text::new());
        self.rows.push(cells);
    }

    /// The heads.
    #[must_use]
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// The rows, each as wide as the heads.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Text>] {
        &self.rows
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a column holds words.
    pub(crate) fn has_words(&self, column: usize) -> bool {
        self.words.get(column).copied().unwrap_or(true)
    }
}
