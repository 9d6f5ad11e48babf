//! The files of a recording.
//!
//! ```text
//! image/live_<session>_<frame>.png   the frame, 8 bit
//! mask/live_<session>_<frame>.png    all objects: 255, the rest 0
//! frames.jsonl                       a line a frame: objects, sizes, masks as COCO run lengths
//! prompts.jsonl                      a line a prompt
//! pixel_size.csv                     size of a pixel in each image, where it is known and square
//! ```
//!
//! Pictures are written whole or not at all, and a frame's line after its pictures. A run that is killed loses the
//! frame that it was writing.

use crate::NodeError;
use crate::picture;
use crate::snapshot::Snapshot;
use crate::state::{Object, Prompt, State};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use uniultra_sink::{AppendedLines, coco_counts, write_atomically};

const FRAMES: &str = "frames.jsonl";
const PROMPTS: &str = "prompts.jsonl";
const CSV_HEAD: &str = "stem,pixel_size_mm\n";

/// Most prompts that are told apart: a session of hours with a prompt every ten seconds. Later ones stay in
/// `frames.jsonl`.
const MAX_PROMPTS: usize = 4096;

/// An open recording.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// Seconds since 1970 at the start: several runs may share a folder.
    session: u64,
    frames: AppendedLines,
    prompts: AppendedLines,
    pixel_sizes: AppendedLines,
    /// Prompts that have their line.
    written: BTreeSet<String>,
}

#[derive(Serialize)]
struct FrameLine<'a> {
    stem: &'a str,
    frame: u64,
    captured_ms: f64,
    pixel_spacing_mm: Option<[f32; 2]>,
    objects: Vec<ObjectLine<'a>>,
}

#[derive(Serialize)]
struct ObjectLine<'a> {
    #[serde(flatten)]
    object: &'a Object,
    /// COCO's compressed run lengths.
    segmentation: Option<Segmentation>,
}

#[derive(Serialize)]
struct Segmentation {
    /// Height and width.
    size: [usize; 2],
    counts: String,
}

#[derive(Serialize)]
struct PromptLine<'a> {
    session: u64,
    object: u32,
    name: &'a str,
    #[serde(flatten)]
    prompt: &'a Prompt,
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<Self, NodeError> {
        let refuse = |error: io::Error| NodeError::Record {
            path: folder.to_path_buf(),
            reason: error.to_string(),
        };
        for part in ["image", "mask"] {
            fs::create_dir_all(folder.join(part)).map_err(refuse)?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let open = |name: &str| AppendedLines::open(&folder.join(name));
        let mut files = Self {
            folder: folder.to_path_buf(),
            session: now.as_secs(),
            frames: open(FRAMES)?,
            prompts: open(PROMPTS)?,
            pixel_sizes: open("pixel_size.csv")?,
            written: BTreeSet::new(),
        };
        if files.pixel_sizes.is_empty() {
            files.pixel_sizes.push(CSV_HEAD)?;
        }
        Ok(files)
    }

    pub(super) fn write(&mut self, snapshot: &Snapshot) -> Result<(), NodeError> {
        let Some(captured) = &snapshot.captured else { return Ok(()) };
        let state = &snapshot.state;
        let stem = format!("live_{}_{:07}", self.session, captured.number);
        let image = picture::png(&captured.frame);
        let united: Vec<u8> =
            snapshot.labels().into_iter().map(|label| if label == 0 { 0 } else { 255 }).collect();
        let mask = picture::label_png(&united, state.width, state.height);
        self.write_picture("image", &stem, image)?;
        self.write_picture("mask", &stem, mask)?;
        self.write_lines(&stem, snapshot)
    }

    fn write_picture(
        &self,
        part: &str,
        stem: &str,
        picture: image::ImageResult<Vec<u8>>,
    ) -> Result<(), NodeError> {
        let path = self.folder.join(part).join(format!("{stem}.png"));
        let bytes = picture
            .map_err(|error| NodeError::Record { path: path.clone(), reason: error.to_string() })?;
        write_atomically(&path, |writer| writer.write_all(&bytes))?;
        Ok(())
    }

    fn write_lines(&mut self, stem: &str, snapshot: &Snapshot) -> Result<(), NodeError> {
        let state = &snapshot.state;
        let line = |object| ObjectLine { object, segmentation: segmentation(object, snapshot) };
        self.write_prompts(state)?;
        if let Some([x_mm, y_mm]) = state.pixel_spacing_mm
            && x_mm == y_mm
        {
            self.pixel_sizes.push(&format!("{stem},{x_mm}\n"))?;
        }
        let line = json(
            FRAMES,
            &FrameLine {
                stem,
                frame: state.frame,
                captured_ms: state.captured_ms,
                pixel_spacing_mm: state.pixel_spacing_mm,
                objects: state.objects.iter().map(line).collect::<Vec<_>>(),
            },
        )?;
        Ok(self.frames.push(&line)?)
    }

    fn write_prompts(&mut self, state: &State) -> Result<(), NodeError> {
        for object in &state.objects {
            for prompt in &object.prompts {
                let session = self.session;
                let line = PromptLine { session, object: object.id, name: &object.name, prompt };
                let line = json(PROMPTS, &line)?;
                if self.written.len() < MAX_PROMPTS && self.written.insert(line.clone()) {
                    self.prompts.push(&line)?;
                }
            }
        }
        Ok(())
    }
}

fn segmentation(object: &Object, snapshot: &Snapshot) -> Option<Segmentation> {
    let (_, mask) = snapshot.masks.iter().find(|(label, _)| *label == object.label)?;
    Some(Segmentation { size: [mask.height(), mask.width()], counts: coco_counts(mask) })
}

/// A document as a line of `path`.
fn json(path: &str, line: &impl Serialize) -> Result<String, NodeError> {
    let refuse = |error: serde_json::Error| NodeError::Record {
        path: PathBuf::from(path),
        reason: error.to_string(),
    };
    Ok(serde_json::to_string(line).map_err(refuse)? + "\n")
}
