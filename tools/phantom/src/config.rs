//! The caller's choices for the frames.

use crate::PhantomError;
use serde::{Deserialize, Serialize};

/// Smallest side of a frame, px.
pub const MIN_SIDE_PX: u32 = 128;
/// Largest side of a frame, px.
pub const MAX_SIDE_PX: u32 = 2048;

/// The probe to simulate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeometryChoice {
    /// A random one for each frame.
    #[default]
    Any,
    /// Linear array: parallel beams, a rectangle.
    Linear,
    /// Phased array: beams from almost one point, a pie slice.
    Sector,
    /// Curved array: beams from an arc, a fan with a curved top.
    Convex,
}

/// What the frames show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenes {
    /// Lesions, vessels, fascia strips and fetal heads in layered tissue.
    #[default]
    Classic,
    /// Whole organs, hollow organs, heart chambers, vessels, thin layers, and small faint lesions
    /// among them: every visible structure is a target of some frame.
    Organs,
}

impl Scenes {
    fn is_classic(&self) -> bool {
        *self == Self::Classic
    }
}

/// Choices for all frames of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomConfig {
    /// The probe.
    pub geometry: GeometryChoice,
    /// Width and height of every frame, px; random (320 to 720 px) where absent.
    pub size_px: Option<[u32; 2]>,
    /// Share of frames without any target, whose mask is empty, 0 to 1.
    pub empty_share: f32,
    /// What the frames show.
    #[serde(skip_serializing_if = "Scenes::is_classic")]
    pub scenes: Scenes,
}

impl PhantomConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`PhantomError::Size`] or [`PhantomError::EmptyShare`], naming what was found.
    pub fn validate(&self) -> Result<(), PhantomError> {
        if let Some([width, height]) = self.size_px {
            let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
            if !sides.contains(&width) || !sides.contains(&height) {
                return Err(PhantomError::Size {
                    min: MIN_SIDE_PX,
                    max: MAX_SIDE_PX,
                    width,
                    height,
                });
            }
        }
        if !(0.0..=1.0).contains(&self.empty_share) {
            return Err(PhantomError::EmptyShare { found: self.empty_share });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let with =
            |size_px, empty_share| PhantomConfig { size_px, empty_share, ..Default::default() };
        assert!(with(None, 0.0).validate().is_ok());
        assert!(with(Some([128, 2048]), 1.0).validate().is_ok());
        let error = with(Some([127, 400]), 0.0).validate().unwrap_err().to_string();
        assert!(error.contains("127x400"), "{error}");
        assert!(with(Some([400, 2049]), 0.0).validate().is_err());
        assert!(with(None, f32::NAN).validate().is_err());
        assert!(with(None, -0.1).validate().is_err());
    }
}
