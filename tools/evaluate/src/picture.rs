//! Pictures of the worst, the median and the best predictions.

use crate::prompt::prompts_for;
use crate::report::{Report, Row};
use crate::run::create_folder;
use crate::{BASELINE, Case, EvaluateError, ImageError, PromptKind, RunMask};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use uniultra_core::{Mask, Prompts};
use uniultra_dataset::Sample;
use uniultra_sink::write_atomically;

/// Worst predictions shown of each set, prompt and model: failures teach most.
const WORST: usize = 3;

const TRUTH: [u8; 3] = [0, 220, 80];
const PREDICTION: [u8; 3] = [255, 0, 220];
const BOTH: [u8; 3] = [255, 255, 255];
const PROMPT: [u8; 3] = [255, 200, 0];

/// Half the width of a point's cross, in pixels.
const CROSS_PX: isize = 5;

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
/// [`EvaluateError::Output`]; an image that cannot be read again is left out.
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
        if let Ok((pixels, width, height)) = draw(case, mask, &picture.prompt) {
            let path = folder.join(&picture.path);
            if let Some(parent) = path.parent() {
                create_folder(parent)?;
            }
            write_atomically(&path, |w| {
                PngEncoder::new(w)
                    .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
                    .map_err(io::Error::other)
            })?;
            done.push(picture);
        }
    }
    Ok(done)
}

/// RGB samples, width and height of a picture.
fn draw(case: &Case, mask: &RunMask, prompt: &str) -> Result<(Vec<u8>, u32, u32), ImageError> {
    let sample = Sample::load(case)?;
    let prediction = mask.unpack()?;
    let (width, height) = (sample.frame.width(), sample.frame.height());
    let mut canvas = Canvas { pixels: vec![0; width * height * 3], width, height };
    for y in 0..height {
        for x in 0..width {
            let gray = sample.frame.gray(x, y).unwrap_or_default();
            canvas.set(x as isize, y as isize, [(gray * 255.0).round() as u8; 3]);
        }
    }
    for y in 0..height {
        for x in 0..width {
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
    // Sides are at most 8192 pixels.
    Ok((canvas.pixels, width as u32, height as u32))
}

/// Whether a pixel of the mask has a neighbour that is not of it.
fn on_outline(mask: &Mask, x: usize, y: usize) -> bool {
    let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    mask.contains(x, y) && around.into_iter().any(|(x, y)| !mask.contains(x, y))
}

struct Canvas {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

impl Canvas {
    fn set(&mut self, x: isize, y: isize, color: [u8; 3]) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&color);
        }
    }

    /// Draws a cross at each point and every other pixel of the box.
    fn prompts(&mut self, prompts: &Prompts) {
        for point in prompts.points() {
            let (x, y) = (point.x.round() as isize, point.y.round() as isize);
            for step in -CROSS_PX..=CROSS_PX {
                self.set(x + step, y, PROMPT);
                self.set(x, y + step, PROMPT);
            }
        }
        if let Some(corners) = prompts.bounding_box() {
            let [x0, y0, x1, y1] = corners.map(|v| v.round() as isize);
            for x in (x0..=x1).step_by(2) {
                self.set(x, y0, PROMPT);
                self.set(x, y1, PROMPT);
            }
            for y in (y0..=y1).step_by(2) {
                self.set(x0, y, PROMPT);
                self.set(x1, y, PROMPT);
            }
        }
    }
}
