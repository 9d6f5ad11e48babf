//! Motion of the whole picture since the session began.
//!
//! A probe that slides moves everything at once. Knowing that motion, a prompt that was given on an older frame
//! still finds its place, and an object that is not seen for a moment is expected where the picture took it.

use super::{Appearance, Thumbnail};

/// Greatest motion between two frames, in cells.
const REACH_CELLS: i32 = 8;
/// Correlation below which the pictures have nothing in common: no motion is assumed.
const MIN_LIKENESS: f32 = 0.5;
/// Frames whose place is remembered: the last 25 s at 20 frames a second.
const REMEMBERED: usize = 512;

/// Sum of all motions, with the recent past.
#[derive(Debug, Default)]
pub(crate) struct Motion {
    middle: Appearance,
    /// How far the picture moved right and down since the first frame, in pixels.
    place_px: [f32; 2],
    history: heapless::HistoryBuf<(u64, [f32; 2]), REMEMBERED>,
    scratch: Vec<f32>,
}

impl Motion {
    /// Takes the next frame; its motion since the one before, in pixels.
    pub(crate) fn update(&mut self, number: u64, picture: &Thumbnail) -> [f32; 2] {
        let found = self.middle.find(picture, [0.0; 2], [REACH_CELLS, 1], &mut self.scratch);
        let shift =
            found.filter(|found| found.likeness >= MIN_LIKENESS).map_or([0.0; 2], |f| f.shift_px);
        // The middle two thirds: the border holds what comes in and goes out, and marks of the scanner.
        let [width, height] =
            [picture.width, picture.height].map(|cells| cells as f32 * picture.cell_px);
        self.middle.take(picture, [0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height]);
        for (place, shift) in self.place_px.iter_mut().zip(shift) {
            *place += shift;
        }
        self.history.write((number, self.place_px));
        shift
    }

    /// Forgets all frames: the size of the picture has changed.
    pub(crate) fn reset(&mut self) {
        self.middle = Appearance::default();
        self.history.clear();
    }

    /// How far the picture moved since the frame `number`, or since the oldest frame that is remembered.
    pub(crate) fn since(&self, number: u64) -> [f32; 2] {
        let mut frames = self.history.oldest_ordered();
        // A frame that was dropped lies between two that were not: the next one is closest in time.
        match frames.find(|(known, _)| *known >= number) {
            Some((_, place)) => [0, 1].map(|axis| self.place_px[axis] - place[axis]),
            None => [0.0; 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::thumbnail::tests_support::{disc, noise};

    #[test]
    fn motions_add_up_from_the_frame_of_a_prompt() {
        let mut motion = Motion::default();
        for i in 0..10_u64 {
            let shift =
                motion.update(10 + i, &disc([50.0 + 2.0 * i as f32, 50.0 + i as f32], 12.0));
            assert!(i == 0 || (shift[0] - 2.0).abs() < 0.4, "{shift:?}");
        }
        let [x, y] = motion.since(14);
        assert!((x - 10.0).abs() < 1.0 && (y - 5.0).abs() < 1.0, "{x} {y}");
        assert_eq!(motion.since(19), [0.0; 2]);
        assert_eq!(motion.since(99), [0.0; 2]);
    }

    #[test]
    fn another_picture_has_not_moved() {
        let mut motion = Motion::default();
        motion.update(1, &noise(1));
        assert_eq!(motion.update(2, &noise(77)), [0.0; 2]);
        motion.reset();
        assert_eq!(motion.since(1), [0.0; 2]);
    }
}
