//! `report.json`: counts, and what has no answer. It follows from the results alone.

use crate::BatchError;
use crate::folder::{REPORT, RESULTS};
use crate::line::Status;
use crate::record::RunRecord;
use crate::resume::for_each;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use uniultra_report::ReportFolder;
use uniultra_schema::{Document, Report};

/// Entries of a list; the counts and the results' lines have all.
const LISTED: usize = 1000;

/// What a run has done. It has no times, so that a run that was interrupted has the same bytes as one that was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchReport {
    /// Files that were looked at.
    pub files: usize,
    /// Prompts with a mask.
    pub done: usize,
    /// Masks among them that are empty.
    pub empty_masks: usize,
    /// Prompts and files that could not be used.
    pub failed: usize,
    /// Frames that no prompt is about.
    pub frames_without_prompt: usize,
    /// Files that are no images and that no prompt is about.
    pub not_a_frame: usize,
    /// What could not be used and why, at most 1,000 of them; the results have all.
    pub failures: Vec<Failure>,
    /// Frames that no prompt is about, at most 1,000 files of them; the results have all.
    pub unprompted: Vec<Unprompted>,
}

/// A prompt or a file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The file.
    pub path: String,
    /// The frame's number in a DICOM file.
    pub frame: Option<usize>,
    /// The number of the prompt in its frame; `null` if the file has none.
    pub prompt: Option<usize>,
    /// What was expected and found.
    pub error: String,
}

/// Frames of a file that no prompt is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unprompted {
    /// The file.
    pub path: String,
    /// Ranges `[first, last]`, from 1.
    pub frames: Vec<[usize; 2]>,
}

impl Report for BatchReport {
    const SCHEMA: &'static str = "uniultra-batch";
    const SCHEMA_VERSION: u32 = 1;
}

impl BatchReport {
    /// Counts the lines of a run.
    pub(crate) fn count(folder: &Path) -> Result<Self, BatchError> {
        let mut report = Self::default();
        let mut last_path = None;
        for_each(&folder.join(RESULTS), |_, line| {
            if last_path.as_ref() != Some(&line.path) {
                report.files += 1;
                last_path = Some(line.path.clone());
            }
            match line.status {
                Status::Done => {
                    report.done += 1;
                    report.empty_masks += usize::from(line.area_px == Some(0));
                }
                Status::Failed => {
                    report.failed += 1;
                    let error = line.error.unwrap_or_default();
                    let failure =
                        Failure { path: line.path, frame: line.frame, prompt: line.prompt, error };
                    push(&mut report.failures, failure);
                }
                Status::NoPrompt => {
                    let frames = line.frames_without_prompt.unwrap_or_default();
                    report.frames_without_prompt += frames
                        .iter()
                        .map(|[first, last]| (last + 1).saturating_sub(*first))
                        .sum::<usize>();
                    push(&mut report.unprompted, Unprompted { path: line.path, frames });
                }
                Status::NotAFrame => report.not_a_frame += 1,
            }
            Ok(())
        })?;
        Ok(report)
    }

    /// Counts the lines of a run, and writes the report to its folder: the run is finished.
    pub(crate) fn finish(folder: &Path, run: &Document<RunRecord>) -> Result<Self, BatchError> {
        let report = Self::count(folder)?;
        let document = Document::new(run.tool.clone(), run.model.clone(), &report);
        let text = serde_json::to_string_pretty(&document)
            .map_err(|error| BatchError::Internal(error.to_string()))?;
        ReportFolder::create(folder)?.write(REPORT, &(text + "\n"))?;
        Ok(report)
    }

    /// # Errors
    /// [`BatchError::Failed`] if a prompt or a file has no answer.
    pub fn check(&self) -> Result<(), BatchError> {
        let Some(Failure { path, frame, error, .. }) = self.failures.first() else { return Ok(()) };
        let frame = frame.map_or_else(String::new, |number| format!(", frame {number}"));
        let first = format!("{path}{frame}: {error}");
        Err(BatchError::Failed { count: self.failed, first })
    }
}

fn push<T>(list: &mut Vec<T>, entry: T) {
    if list.len() < LISTED {
        list.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::ResultLine;
    use std::fs;

    #[test]
    fn lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let done = ResultLine { area_px: Some(0), ..ResultLine::new("a.dcm", Status::Done) };
        let rest = ResultLine {
            frames_without_prompt: Some(vec![[2, 4], [9, 9]]),
            ..ResultLine::new("a.dcm", Status::NoPrompt)
        };
        let failed = ResultLine { frame: Some(7), ..ResultLine::new("b.dcm", Status::Done) };
        let lines = [done, rest, failed.failed("cut off"), ResultLine::new("c", Status::NotAFrame)];
        let text: String = lines.iter().map(|line| line.text().unwrap()).collect();
        fs::write(folder.path().join(RESULTS), text).unwrap();
        let report = BatchReport::count(folder.path()).unwrap();
        let counts = [
            report.files,
            report.done,
            report.empty_masks,
            report.failed,
            report.frames_without_prompt,
            report.not_a_frame,
        ];
        assert_eq!(counts, [3, 1, 1, 1, 4, 1]);
        let message = report.check().unwrap_err().to_string();
        assert!(
            message.contains("found 1 without; the first: b.dcm, frame 7: cut off"),
            "{message}"
        );
        assert!(BatchReport::default().check().is_ok());
    }
}
