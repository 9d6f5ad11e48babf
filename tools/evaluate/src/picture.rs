//! Pictures of the worst, the median and the best predictions.

use crate::canvas::{Canvas, TRUTH, on_outline};
use crate::prompt::prompts_for;
use crate::report::{Report, Row};
use crate::{BASELINE, Case, EvaluateError, ImageError, PromptKind, RunMask};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::path::Path;
use uniultra_dataset::Sample;

/// Worst predictions shown of each set, prompt and model: failures teach most.
const WORST: usize = 3;

/// Colour of what only the prediction holds, in red, green, blue.
pub(crate) const PREDICTION: [u8; 3] = [255, 0, 220];
/// Colour of what truth and prediction hold.
pub(crate) const BOTH: [u8; 3] = [255, 255, 255];

/// Why an image is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Among the lowest Dice.
    Worst,
    /// Nearest to the median Dice.
    Median,
    /// The highest Dice.
    Best,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worst => "worst",
            Self::Median => "median",
            Self::Best => "best",
        })
    }
}

/// A picture that the HTML page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The set.
    pub set: String,
    /// The prompt.
    pub prompt: String,
    /// The model's label.
    pub model: String,
    /// The image.
    pub stem: String,
    /// Its Dice.
    pub dice: f32,
    /// Why it is shown.
    pub role: Role,
    /// File below the report's folder, with forward slashes.
    pub path: String,
}

/// The images to show, of rows for which `available` gives true.
pub(crate) fn choose(report: &Report, available: &dyn Fn(&Row) -> bool) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for line in report.aggregates.iter().filter(|line| line.model != BASELINE) {
        let Some(stats) = line.dice else { continue };
        let mut rows: Vec<(f32, &Row)> = report
            .rows_of(line)
            .filter(|row| available(row))
            .filter_map(|row| Some((row.dice?, row)))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.stem.cmp(&b.1.stem)));
        let away = |dice: f32| (f64::from(dice) - stats.median).abs();
        let median = rows.iter().copied().min_by(|a, b| away(a.0).total_cmp(&away(b.0)));
        let worst = rows.iter().copied().take(WORST).map(|row| (Role::Worst, row));
        let others = [(Role::Median, median), (Role::Best, rows.last().copied())].into_iter();
        let others = others.filter_map(|(role, row)| Some((role, row?)));
        pictures.extend(worst.chain(others).map(|(role, (dice, row))| Picture {
            set: row.set.clone(),
            prompt: row.prompt.clone(),
            model: row.model.clone(),
            stem: row.stem.clone(),
            dice,
            role,
            path: path_of(row),
        }));
    }
    pictures
}

/// Where a row's picture lies below the report's folder. All parts are plain names.
pub(crate) fn path_of(row: &Row) -> String {
    format!("overlays/{}/{}/{}/{}.png", row.set, row.prompt, row.model, row.stem)
}

/// Chooses images and draws them below `folder`: truth green, prediction magenta, prompts yellow.
/// `masks` are the predictions of the report's rows.
///
/// # Errors
/// [`EvaluateError::Output`]; an image that cannot be read again is left out, with a warning in the log.
pub fn render_pictures(
    folder: &Path,
    report: &Report,
    cases: &[Case],
    masks: &[RunMask],
) -> Result<Vec<Picture>, EvaluateError> {
    let key = |row: &Row| path_of(row);
    let masks: BTreeMap<String, &RunMask> = report.rows.iter().map(key).zip(masks).collect();
    let mut done = Vec::new();
    for picture in choose(report, &|_| true) {
        let case = cases.iter().find(|c| c.set == picture.set && c.stem == picture.stem);
        let (Some(case), Some(mask)) = (case, masks.get(&picture.path)) else { continue };
        match draw(case, mask, &picture.prompt) {
            Ok(canvas) => {
                canvas.write_png(&folder.join(&picture.path))?;
                done.push(picture);
            }
            Err(error) => log::warn!(
                "{}/{} is left out of the pictures, because it cannot be read again: {}",
                picture.set,
                picture.stem,
                reasons(&error)
            ),
        }
    }
    Ok(done)
}

/// An error with its causes.
fn reasons(error: &ImageError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn draw(case: &Case, mask: &RunMask, prompt: &str) -> Result<Canvas, ImageError> {
    let sample = Sample::load(case)?;
    let prediction = mask.unpack()?;
    let mut canvas = Canvas::from_frame(&sample.frame);
    for y in 0..sample.frame.height() {
        for x in 0..sample.frame.width() {
            let color = match (on_outline(&sample.truth, x, y), on_outline(&prediction, x, y)) {
                (true, true) => BOTH,
                (true, false) => TRUTH,
                (false, true) => PREDICTION,
                (false, false) => continue,
            };
            canvas.set(x as isize, y as isize, color);
        }
    }
    if let Ok(kind) = prompt.parse::<PromptKind>() {
        for object in &sample.objects {
            canvas.prompts(&prompts_for(object, kind)?);
        }
    }
    Ok(canvas)
}
