//! An acoustic shadow: a dark band along the beams below some depth.

use crate::stream::Stream;

/// A band; lengths in parts of the side.
pub(crate) struct Shadow {
    /// 1 is black.
    darkness: f32,
    /// Depth at which it begins, and over which it gets dark.
    top: f32,
    onset: f32,
    /// Its middle at that depth, and how far that moves in one side of depth.
    middle: f32,
    slant: f32,
    /// Half its width, how much that grows in one side of depth, and the part of it that is soft.
    half: f32,
    spread: f32,
    soft: f32,
}

impl Shadow {
    pub(crate) fn draw(darkness: f32, stream: &mut Stream) -> Self {
        let middle = stream.unit();
        Self {
            darkness,
            // Half of them come from poor contact with the skin, the others from something within.
            top: stream.uniform(-0.5, 0.5).max(0.0),
            onset: stream.uniform(0.05, 0.3),
            middle,
            // Beams diverge from the middle of the probe, or are parallel.
            slant: (middle - 0.5) * stream.uniform(0.0, 0.8),
            half: stream.uniform(0.03, 0.12),
            spread: stream.uniform(0.0, 0.1),
            soft: stream.uniform(0.6, 1.0),
        }
    }

    /// Darkens a picture `[size, size]`.
    pub(crate) fn apply(&self, image: &mut [f32], size: usize) {
        let side = size as f32;
        for (y, row) in image.chunks_exact_mut(size).enumerate() {
            let below = (y as f32 + 0.5) / side - self.top;
            if below <= 0.0 {
                continue;
            }
            let darkness = self.darkness * smooth_step(below / self.onset);
            let middle = (self.middle + self.slant * below) * side;
            let half = (self.half + self.spread * below) * side;
            let [first, end] =
                [middle - half, middle + half + 1.0].map(|x| x.clamp(0.0, side) as usize);
            for (x, value) in row.iter_mut().enumerate().take(end).skip(first) {
                let inside = 1.0 - (x as f32 + 0.5 - middle).abs() / half;
                *value *= 1.0 - darkness * smooth_step(inside / self.soft);
            }
        }
    }
}

/// 0 below 0, 1 above 1, smooth between.
fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
