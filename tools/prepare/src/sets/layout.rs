//! Empty files in the layout of a data set, for tests of names.
#![allow(clippy::unwrap_used, reason = "a test helper fails its test by panicking")]

use crate::case::FoundCases;
use crate::raw::RawFolder;
use crate::{PrepareError, Source};
use std::fs;
use tempfile::TempDir;

/// A folder `raw` of files.
pub(crate) struct Layout(TempDir);

impl Layout {
    /// Empty files.
    pub(crate) fn of(files: &[&str]) -> Self {
        let layout = Self(tempfile::tempdir().unwrap());
        for file in files {
            layout.write(file, b"");
        }
        layout
    }

    /// A file with its content.
    pub(crate) fn write(&self, file: &str, content: &[u8]) {
        let path = self.0.path().join("raw").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// With a further file.
    pub(crate) fn with(self, file: &str, content: &str) -> Self {
        self.write(file, content.as_bytes());
        self
    }

    /// What a data set's reader finds.
    pub(crate) fn read(&self, source: &'static Source) -> Result<FoundCases, PrepareError> {
        source.read(&RawFolder::open(&self.0.path().join("raw"))?)
    }
}
