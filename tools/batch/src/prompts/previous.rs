//! The boxes of an earlier run's masks as prompts.

use super::{Asked, PromptList};
use crate::BatchError;
use crate::folder::{RESULTS, is_finished};
use crate::input::{lines, read_bytes};
use crate::line::{ResultLine, Status};
use crate::record::PromptsKind;
use std::path::Path;
use uniultra_manifest::sha256_hex;

/// Half of what a box of one pixel is widened by: a box has an extent.
const HALF_PX: f32 = 0.5;

/// Reads the boxes of a run that is finished. Empty masks and failures give none.
pub(super) fn read(folder: &Path) -> Result<PromptList, BatchError> {
    let path = folder.join(RESULTS);
    if !path.is_file() {
        let reason =
            format!("expected the folder of an earlier batch, found one without {RESULTS}");
        return Err(BatchError::file(folder, reason));
    }
    if !is_finished(folder) {
        return Err(BatchError::file(
            folder,
            "expected a batch that is finished, found one that is not",
        ));
    }
    let bytes = read_bytes(&path)?;
    let sha256 = sha256_hex(&bytes).to_string();
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| BatchError::file(&path, "expected text in UTF-8, found other bytes"))?;
    let mut prompts = Vec::new();
    for (number, line) in lines(text) {
        let refuse = |reason: String| BatchError::line(&path, number, reason);
        let line: ResultLine =
            serde_json::from_str(line).map_err(|error| refuse(error.to_string()))?;
        let (Status::Done, Some([x0, y0, x1, y1])) = (line.status, line.bounding_box) else {
            continue;
        };
        let ([x0, x1], [y0, y1]) = (side(x0, x1), side(y0, y1));
        let frame = line.frame.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let asked = Asked::new(frame, line.object, Vec::new(), Some([x0, y0, x1, y1]));
        prompts.push((line.path, asked.map_err(refuse)?));
    }
    if prompts.is_empty() {
        return Err(BatchError::file(&path, "expected masks that are not empty, found none"));
    }
    Ok(PromptList { kind: PromptsKind::PreviousRun, sha256, prompts })
}

fn side(first: usize, last: usize) -> [f32; 2] {
    let [low, high] = [first, last].map(|value| value as f32);
    if low < high { [low, high] } else { [(low - HALF_PX).max(0.0), low + HALF_PX] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::REPORT;
    use std::fs;

    #[test]
    fn boxes_of_finished_masks_become_prompts() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let message = || read(folder).unwrap_err().to_string();
        assert!(message().contains("without results.jsonl"), "{}", message());
        fs::write(
            folder.join(RESULTS),
            concat!(
                r#"{"path": "a.dcm", "frame": 2, "object": "cyst", "status": "done", "bounding_box": [3, 4, 3, 9]}"#,
                "\n",
                r#"{"path": "b.png", "status": "done", "bounding_box": null}"#,
                "\n",
                r#"{"path": "c.png", "status": "failed", "error": "cut off"}"#,
                "\n"
            ),
        )
        .unwrap();
        assert!(message().contains("finished"), "{}", message());
        fs::write(folder.join(REPORT), "{}").unwrap();
        let prompts = read(folder).unwrap().prompts;
        let [(path, asked)] = &prompts[..] else { panic!("{prompts:?}") };
        assert_eq!((path.as_str(), asked.frame), ("a.dcm", Some(2)));
        assert_eq!(asked.object.as_deref(), Some("cyst"));
        assert_eq!(asked.prompts().unwrap().bounding_box(), Some([2.5, 4.0, 3.5, 9.0]));
    }
}
