//! Prompts of an archive: JSON lines, a table, or the boxes of an earlier run.

mod json;
mod previous;
mod table;

use crate::BatchError;
use crate::input::read_bytes;
use crate::record::PromptsKind;
use std::path::Path;
use uniultra_core::{Point, PromptError, Prompts};
use uniultra_manifest::sha256_hex;

/// What is asked about one frame of a file: one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The frame's number, from 1.
    pub(crate) frame: Option<u32>,
    pub(crate) object: Option<String>,
    points: Vec<Point>,
    corners: Option<[f32; 4]>,
}

/// A prompt and the path of its file.
pub(crate) type PromptOf = (String, Asked);

/// All prompts.
#[derive(Debug)]
pub(crate) struct PromptList {
    pub(crate) kind: PromptsKind,
    /// SHA-256 of their file.
    pub(crate) sha256: String,
    pub(crate) prompts: Vec<PromptOf>,
}

impl Asked {
    /// A prompt that was checked by itself; the frame's size is not known yet.
    fn new(
        frame: Option<u32>,
        object: Option<String>,
        points: Vec<Point>,
        corners: Option<[f32; 4]>,
    ) -> Result<Self, String> {
        if frame == Some(0) {
            return Err(
                "frame: expected 1 or more, found 0; frames count from 1, as in DICOM".to_string()
            );
        }
        let asked = Self { frame, object, points, corners };
        let prompts = asked.prompts().map_err(|error| error.to_string())?;
        if prompts.is_empty() {
            return Err(PromptError::Empty.to_string());
        }
        Ok(asked)
    }

    /// The prompt in the runtime's form.
    pub(crate) fn prompts(&self) -> Result<Prompts, PromptError> {
        let mut prompts = Prompts::new();
        for &Point { x, y, label } in &self.points {
            prompts = prompts.with_point(x, y, label)?;
        }
        match self.corners {
            Some([x0, y0, x1, y1]) => prompts.with_box(x0, y0, x1, y1),
            None => Ok(prompts),
        }
    }
}

impl PromptList {
    /// Reads prompts: a folder is that of an earlier run, a name that ends in `.csv` is a table, anything else is JSON
    /// lines.
    pub(crate) fn read(path: &Path) -> Result<Self, BatchError> {
        if path.is_dir() {
            return previous::read(path);
        }
        let bytes = read_bytes(path)?;
        let sha256 = sha256_hex(&bytes).to_string();
        let is_table = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let (kind, prompts) = if is_table {
            (PromptsKind::Csv, table::parse(path, &bytes)?)
        } else {
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| BatchError::file(path, "expected text in UTF-8, found other bytes"))?;
            (PromptsKind::JsonLines, json::parse(path, text)?)
        };
        if prompts.is_empty() {
            return Err(BatchError::file(path, "expected prompts, found none"));
        }
        Ok(Self { kind, sha256, prompts })
    }
}
