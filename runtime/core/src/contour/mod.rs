//! Outlines of a mask with sub-pixel precision.

mod polygon;
mod simplify;
mod trace;

pub use polygon::Polygon;
pub(crate) use polygon::edges;

use crate::MaskError;
use crate::mask::{check, check_sides};

/// Outlines of the region where logits `[side, side]` are above 0, in pixels of a source frame of
/// `width` x `height`, largest area first.
///
/// Marching squares (Lorensen and Cline, 1987, in two dimensions) follow the zero level of the
/// logits, so a point of the outline lies where the resized logits cross 0, between pixels. Where a
/// region reaches the frame's border the outline runs along the outermost pixel centres. There are
/// never more points than the grid has edges, however large the frame is.
///
/// # Errors
/// [`MaskError::Values`] unless there are `side * side` logits, [`MaskError::Size`] unless all
/// sides are in 1..=[`MAX_SIDE_PX`](crate::MAX_SIDE_PX).
pub fn contour(
    logits: &[f32],
    side: usize,
    width: usize,
    height: usize,
) -> Result<Vec<Polygon>, MaskError> {
    check(side, side, logits.len())?;
    check_sides(width, height)?;
    Ok(outlines(logits, side, [width, height]))
}

/// [`contour`] for sizes that were checked before.
pub(crate) fn outlines(logits: &[f32], side: usize, size: [usize; 2]) -> Vec<Polygon> {
    let to_source = |point: [f64; 2]| {
        let mut source = [0.0; 2];
        for axis in 0..2 {
            let scale = size[axis] as f64 / side as f64;
            let last = (size[axis] - 1) as f64;
            source[axis] = ((point[axis] + 0.5) * scale - 0.5).clamp(0.0, last) as f32;
        }
        source
    };
    let mut polygons: Vec<(f32, Polygon)> = trace::rings(logits, side)
        .into_iter()
        .filter_map(|ring| Polygon::from_ring(ring.into_iter().map(to_source)))
        .map(|polygon| (polygon.area_px(), polygon))
        .collect();
    polygons.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    polygons.into_iter().map(|(_, polygon)| polygon).collect()
}
