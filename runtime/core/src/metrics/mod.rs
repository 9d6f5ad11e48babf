//! Agreement between masks, and the stability of one.

mod distance;
mod overlap;
mod surface;

pub use distance::squared_distance_px2;
pub use overlap::{dice, iou, stability_score};
pub use surface::{hausdorff_px, hd95_mm, hd95_px};

use crate::Mask;

/// Why two masks could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The masks have different sizes.
    #[error("metric: expected two masks of one size, found {}x{} and {}x{} pixels", a[0], a[1], b[0], b[1])]
    Size {
        /// Width and height of the first mask.
        a: [usize; 2],
        /// Width and height of the second mask.
        b: [usize; 2],
    },
}

fn same_size(a: &Mask, b: &Mask) -> Result<(), MetricError> {
    let [a, b] = [a, b].map(|mask| [mask.width(), mask.height()]);
    if a == b { Ok(()) } else { Err(MetricError::Size { a, b }) }
}
