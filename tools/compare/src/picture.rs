//! Pictures of the frames on which the packs disagree most.

use crate::{CompareError, Pair, Sides};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use uniultra_evaluate::{
    Canvas, Case, ImageError, PromptKind, Sample, TRUTH, first_prompts, on_outline,
};

/// Colour of what only A takes for the object, in red, green, blue.
pub(crate) const A_ONLY: [u8; 3] = [230, 90, 0];
/// Colour of what only B does. The three are told apart with any colour vision.
pub(crate) const B_ONLY: [u8; 3] = [60, 150, 255];
/// Colour of what both do.
pub(crate) const BOTH: [u8; 3] = [205, 190, 235];

/// How much of a region's colour covers the frame: more where the packs differ.
const SHARE: f32 = 0.6;
const BOTH_SHARE: f32 = 0.3;

/// A picture that the reports show.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Picture {
    /// The set.
    pub set: String,
    /// The image.
    pub stem: String,
    /// The prompt.
    pub prompt: String,
    /// Dice of the two packs' masks.
    pub agreement: f32,
    /// Dice of each against the truth; absent where the image has no object.
    pub dice: Sides<Option<f32>>,
    /// File below the report's folder, with forward slashes.
    pub path: String,
}

/// Draws at most `count` images below `folder`, each with the prompt on which its masks agree
/// least, lowest agreement first. Images on which the packs agree wholly are not drawn.
///
/// # Errors
/// [`CompareError::Output`]; an image that cannot be read again is left out.
pub fn render_pictures(
    folder: &Path,
    pairs: &[Pair],
    cases: &[Case],
    count: usize,
) -> Result<Vec<Picture>, CompareError> {
    let mut done = Vec::new();
    for pair in choose(pairs, count) {
        let case = cases.iter().find(|case| case.set == pair.set && case.stem == pair.stem);
        let Some(Ok(canvas)) = case.map(|case| draw(case, pair)) else { continue };
        let Pair { set, stem, prompt, .. } = pair;
        let path = format!("overlays/{set}/{prompt}/{stem}.png");
        canvas.write_png(&folder.join(&path))?;
        done.push(Picture {
            set: set.clone(),
            stem: stem.clone(),
            prompt: prompt.clone(),
            agreement: pair.agreement,
            dice: pair.outcomes.map(|outcome| outcome.dice),
            path,
        });
    }
    Ok(done)
}

fn choose(pairs: &[Pair], count: usize) -> Vec<&Pair> {
    let mut pairs: Vec<&Pair> = pairs.iter().filter(|pair| pair.agreement < 1.0).collect();
    // Stable: of equal ones, those that come first in the report.
    pairs.sort_by(|a, b| a.agreement.total_cmp(&b.agreement));
    let mut seen = BTreeSet::new();
    pairs.retain(|pair| seen.insert((&pair.set, &pair.stem)));
    pairs.truncate(count);
    pairs
}

fn draw(case: &Case, pair: &Pair) -> Result<Canvas, ImageError> {
    let sample = Sample::load(case)?;
    let (a, b) = (pair.masks.a.unpack()?, pair.masks.b.unpack()?);
    let mut canvas = Canvas::from_frame(&sample.frame);
    for y in 0..sample.frame.height() {
        for x in 0..sample.frame.width() {
            let (color, share) = match (a.contains(x, y), b.contains(x, y)) {
                (true, true) => (BOTH, BOTH_SHARE),
                (true, false) => (A_ONLY, SHARE),
                (false, true) => (B_ONLY, SHARE),
                (false, false) => ([0; 3], 0.0),
            };
            canvas.tint(x as isize, y as isize, color, share);
            if on_outline(&sample.truth, x, y) {
                canvas.set(x as isize, y as isize, TRUTH);
            }
        }
    }
    if let Ok(kind) = pair.prompt.parse::<PromptKind>() {
        for prompts in first_prompts(&sample, kind)? {
            canvas.prompts(&prompts);
        }
    }
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Habit, fake, frames};
    use uniultra_evaluate::Predictor;

    #[test]
    fn the_least_agreement_is_drawn_first_and_each_image_once() {
        let (_folder, cases) = frames();
        let (truth, shifted) = (fake("A", Habit::Bright), fake("B", Habit::Shifted));
        let models = Sides { a: &truth as &dyn Predictor, b: &shifted };
        let prompts = [PromptKind::Point, PromptKind::Box];
        let pairs = crate::compare(&cases, &models, &prompts, 1, &|| ()).unwrap().pairs;
        let out = tempfile::tempdir().unwrap();
        let pictures = render_pictures(out.path(), &pairs, &cases, 2).unwrap();
        // The smaller the square, the more four pixels are.
        let paths: Vec<&str> = pictures.iter().map(|picture| picture.path.as_str()).collect();
        assert_eq!(paths, ["overlays/squares/point/0.png", "overlays/squares/point/1.png"]);
        let drawn = image::open(out.path().join(paths[0])).unwrap().into_rgb8();
        // The first square is 10 to 19, B's four pixels to the right.
        let mix = |gray: f32, color: u8, share: f32| {
            (gray * (1.0 - share) + f32::from(color) * share).round() as u8
        };
        assert_eq!(drawn.get_pixel(11, 12).0, A_ONLY.map(|color| mix(255.0, color, SHARE)));
        assert_eq!(drawn.get_pixel(22, 12).0, B_ONLY.map(|color| mix(0.0, color, SHARE)));
        assert_eq!(drawn.get_pixel(17, 11).0, BOTH.map(|color| mix(255.0, color, BOTH_SHARE)));
        assert_eq!(drawn.get_pixel(10, 12).0, TRUTH);
        assert_eq!(drawn.get_pixel(2, 2).0, [0; 3]);
    }

    #[test]
    fn nothing_is_drawn_where_nothing_differs() {
        let (_folder, cases) = frames();
        let truth = fake("A", Habit::Bright);
        let models = Sides { a: &truth as &dyn Predictor, b: &truth };
        let pairs = crate::compare(&cases, &models, &[PromptKind::Box], 1, &|| ()).unwrap().pairs;
        let out = tempfile::tempdir().unwrap();
        assert_eq!(render_pictures(out.path(), &pairs, &cases, 6).unwrap(), []);
        assert!(!out.path().join("overlays").exists());
    }
}
