//! A line of text: plain words, code, and words in bold.

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Plain words.
    Plain(String),
    /// A name or a value exactly as a program knows it.
    Code(String),
    /// Words in bold.
    Bold(String),
}

/// A line of text. Nothing in it is markup: every character stands for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Span>);

impl Text {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A line that is code alone.
    #[must_use]
    pub fn of_code(code: impl Into<String>) -> Self {
        Self::new().code(code)
    }

    /// Adds plain words.
    #[must_use]
    pub fn plain(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Plain(words.into()));
        self
    }

    /// Adds code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.0.push(Span::Code(code.into()));
        self
    }

    /// Adds words in bold.
    #[must_use]
    pub fn bold(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Bold(words.into()));
        self
    }

    /// The parts.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// The characters without their style.
    #[must_use]
    pub fn characters(&self) -> String {
        let of = |span: &Span| match span {
            Span::Plain(text) | Span::Code(text) | Span::Bold(text) => text.clone(),
        };
        self.0.iter().map(of).collect()
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::new().plain(words)
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new().plain(words)
    }
}

impl From<&String> for Text {
    fn from(words: &String) -> Self {
        Self::new().plain(words.as_str())
    }
}
