//! Converts pixels to millimetres.

/// Side of a square pixel, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSpacing(f32);

/// Why a pixel spacing was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("pixel spacing: expected a positive number of millimetres, found {found}")]
pub struct SpacingError {
    /// The value, in millimetres.
    pub found: f32,
}

impl PixelSpacing {
    /// A spacing of `mm` millimetres a pixel.
    ///
    /// # Errors
    /// [`SpacingError`] unless `mm` is finite and above 0.
    pub fn new(mm: f32) -> Result<Self, SpacingError> {
        if mm.is_finite() && mm > 0.0 { Ok(Self(mm)) } else { Err(SpacingError { found: mm }) }
    }

    /// Millimetres a pixel.
    #[must_use]
    pub fn mm(self) -> f32 {
        self.0
    }

    /// A length in millimetres.
    #[must_use]
    pub fn length_mm(self, length_px: f32) -> f32 {
        length_px * self.0
    }

    /// An area in square millimetres.
    #[must_use]
    pub fn area_mm2(self, area_px: f32) -> f32 {
        area_px * self.0 * self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_scale_with_the_square() {
        let spacing = PixelSpacing::new(0.5);
        assert_eq!(spacing.map(|s| (s.length_mm(8.0), s.area_mm2(8.0))), Ok((4.0, 2.0)));
    }

    #[test]
    fn only_positive_finite_spacings_exist() {
        for mm in [0.0, -0.1, f32::NAN, f32::INFINITY] {
            assert!(PixelSpacing::new(mm).is_err(), "{mm}");
        }
    }
}
