//! Where things moved, from small gray pictures: the whole picture's motion, and the place of an object's
//! appearance.

mod appearance;
mod contrast;
mod logits;
mod motion;
mod thumbnail;

pub(crate) use appearance::{Appearance, Match};
pub(crate) use contrast::{Standing, standing};
pub(crate) use logits::{agreement, area, blend, inner_point, overlap, shift};
pub(crate) use motion::Motion;
pub(crate) use thumbnail::Thumbnail;
