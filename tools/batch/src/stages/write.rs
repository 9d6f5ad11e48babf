//! The third stage: answers to masks, measures and lines.

use super::{Outcome, Settings, Task};
use crate::BatchError;
use crate::line::{ResultLine, RunLengths};
use crate::mask_file::mask_path;
use crate::record::MaskForm;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use uniultra_answer::{Answer, MeasuresMm, Warning, add, warnings};
use uniultra_core::{Mask, Prediction};
use uniultra_dicom::{Measurements, Segmentation};
use uniultra_report::create_folder;
use uniultra_schema::SpacingReport;
use uniultra_sink::{AppendedLines, coco_counts, encode_mask_png, write_atomically};

/// Writes the answers of each piece in order: a mask, then its line. `progress` is called after each line. Ends early
/// where the stage before has failed.
pub(crate) fn write_all(
    folder: &Path,
    settings: &Settings,
    lines: &mut AppendedLines,
    order: &Receiver<Receiver<Outcome>>,
    progress: &(dyn Fn() + Sync),
) -> Result<(), BatchError> {
    let mut masks = Masks { folder, form: settings.masks, made: None };
    for outcomes in order {
        loop {
            let line = match outcomes.recv() {
                Ok(Outcome::Line(line)) => *line,
                Ok(Outcome::Answer(task, prediction)) => {
                    let answer = Answer::measure(&prediction, settings.choice);
                    line(*task, &prediction, &answer, &mut masks)?
                }
                Ok(Outcome::End) => break,
                Err(_) => return Ok(()),
            };
            let text = line.text().map_err(|error| BatchError::Internal(error.to_string()))?;
            lines.push(&text)?;
            progress();
        }
    }
    Ok(())
}

/// The line of an answer; its mask is written.
fn line(
    task: Task,
    prediction: &Prediction,
    answer: &Answer,
    masks: &mut Masks<'_>,
) -> Result<ResultLine, BatchError> {
    let chosen = answer.chosen();
    let spacing = task.spacing.map(|(spacing, _)| spacing);
    let mm = spacing.map(|spacing| MeasuresMm::new(chosen, spacing));
    let mut doubts = warnings(answer, &task.prompts, prediction.object_score());
    add(&mut doubts, task.warnings);
    let segmentation = task.segmentation.map(|(segmentation, index)| {
        (segmentation, index, mm.map(Measurements::from).unwrap_or_default())
    });
    let mut line = ResultLine {
        token: Some(chosen.token.index()),
        predicted_iou: Some(chosen.predicted_iou),
        object_score: prediction.object_score(),
        area_px: Some(chosen.area_px),
        bounding_box: chosen.bounding_box.map(|b| [b.x0, b.y0, b.x1, b.y1]),
        centroid: chosen.centroid.map(|point| point.map(hundredths)),
        area_mm2: mm.map(|mm| mm.area_mm2),
        longest_diameter_mm: mm.and_then(|mm| mm.longest_diameter_mm),
        perpendicular_diameter_mm: mm.and_then(|mm| mm.perpendicular_diameter_mm),
        perimeter_mm: mm.and_then(|mm| mm.perimeter_mm),
        pixel_spacing_mm: spacing.map(|s| SpacingReport::new([s.x_mm(), s.y_mm()])),
        pixel_spacing_source: task.spacing.map(|(_, source)| source),
        warnings: doubts.iter().map(Warning::report).collect(),
        ..task.line
    };
    masks.write(&mut line, task.place, &answer.mask, segmentation)?;
    Ok(line)
}

/// The masks' files.
struct Masks<'a> {
    folder: &'a Path,
    form: MaskForm,
    /// The folder that was made last.
    made: Option<PathBuf>,
}

impl Masks<'_> {
    /// Writes a mask and says in its line where it is. A segmentation that the source's file does not allow is a
    /// failure of the prompt.
    fn write(
        &mut self,
        line: &mut ResultLine,
        [frame, prompt]: [usize; 2],
        mask: &Mask,
        segmentation: Option<(Segmentation, usize, Measurements)>,
    ) -> Result<(), BatchError> {
        if self.form == MaskForm::Rle {
            let size = [mask.height(), mask.width()];
            line.mask_rle = Some(RunLengths { size, counts: coco_counts(mask) });
            return Ok(());
        }
        let Some((segmentation, index, measurements)) = segmentation else {
            let path = self.path(line, [frame, prompt], "png")?;
            write_atomically(&path, |writer| encode_mask_png(writer, mask))?;
            return Ok(());
        };
        match encoded(segmentation, index, mask, measurements) {
            Ok(bytes) => {
                let path = self.path(line, [frame, prompt], "dcm")?;
                write_atomically(&path, |writer| writer.write_all(&bytes))?;
            }
            Err(error) => *line = line.clone().failed(error),
        }
        Ok(())
    }

    /// The file of a mask; its folder is made.
    fn path(
        &mut self,
        line: &mut ResultLine,
        [frame, prompt]: [usize; 2],
        ending: &str,
    ) -> Result<PathBuf, BatchError> {
        let below = mask_path(&line.path, frame, prompt, ending);
        let path = self.folder.join(&below);
        let parent = path.parent().unwrap_or(self.folder);
        if self.made.as_deref() != Some(parent) {
            create_folder(parent)?;
            self.made = Some(parent.to_path_buf());
        }
        line.mask_file = Some(below);
        Ok(path)
    }
}

fn encoded(
    mut segmentation: Segmentation,
    index: usize,
    mask: &Mask,
    measurements: Measurements,
) -> Result<Vec<u8>, uniultra_dicom::WriteError> {
    segmentation.add(index, mask, measurements)?;
    let mut bytes = Vec::new();
    segmentation.write_seg(&mut bytes)?;
    Ok(bytes)
}

fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
