//! The size at which a frame is drawn, and the places of its pixels on the canvas.

/// Smaller frames are enlarged by a whole factor, so that marks do not cover them.
const MIN_LONG_SIDE_PX: usize = 800;

/// Larger frames are reduced by a whole factor: nobody looks at 8192 x 8192 pixels, and such a
/// canvas would take 256 MiB on the device.
const MAX_LONG_SIDE_PX: usize = 4096;

/// Canvas size, as the geometric mean of its sides, at which one unit of line width is one pixel.
const UNIT_SIDE_PX: f32 = 900.0;

/// The frame's place and scale on the canvas. The centre of the frame's top left pixel is (0, 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Viewport {
    /// Size of the source frame, in its pixels.
    frame: [usize; 2],
    /// Canvas pixels per frame pixel, 1 unless the frame is small.
    pub(super) up: usize,
    /// Frame pixels per canvas pixel, 1 unless the frame is large.
    pub(super) down: usize,
    /// Size of the drawn frame, in canvas pixels.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Column of the canvas where the drawn frame begins.
    pub(super) left: usize,
    /// Line widths and mark sizes are multiples of this many canvas pixels.
    pub(super) unit: f32,
}

impl Viewport {
    pub(super) fn for_frame(width: usize, height: usize) -> Self {
        let frame = [width, height];
        let long = width.max(height).max(1);
        let up = MIN_LONG_SIDE_PX.div_ceil(long).max(1);
        let down = long.div_ceil(MAX_LONG_SIDE_PX).max(1);
        let (width, height) = ((width * up).div_ceil(down), (height * up).div_ceil(down));
        let unit = ((width * height) as f32).sqrt() / UNIT_SIDE_PX;
        Self { frame, up, down, width, height, left: 0, unit: unit.max(1.0) }
    }

    /// Canvas pixels per frame pixel.
    pub(super) fn scale(&self) -> f32 {
        self.up as f32 / self.down as f32
    }

    /// Converts pixels of the source frame to pixels of the canvas, clamped to the drawn frame.
    pub(super) fn map(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = ((x + 0.5) * self.scale(), (y + 0.5) * self.scale());
        [x.clamp(0.0, self.width as f32) + self.left as f32, y.clamp(0.0, self.height as f32)]
    }

    /// [`Self::map`] for a point of an outline. Outlines end at the centres of the outermost
    /// pixels, but are drawn up to the frame's border.
    pub(super) fn map_outline(&self, mut point: [f32; 2]) -> [f32; 2] {
        for (value, side) in point.iter_mut().zip(self.frame) {
            let last = side as f32 - 1.0;
            if *value <= 0.0 {
                *value = -0.5;
            } else if *value >= last {
                *value = last + 0.5;
            }
        }
        self.map(point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_drawn_at_a_readable_size() {
        for (frame, drawn) in [
            ((16, 16), (800, 800)),
            ((512, 380), (1024, 760)),
            ((800, 540), (800, 540)),
            ((4096, 4096), (4096, 4096)),
            ((8192, 8192), (4096, 4096)),
            ((8192, 16), (4096, 8)),
            ((4097, 17), (2049, 9)),
        ] {
            let viewport = Viewport::for_frame(frame.0, frame.1);
            assert_eq!((viewport.width, viewport.height), drawn, "{frame:?}");
        }
    }

    #[test]
    fn a_pixel_is_drawn_around_its_centre() {
        let viewport = Viewport::for_frame(16, 16);
        assert_eq!(viewport.map([0.0, 15.0]), [25.0, 775.0]);
        assert_eq!(viewport.map([-0.5, 16.0]), [0.0, 800.0]);
        assert_eq!(viewport.map_outline([0.0, 15.0]), [0.0, 800.0]);
        assert_eq!(viewport.map_outline([1.0, 14.0]), viewport.map([1.0, 14.0]));
    }
}
