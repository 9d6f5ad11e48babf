//! Size of an object on a frame, and its median over the last frames.

use uniultra_core::{Mask, PixelSpacing, Polygon, diameters, diameters_with_spacing};

/// Frames of the running medians: half a second at 20 frames a second. Odd, so that a median is a value that
/// was measured.
const FRAMES: usize = 9;

/// Size of an object. Millimetres are there if the frame's source knows the size of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures {
    /// Pixels of the mask.
    pub area_px: usize,
    /// Its area, in square millimetres.
    pub area_mm2: Option<f32>,
    /// Longest diameter of the largest outline, in pixels.
    pub longest_diameter_px: Option<f32>,
    /// Longest diameter, in millimetres.
    pub longest_diameter_mm: Option<f32>,
    /// Longest extent at right angles to it, in millimetres.
    pub perpendicular_diameter_mm: Option<f32>,
    /// Median area of the last 9 frames on which the object was followed, in pixels.
    pub median_area_px: f32,
    /// Median longest diameter of the same frames, in pixels.
    pub median_longest_diameter_px: f32,
}

/// The sizes of the last frames.
#[derive(Debug, Default)]
pub(crate) struct SizeHistory {
    areas_px: heapless::HistoryBuf<f32, FRAMES>,
    longest_px: heapless::HistoryBuf<f32, FRAMES>,
}

impl SizeHistory {
    /// Forgets all frames.
    pub(crate) fn clear(&mut self) {
        self.areas_px.clear();
        self.longest_px.clear();
    }

    /// Measures a mask; one that is `trusted` counts for the medians.
    pub(crate) fn measure(
        &mut self,
        mask: &Mask,
        outlines: &[Polygon],
        spacing: Option<PixelSpacing>,
        trusted: bool,
    ) -> Measures {
        let area_px = mask.area_px();
        let longest_px = diameters(outlines).map(|found| found.longest.length_px);
        if trusted {
            self.areas_px.write(area_px as f32);
            self.longest_px.write(longest_px.unwrap_or_default());
        }
        let in_mm = spacing.and_then(|spacing| {
            let found = diameters_with_spacing(outlines, spacing)?;
            Some([found.longest, found.perpendicular].map(|segment| segment.length_mm(spacing)))
        });
        Measures {
            area_px,
            area_mm2: spacing.map(|spacing| spacing.area_mm2(area_px as f32)),
            longest_diameter_px: longest_px,
            longest_diameter_mm: in_mm.map(|[longest, _]| longest),
            perpendicular_diameter_mm: in_mm.map(|[_, perpendicular]| perpendicular),
            median_area_px: median(&self.areas_px),
            median_longest_diameter_px: median(&self.longest_px),
        }
    }
}

/// The middle value; 0 of none.
fn median(values: &heapless::HistoryBuf<f32, FRAMES>) -> f32 {
    let mut sorted: heapless::Vec<f32, FRAMES> = values.oldest_ordered().copied().collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::contour;

    #[test]
    fn medians_ignore_one_wrong_mask_and_masks_without_trust() {
        let mut history = SizeHistory::default();
        let mut measured = Measures::default();
        for (width, trusted) in [(10, true), (12, true), (60, true), (11, true), (63, false)] {
            let inside = |i: usize| i % 64 < width && i / 64 < 20;
            let logits: Vec<f32> =
                (0..64 * 64).map(|i| if inside(i) { 1.0 } else { -1.0 }).collect();
            let mask = Mask::upsample_threshold(&logits, 64, 64, 64).unwrap();
            let outlines = contour(&logits, 64, 64, 64).unwrap();
            let spacing = PixelSpacing::with_sides(0.5, 0.25).unwrap();
            measured = history.measure(&mask, &outlines, Some(spacing), trusted);
            assert_eq!(measured.area_px, width * 20);
            assert_eq!(measured.area_mm2, Some(width as f32 * 20.0 * 0.125));
        }
        assert_eq!(measured.median_area_px, 240.0);
        assert!((15.0..30.0).contains(&measured.median_longest_diameter_px), "{measured:?}");
        assert!(measured.longest_diameter_mm.unwrap() > 25.0, "{measured:?}");
    }
}
