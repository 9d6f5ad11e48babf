//! Measures the masks of a prediction.

use std::time::Instant;
use uniultra_core::{
    Diameters, Mask, MaskChoice, MaskToken, PixelBox, Polygon, Prediction, diameters,
    stability_score,
};

/// Parts below this fraction of the largest part's area are specks. They belong to the mask and its
/// outlines, but do not cause a warning.
const NEGLIGIBLE_PART: f32 = 0.01;

/// One of the decoder's masks, with everything that the report says about it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which of the decoder's masks it is.
    pub token: MaskToken,
    /// In 0..=1.
    pub predicted_iou: f32,
    /// In 0..=1; see [`stability_score`].
    pub stability: f32,
    /// Number of pixels.
    pub area_px: usize,
    /// The outermost pixels; `None` for an empty mask.
    pub bounding_box: Option<PixelBox>,
    /// Centre of mass; `None` for an empty mask.
    pub centroid: Option<[f32; 2]>,
    /// Outlines, largest first.
    pub contours: Vec<Polygon>,
    /// Diameters of the largest part, in pixels; `None` for an empty mask.
    pub diameters: Option<Diameters>,
}

/// The answer, and the masks that it was chosen from.
#[derive(Debug)]
pub struct Answer {
    /// Tokens 1 to 3 with `--multimask`, otherwise only the answer.
    pub candidates: Vec<Candidate>,
    /// Index of the answer in `candidates`.
    chosen: usize,
    /// The answer at the frame's size.
    pub mask: Mask,
    /// Whether token 0 was requested but was too unstable.
    pub fell_back: bool,
    /// Time that resizing took, in milliseconds.
    pub upsample_ms: f32,
    /// Time that measuring took, in milliseconds.
    pub measure_ms: f32,
}

impl Answer {
    /// Chooses and measures. Only the answer's mask is kept, because a mask of the largest size
    /// takes 64 MiB.
    #[must_use]
    pub fn measure(prediction: &Prediction, choice: MaskChoice) -> Self {
        let token = prediction.choose(choice);
        let (mut upsample_ms, mut measure_ms) = (0.0, 0.0);
        let mut measured = |token| {
            let start = Instant::now();
            let mask = prediction.mask(token);
            let upsampled = Instant::now();
            let candidate = Candidate::measure(prediction, token, &mask);
            upsample_ms += (upsampled - start).as_secs_f32() * 1e3;
            measure_ms += upsampled.elapsed().as_secs_f32() * 1e3;
            (candidate, mask)
        };
        let (answer, mask) = measured(token);
        let (candidates, chosen) = match choice {
            MaskChoice::Single => (vec![answer], 0),
            MaskChoice::Multimask => {
                let candidate = |t| if t == token { answer.clone() } else { measured(t).0 };
                let chosen = MaskToken::MULTIMASK.iter().position(|&t| t == token);
                (MaskToken::MULTIMASK.map(candidate).to_vec(), chosen.unwrap_or(0))
            }
        };
        let fell_back = choice == MaskChoice::Single && token != MaskToken::SINGLE;
        Self { candidates, chosen, mask, fell_back, upsample_ms, measure_ms }
    }

    /// The answer's measures.
    #[must_use]
    pub fn chosen(&self) -> &Candidate {
        // `measure` made this index.
        &self.candidates[self.chosen]
    }

    /// The candidates that are not the answer.
    pub fn others(&self) -> impl Iterator<Item = &Candidate> {
        let chosen = self.chosen;
        self.candidates.iter().enumerate().filter_map(move |(i, c)| (i != chosen).then_some(c))
    }
}

impl Candidate {
    fn measure(prediction: &Prediction, token: MaskToken, mask: &Mask) -> Self {
        let contours = prediction.contour(token);
        Self {
            token,
            predicted_iou: prediction.predicted_iou()[token.index()],
            stability: stability_score(prediction.logits_of(token)),
            area_px: mask.area_px(),
            bounding_box: mask.bounding_box(),
            centroid: mask.centroid(),
            diameters: diameters(&contours),
            contours,
        }
    }

    /// Number of parts that do not touch, without specks.
    #[must_use]
    pub fn parts(&self) -> usize {
        let areas = self.contours.iter().filter(|p| !p.hole).map(Polygon::area_px);
        let largest = areas.clone().fold(0.0, f32::max);
        areas.filter(|&area| area > 0.0 && area >= NEGLIGIBLE_PART * largest).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_and_holes_are_not_parts() {
        let square = |side: f32, hole| Polygon {
            points: vec![[0.0, 0.0], [0.0, side], [side, side], [side, 0.0]],
            hole,
        };
        let candidate = |contours| Candidate {
            token: MaskToken::SINGLE,
            predicted_iou: 1.0,
            stability: 1.0,
            area_px: 0,
            bounding_box: None,
            centroid: None,
            contours,
            diameters: None,
        };
        assert_eq!(candidate(vec![]).parts(), 0);
        let contours = vec![square(100.0, false), square(50.0, true), square(9.0, false)];
        assert_eq!(candidate(contours.clone()).parts(), 1);
        assert_eq!(candidate([contours, vec![square(11.0, false)]].concat()).parts(), 2);
    }
}
