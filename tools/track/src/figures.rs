//! From a mask's Dice on every frame to the figures of a sequence.

use crate::FrameScore;
use schemars::JsonSchema;
use serde::Serialize;

/// Dice below which the wrong thing is followed.
const LOST_DICE: f32 = 0.5;
/// Frames below it after which an object counts as lost: a quarter of a second at 20 frames a second.
const LOST_FRAMES: usize = 5;
/// Frames after an object's return within which it must be found again.
const RETURN_FRAMES: usize = 20;

/// How well one method followed the objects of one sequence, or of several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Frames on which an object was visible.
    pub visible_frames: usize,
    /// Mean Dice of these frames.
    pub mean_dice: Option<f64>,
    /// Frames before Dice stayed below 0.5 for 5 visible frames; all frames if it never did.
    pub frames_until_lost: f64,
    /// Frames on which no object was visible.
    pub absent_frames: usize,
    /// Share of these frames that have a mask.
    pub false_continuation: Option<f64>,
    /// Returns of an object after it was absent.
    pub returns: usize,
    /// Share of the returns with a Dice of at least 0.5 within 20 frames.
    pub found_again: Option<f64>,
}

impl Figures {
    /// The figures of a sequence.
    #[must_use]
    pub fn from_scores(scores: &[FrameScore]) -> Self {
        let visible: Vec<&FrameScore> = scores.iter().filter(|score| score.visible).collect();
        let absent_frames = scores.len() - visible.len();
        let continued = scores.iter().filter(|score| !score.visible && score.shown).count();
        let returns: Vec<bool> = scores
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| !pair[0].visible && pair[1].visible)
            .map(|(at, _)| {
                let after = scores[at + 1..].iter().take(RETURN_FRAMES);
                after.take_while(|score| score.visible).any(|score| score.dice >= LOST_DICE)
            })
            .collect();
        let found = returns.iter().filter(|found| **found).count();
        Self {
            visible_frames: visible.len(),
            mean_dice: share(
                visible.iter().map(|score| f64::from(score.dice)).sum(),
                visible.len(),
            ),
            frames_until_lost: frames_until_lost(scores) as f64,
            absent_frames,
            false_continuation: share(continued as f64, absent_frames),
            returns: returns.len(),
            found_again: share(found as f64, returns.len()),
        }
    }

    /// Figures of several sequences together: every frame, absence and return counts the same.
    #[must_use]
    pub fn together(all: &[Self]) -> Self {
        let count = |field: fn(&Self) -> usize| all.iter().map(field).sum::<usize>();
        let weighed = |value: fn(&Self) -> Option<f64>, weight: fn(&Self) -> usize| {
            let sum = all.iter().map(|f| value(f).unwrap_or_default() * weight(f) as f64).sum();
            share(sum, count(weight))
        };
        Self {
            visible_frames: count(|f| f.visible_frames),
            mean_dice: weighed(|f| f.mean_dice, |f| f.visible_frames),
            frames_until_lost: all.iter().map(|f| f.frames_until_lost).sum::<f64>()
                / all.len().max(1) as f64,
            absent_frames: count(|f| f.absent_frames),
            false_continuation: weighed(|f| f.false_continuation, |f| f.absent_frames),
            returns: count(|f| f.returns),
            found_again: weighed(|f| f.found_again, |f| f.returns),
        }
    }
}

fn share(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

fn frames_until_lost(scores: &[FrameScore]) -> usize {
    let mut below = 0;
    for (at, score) in scores.iter().enumerate() {
        if score.visible {
            below = if score.dice < LOST_DICE { below + 1 } else { 0 };
            if below == LOST_FRAMES {
                return at + 1 - LOST_FRAMES;
            }
        }
    }
    scores.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(dice: &[f32]) -> Vec<FrameScore> {
        // A negative number is a frame without an object; -2 has a mask all the same.
        let score = |&dice: &f32| FrameScore {
            visible: dice >= 0.0,
            shown: dice != -1.0,
            dice: dice.max(0.0),
        };
        dice.iter().map(score).collect()
    }

    #[test]
    fn means_losses_absences_and_returns() {
        let figures =
            Figures::from_scores(&scores(&[1.0, 0.5, -1.0, -2.0, 0.1, 0.6, -1.0, 0.0, 0.2]));
        assert_eq!(figures.visible_frames, 6);
        assert!((figures.mean_dice.unwrap() - 2.4 / 6.0).abs() < 1e-6);
        assert_eq!((figures.absent_frames, figures.false_continuation), (3, Some(1.0 / 3.0)));
        assert_eq!((figures.returns, figures.found_again), (2, Some(0.5)));
        assert_eq!(figures.frames_until_lost, 9.0);
        let lost =
            Figures::from_scores(&scores(&[0.9, 0.2, 0.9, 0.1, 0.1, -1.0, 0.1, 0.1, 0.1, 0.9]));
        assert_eq!(lost.frames_until_lost, 4.0);
        let both = Figures::together(&[figures, lost]);
        assert_eq!((both.visible_frames, both.returns), (15, 3));
        assert!((both.mean_dice.unwrap() - (2.4 + 3.4) / 15.0).abs() < 1e-6);
        assert_eq!(Figures::from_scores(&[]).mean_dice, None);
    }
}
