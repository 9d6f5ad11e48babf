//! Diameters, and millimetres from pixels.

mod diameters;
mod hull;
mod spacing;

pub use diameters::{Diameters, Segment, diameters};
pub use spacing::{PixelSpacing, SpacingError};
