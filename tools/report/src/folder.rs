//! The folder of a report.

use crate::ReportError;
use std::path::{Path, PathBuf};
use uniultra_sink::{SinkError, write_atomically};

/// Name of the JSON report in its folder.
pub const REPORT_FILE: &str = "report.json";

/// A folder that files of a report are written to, each complete or not at all.
#[derive(Clone, Debug)]
pub struct ReportFolder(PathBuf);

impl ReportFolder {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// [`ReportError::Output`].
    pub fn create(path: &Path) -> Result<Self, ReportError> {
        create_folder(path)?;
        Ok(Self(path.to_path_buf()))
    }

    /// Writes a file of text.
    ///
    /// # Errors
    /// [`ReportError::Output`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), ReportError> {
        Ok(write_atomically(&self.0.join(name), |file| file.write_all(text.as_bytes()))?)
    }
}

/// Makes a folder, and those above it, unless it is there.
///
/// # Errors
/// [`SinkError::Write`].
pub fn create_folder(path: &Path) -> Result<(), SinkError> {
    std::fs::create_dir_all(path)
        .map_err(|source| SinkError::Write { path: path.to_path_buf(), source })
}

/// Checks that no report would be replaced in `folder`.
///
/// # Errors
/// [`ReportError::Exists`].
pub fn check_free(folder: &Path) -> Result<(), ReportError> {
    let path = folder.join(REPORT_FILE);
    if path.exists() { Err(ReportError::Exists { path }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_report_is_not_free() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b");
        check_free(&path).unwrap();
        let folder = ReportFolder::create(&path).unwrap();
        folder.write("report.md", "text").unwrap();
        check_free(&path).unwrap();
        folder.write(REPORT_FILE, "{}").unwrap();
        let error = check_free(&path).unwrap_err();
        assert!(error.is_output() && error.hint().is_some_and(|hint| hint.contains("--force")));
        let blocked = ReportFolder::create(&path.join("report.md/inside")).unwrap_err();
        assert!(blocked.is_output() && blocked.hint().is_none(), "{blocked}");
    }
}
