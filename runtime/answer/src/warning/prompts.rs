//! Warnings about the prompts.

use std::fmt;
use uniultra_core::{Mask, MaskPrompt, PointLabel, Prompts};

/// Longer side of a frame, in pixels, from which coordinates of at most 1 are suspicious. In a
/// smaller frame, a thumbnail, the first pixel may be meant.
const HUNDREDS_PX: usize = 100;

/// What a mask prompt holds instead of logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoLogits {
    /// The same value everywhere.
    Constant(f32),
    /// Two values, neither below 0: a mask.
    Binary([f32; 2]),
    /// Values in 0..=1.
    Probability,
}

impl NoLogits {
    /// Detects a mask prompt that does not hold logits.
    pub(super) fn detect(mask: &MaskPrompt) -> Option<Self> {
        let mut values = mask.logits().iter().copied();
        let first = values.next()?;
        let (low, high) = values.fold((first, first), |(low, high), v| (low.min(v), high.max(v)));
        let two = || mask.logits().iter().all(|&value| value == low || value == high);
        match () {
            () if low == high => Some(Self::Constant(low)),
            () if low >= 0.0 && two() => Some(Self::Binary([low, high])),
            () if low >= 0.0 && high <= 1.0 => Some(Self::Probability),
            () => None,
        }
    }
}

impl fmt::Display for NoLogits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(
                f,
                "the mask prompt is {value} everywhere: these are not logits and select no object; \
                 --logits writes logits"
            ),
            Self::Binary([low, high]) => write!(
                f,
                "the mask prompt holds only {low} and {high}, like a mask: these are not logits, \
                 which are below 0 outside the object; write -10 for {low} and 10 for {high}"
            ),
            Self::Probability => f.write_str(
                "the mask prompt lies between 0 and 1, like probabilities: these are not logits, which \
                 are below 0 outside the object; write ln(p / (1 - p)) for p",
            ),
        }
    }
}

/// The clicks that a mask contradicts, counted from 1 in the order given: a positive click outside
/// the mask, or a negative one inside it.
pub(super) fn contradicted<'a>(
    mask: &'a Mask,
    prompts: &'a Prompts,
) -> impl Iterator<Item = (usize, PointLabel)> + 'a {
    // A click may lie on the frame's far border, half a pixel beyond the last centre.
    let pixel = |at: f32, side: usize| (at.round().max(0.0) as usize).min(side.saturating_sub(1));
    (1..).zip(prompts.points()).filter_map(move |(number, point)| {
        let inside = mask.contains(pixel(point.x, mask.width()), pixel(point.y, mask.height()));
        (inside != (point.label == PointLabel::Positive)).then_some((number, point.label))
    })
}

/// Whether every coordinate is in 0..=1 on a frame of hundreds of pixels.
pub(super) fn look_normalized(prompts: &Prompts, width: usize, height: usize) -> bool {
    let points = prompts.points().iter().flat_map(|point| [point.x, point.y]);
    let mut all = points.chain(prompts.bounding_box().into_iter().flatten()).peekable();
    all.peek().is_some()
        && width.max(height) >= HUNDREDS_PX
        && all.all(|value| (0.0..=1.0).contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clicks(of: &[(f32, f32, PointLabel)]) -> Prompts {
        let add = |prompts: Prompts, &(x, y, label): &_| prompts.with_point(x, y, label).unwrap();
        of.iter().fold(Prompts::new(), add)
    }

    #[test]
    fn contradicted_clicks_are_numbered_as_given() {
        use PointLabel::{Negative, Positive};
        // Columns 2 and 3 of four.
        let mask = Mask::from_binary(4, 2, vec![0, 0, 1, 1, 0, 0, 1, 1]).unwrap();
        let prompts = clicks(&[
            (2.0, 0.0, Positive),
            (1.0, 1.0, Positive),
            (3.0, 1.0, Negative),
            (0.0, 0.0, Negative),
            // Nearest to column 2, and to column 1.
            (1.6, 0.0, Positive),
            (1.4, 0.0, Positive),
            // The far border belongs to the last pixel.
            (4.0, 2.0, Negative),
        ]);
        let found: Vec<_> = contradicted(&mask, &prompts).collect();
        assert_eq!(found, [(2, Positive), (3, Negative), (6, Positive), (7, Negative)]);
    }

    #[test]
    fn coordinates_of_at_most_one_are_suspicious_on_large_frames() {
        use PointLabel::Positive;
        let center = clicks(&[(0.5, 0.5, Positive)]);
        assert!(look_normalized(&center, 640, 480) && look_normalized(&center, 64, 100));
        assert!(!look_normalized(&center, 64, 64));
        let corners = Prompts::new().with_box(0.0, 0.25, 1.0, 0.75).unwrap();
        assert!(look_normalized(&corners, 640, 480));
        let mixed = corners.with_point(200.0, 0.5, Positive).unwrap();
        assert!(!look_normalized(&mixed, 640, 480));
        assert!(!look_normalized(&Prompts::new(), 640, 480));
    }

    #[test]
    fn masks_and_probabilities_are_no_logits() {
        let detect =
            |values: [f32; 4]| NoLogits::detect(&MaskPrompt::new(values.to_vec(), 2).unwrap());
        assert_eq!(detect([1.0; 4]), Some(NoLogits::Constant(1.0)));
        assert_eq!(detect([-3.0; 4]), Some(NoLogits::Constant(-3.0)));
        assert_eq!(detect([0.0, 1.0, 1.0, 0.0]), Some(NoLogits::Binary([0.0, 1.0])));
        assert_eq!(detect([255.0, 0.0, 0.0, 0.0]), Some(NoLogits::Binary([0.0, 255.0])));
        assert_eq!(detect([0.1, 0.9, 0.5, 1.0]), Some(NoLogits::Probability));
        // Logits made from a mask, and logits of a network.
        assert_eq!(detect([-10.0, 10.0, 10.0, -10.0]), None);
        assert_eq!(detect([-0.5, 0.25, 0.75, 1.0]), None);
        assert_eq!(detect([0.5, 4.0, 7.0, 1.0]), None);
        for (kind, words) in [
            (NoLogits::Constant(1.0), "is 1 everywhere"),
            (NoLogits::Binary([0.0, 255.0]), "-10 for 0 and 10 for 255"),
            (NoLogits::Probability, "ln(p / (1 - p))"),
        ] {
            assert!(kind.to_string().contains(words), "{kind}");
        }
    }
}
