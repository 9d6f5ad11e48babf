//! Diameters of outlines, and pixel spacing in millimetres.

mod diameters;
mod hull;
mod spacing;

pub use diameters::{Diameters, Segment, diameters, diameters_with_spacing, largest_outer};
pub use spacing::{PixelSpacing, SpacingError};
