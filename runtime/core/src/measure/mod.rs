//! Diameters of outlines, and pixel spacing in millimetres.

mod diameters;
mod hull;
mod spacing;

pub use diameters::{Diameters, Segment, diameters};
pub use spacing::{PixelSpacing, SpacingError};
