//! The folder of a run.

use crate::BatchError;
use crate::record::RunRecord;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use uniultra_report::{REPORT_FILE, ReportFolder};
use uniultra_schema::Document;
use uniultra_sink::AppendedLines;

/// What the run was asked to do.
pub(crate) const RUN: &str = "run.json";
/// A line for each prompt.
pub(crate) const RESULTS: &str = "results.jsonl";
/// Counts, and what failed; it is written last.
pub(crate) const REPORT: &str = REPORT_FILE;
/// The folder of the masks.
pub(crate) const MASKS: &str = "masks";

/// Whether the run in a folder has come to its end.
pub(crate) fn is_finished(folder: &Path) -> bool {
    folder.join(REPORT).is_file()
}

/// Opens the results of a run and holds the folder against other processes. A new folder gets the run's record; one
/// that has a record keeps it, and has to have the same.
///
/// # Errors
/// [`BatchError::Changed`] for another run's folder, [`BatchError::File`] for a folder of something else.
pub(crate) fn open(
    folder: &Path,
    record: &Document<RunRecord>,
) -> Result<AppendedLines, BatchError> {
    check(folder)?;
    let writer = ReportFolder::create(folder)?;
    let lines = AppendedLines::open(&folder.join(RESULTS))?;
    match read_record(folder)? {
        Some(before) => {
            if let Some((what, expected, found)) = RunRecord::difference(&before, record, true) {
                let folder = folder.to_path_buf();
                return Err(BatchError::Changed { folder, what, expected, found });
            }
        }
        None if lines.is_empty() => writer.write(RUN, &record_text(record)?)?,
        None => {
            let reason = format!("expected {RUN} beside {RESULTS}, found none");
            return Err(BatchError::file(folder, reason));
        }
    }
    Ok(lines)
}

/// Refuses a folder that holds something other than a run.
fn check(folder: &Path) -> Result<(), BatchError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BatchError::read(folder, source)),
    };
    for entry in entries {
        let name = entry.map_err(|source| BatchError::read(folder, source))?.file_name();
        // Hidden files: those of a killed run, of a mounted disk, of a file manager.
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if !is_hidden && ![RUN, RESULTS, REPORT, MASKS].iter().any(|known| name == *known) {
            let name = name.to_string_lossy();
            let reason =
                format!("expected an empty folder, or that of a batch to go on with, found {name}");
            return Err(BatchError::file(folder, reason));
        }
    }
    Ok(())
}

/// The record of the run in a folder, if there is one.
pub(crate) fn read_record(folder: &Path) -> Result<Option<Document<RunRecord>>, BatchError> {
    let path = folder.join(RUN);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(BatchError::read(&path, source)),
    };
    Document::from_json(&text).map(Some).map_err(|error| BatchError::file(&path, error))
}

/// The record as its file has it.
pub(crate) fn record_text(record: &Document<RunRecord>) -> Result<String, BatchError> {
    let text = serde_json::to_string_pretty(record);
    text.map(|text| text + "\n").map_err(|error| BatchError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::document;

    #[test]
    fn a_folder_belongs_to_one_run() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a/b");
        let mut lines = open(&folder, &document()).unwrap();
        let busy = open(&folder, &document()).unwrap_err();
        assert!(busy.is_output(), "{busy}");
        lines.push("{}\n").unwrap();
        drop(lines);
        let before = fs::read(folder.join(RUN)).unwrap();
        drop(open(&folder, &document()).unwrap());
        let mut other = document();
        other.report.multimask = true;
        let error = open(&folder, &other).unwrap_err();
        let expected = "--multimask: expected false, as the run in this folder has, found true";
        assert!(error.to_string().contains(expected) && error.hint().is_some(), "{error}");
        assert_eq!(fs::read(folder.join(RUN)).unwrap(), before);
        fs::remove_file(folder.join(RUN)).unwrap();
        assert!(open(&folder, &document()).unwrap_err().to_string().contains("expected run.json"));
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("thesis.tex"), "").unwrap();
        let message = open(scratch.path(), &document()).unwrap_err().to_string();
        assert!(message.contains("found thesis.tex"), "{message}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
