//! An object as it was on a frame on which it was recognised.

use crate::track::{Appearance, Match, Thumbnail};

/// Largest magnitude of a logit that goes on to the next frame, as SAM 2 limits its mask prompts. Larger ones
/// would say more than one frame can.
const MAX_LOGIT: f32 = 32.0;

/// Mask, surroundings and place on one frame.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// The mask's logits `[side, side]`; empty if there is none.
    pub(crate) logits: Vec<f32>,
    appearance: Appearance,
    centre_px: [f32; 2],
    /// How far the mask has moved from where the surroundings were taken.
    mask_moved_px: [f32; 2],
}

impl Sight {
    /// Takes a mask with the box `[x0, y0, x1, y1]` round it, in pixels of the frame. Buffers are reused.
    pub(crate) fn take(&mut self, logits: &[f32], picture: &Thumbnail, bounds_px: [f32; 4]) {
        self.take_mask(logits, [0.0; 2]);
        self.appearance.take(picture, bounds_px);
        let [x0, y0, x1, y1] = bounds_px;
        self.centre_px = [0.5 * (x0 + x1), 0.5 * (y0 + y1)];
    }

    /// Takes a mask that lies `moved_px` from the surroundings, which stay.
    pub(crate) fn take_mask(&mut self, logits: &[f32], moved_px: [f32; 2]) {
        self.logits.clear();
        self.logits.extend(logits.iter().map(|logit| logit.clamp(-MAX_LOGIT, MAX_LOGIT)));
        self.mask_moved_px = moved_px;
    }

    /// How far the mask moves when the surroundings have moved by `moved_px`.
    pub(crate) fn mask_moves(&self, moved_px: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| moved_px[axis] - self.mask_moved_px[axis])
    }

    /// Whether it has no mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.logits.is_empty()
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self) {
        self.logits.clear();
        self.appearance = Appearance::default();
    }

    /// How far it is from here to a later sight, in pixels.
    pub(crate) fn way_to(&self, later: &Self) -> [f32; 2] {
        [0, 1].map(|axis| later.centre_px[axis] - self.centre_px[axis])
    }

    /// Looks for it; see [`Appearance::find`].
    pub(crate) fn find(
        &self,
        picture: &Thumbnail,
        expected_px: [f32; 2],
        reach: [i32; 2],
        scratch: &mut Vec<f32>,
    ) -> Option<Match> {
        self.appearance.find(picture, expected_px, reach, scratch)
    }
}
