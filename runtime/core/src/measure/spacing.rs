//! Converts pixels to millimetres.

use std::ops::RangeInclusive;

/// Sides of a pixel that occur, in millimetres. Beyond them a unit was mistaken, and areas of large
/// masks would not fit a number any more.
const RANGE_MM: RangeInclusive<f32> = 0.001..=10.0;

/// Sides of a pixel, in millimetres: across (x) and down (y) the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSpacing {
    x_mm: f32,
    y_mm: f32,
}

/// Why a pixel spacing was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("pixel spacing: expected {} to {} millimetres, found {found}", RANGE_MM.start(), RANGE_MM.end())]
pub struct SpacingError {
    /// The value, in millimetres.
    pub found: f32,
}

impl PixelSpacing {
    /// Square pixels of `mm` millimetres a side.
    ///
    /// # Errors
    /// [`SpacingError`] unless `mm` is in 0.001..=10.
    pub fn new(mm: f32) -> Result<Self, SpacingError> {
        Self::with_sides(mm, mm)
    }

    /// Pixels that are `x_mm` wide and `y_mm` high, in millimetres. DICOM's `PixelSpacing` has the
    /// height first.
    ///
    /// # Errors
    /// [`SpacingError`] unless both are in 0.001..=10.
    pub fn with_sides(x_mm: f32, y_mm: f32) -> Result<Self, SpacingError> {
        match [x_mm, y_mm].into_iter().find(|mm| !RANGE_MM.contains(mm)) {
            Some(found) => Err(SpacingError { found }),
            None => Ok(Self { x_mm, y_mm }),
        }
    }

    /// Width of a pixel, in millimetres.
    #[must_use]
    pub fn x_mm(self) -> f32 {
        self.x_mm
    }

    /// Height of a pixel, in millimetres.
    #[must_use]
    pub fn y_mm(self) -> f32 {
        self.y_mm
    }

    /// Whether pixels are square.
    #[must_use]
    pub fn is_square(self) -> bool {
        self.x_mm == self.y_mm
    }

    /// The distance of two points (x, y) in pixels, in millimetres.
    #[must_use]
    pub fn distance_mm(self, from: [f32; 2], to: [f32; 2]) -> f32 {
        self.distance(from, to) as f32
    }

    /// An area in square millimetres.
    #[must_use]
    pub fn area_mm2(self, area_px: f32) -> f32 {
        (f64::from(area_px) * f64::from(self.x_mm) * f64::from(self.y_mm)) as f32
    }

    pub(crate) fn distance(self, from: [f32; 2], to: [f32; 2]) -> f64 {
        let [x, y] = self.sides().map(f64::from);
        f64::hypot(
            (f64::from(to[0]) - f64::from(from[0])) * x,
            (f64::from(to[1]) - f64::from(from[1])) * y,
        )
    }

    pub(crate) fn sides(self) -> [f32; 2] {
        [self.x_mm, self.y_mm]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_areas_scale_with_the_sides() {
        let square = PixelSpacing::new(0.5).unwrap();
        assert_eq!(square.distance_mm([1.0, 2.0], [4.0, 6.0]), 2.5);
        assert_eq!(square.area_mm2(8.0), 2.0);
        let tall = PixelSpacing::with_sides(0.5, 2.0).unwrap();
        assert_eq!(tall.distance_mm([0.0, 0.0], [6.0, 2.0]), 5.0);
        assert_eq!((tall.area_mm2(8.0), tall.is_square()), (8.0, false));
        // The largest frame with the largest pixels.
        let most = PixelSpacing::new(10.0).unwrap();
        assert_eq!(most.area_mm2(8192.0 * 8192.0), 8192.0 * 8192.0 * 100.0);
    }

    #[test]
    fn only_spacings_that_occur_exist() {
        for mm in [0.0, -0.1, f32::NAN, f32::INFINITY, 0.000_9, 10.1, 1e30] {
            assert!(PixelSpacing::new(mm).is_err(), "{mm}");
            assert!(PixelSpacing::with_sides(0.1, mm).is_err(), "{mm}");
            assert!(PixelSpacing::with_sides(mm, 0.1).is_err(), "{mm}");
        }
        assert!(PixelSpacing::new(0.001).is_ok() && PixelSpacing::new(10.0).is_ok());
        let message = PixelSpacing::new(11.0).unwrap_err().to_string();
        assert_eq!(message, "pixel spacing: expected 0.001 to 10 millimetres, found 11");
    }
}
