//! What a report says, before it is Markdown or HTML.

use crate::{Plot, ReportError, Table, Text};

/// A report: its title, and what follows in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    title: Text,
    blocks: Vec<Block>,
}

/// One piece of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A section's title.
    Section(Text),
    /// The title of a part of a section.
    Subsection(Text),
    /// A paragraph.
    Paragraph(Text),
    /// A table.
    Table(Table),
    /// A list.
    List(Vec<Text>),
    /// A plot. Markdown cannot hold a drawing and leaves it out.
    Plot(Plot),
    /// Pictures that lie in files beside the report.
    Gallery(Gallery),
    /// Lines of a file or of a command, in a language such as `toml`.
    Code {
        /// The language; empty for none.
        language: &'static str,
        /// The lines.
        lines: String,
    },
    /// What only some readers need: folded in HTML, in full in Markdown.
    Details {
        /// What is inside.
        summary: Text,
        /// The inside.
        blocks: Vec<Block>,
    },
}

/// Pictures side by side, and what their colours mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Gallery {
    /// What the colours mean.
    pub legend: Vec<LegendColor>,
    /// The pictures.
    pub pictures: Vec<Picture>,
    /// What Markdown shows in place of the pictures.
    pub in_words: Option<Table>,
}

/// A colour of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegendColor {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// What it stands for.
    pub name: &'static str,
}

/// A picture in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Where it lies, from the report's folder.
    pub path: String,
    /// What it shows.
    pub caption: String,
}

impl Document {
    /// A report without contents.
    #[must_use]
    pub fn new(title: impl Into<Text>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &Text {
        &self.title
    }

    /// The contents.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Adds a section's title.
    pub fn section(&mut self, title: impl Into<Text>) {
        self.blocks.push(Block::Section(title.into()));
    }

    /// Adds the title of a part of a section.
    pub fn subsection(&mut self, title: impl Into<Text>) {
        self.blocks.push(Block::Subsection(title.into()));
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: impl Into<Text>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds a list, unless it is empty.
    pub fn list<T: Into<Text>>(&mut self, items: impl IntoIterator<Item = T>) {
        let items: Vec<Text> = items.into_iter().map(Into::into).collect();
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }

    /// Adds a table, unless it is empty.
    pub fn table(&mut self, table: Table) {
        if !table.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }

    /// Adds a plot.
    pub fn plot(&mut self, plot: impl Into<Plot>) {
        self.blocks.push(Block::Plot(plot.into()));
    }

    /// Adds pictures, unless there are none.
    pub fn gallery(&mut self, gallery: Gallery) {
        if !gallery.pictures.is_empty() {
            self.blocks.push(Block::Gallery(gallery));
        }
    }

    /// Adds lines of a file or of a command.
    pub fn code(&mut self, language: &'static str, lines: impl Into<String>) {
        self.blocks.push(Block::Code { language, lines: lines.into() });
    }

    /// Adds what only some readers need, as another document holds it.
    pub fn details(&mut self, inside: Self) {
        self.blocks.push(Block::Details { summary: inside.title, blocks: inside.blocks });
    }

    /// Adds everything that another document holds, without its title.
    pub fn append(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
    }

    /// The report as Markdown, for files and for a terminal.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        crate::markdown::render(self)
    }

    /// The report as one HTML page that needs no network.
    ///
    /// # Errors
    /// [`ReportError::Plot`] if a plot cannot be drawn.
    pub fn to_html(&self) -> Result<String, ReportError> {
        crate::html::render(self)
    }
}
