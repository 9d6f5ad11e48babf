//! Distances between the outlines of two masks.

use super::distance::{squared_distance, squared_distance_stretched};
use super::same_size;
use crate::{Mask, MetricError, PixelBox, PixelSpacing};

/// Share of the distances that HD95 covers.
const PERCENTILE: f64 = 0.95;

/// HD95 in pixels. From each surface pixel of either mask, take the distance to the nearest surface
/// pixel of the other; HD95 is the 95th percentile of all these, linearly interpolated.
///
/// A surface pixel is an object pixel that has background, or the outside of the image, as one of
/// its four neighbours. The distance of two empty masks is 0; if only one is empty, it is the
/// image's diagonal.
///
/// # Errors
/// [`MetricError::Size`] if the masks differ in size.
pub fn hd95_px(prediction: &Mask, truth: &Mask) -> Result<f32, MetricError> {
    same_size(prediction, truth)?;
    match distances(prediction, truth, squared_distance) {
        Distances::Between(squares) => Ok(percentile(&squares) as f32),
        Distances::BothEmpty => Ok(0.0),
        Distances::OneEmpty => {
            let [width, height] = [prediction.width(), prediction.height()].map(|v| v as f64);
            Ok(f64::hypot(width, height) as f32)
        }
    }
}

/// HD95 in millimetres, also where pixels are not square: as [`hd95_px`], with every distance in
/// millimetres.
///
/// # Errors
/// [`MetricError::Size`] if the masks differ in size.
pub fn hd95_mm(prediction: &Mask, truth: &Mask, spacing: PixelSpacing) -> Result<f32, MetricError> {
    same_size(prediction, truth)?;
    let [x, y] = [spacing.x_mm(), spacing.y_mm()].map(f64::from);
    let transform = |on: &[bool], width| squared_distance_stretched(on, width, y / x);
    match distances(prediction, truth, transform) {
        Distances::Between(squares) => Ok((percentile(&squares) * x) as f32),
        Distances::BothEmpty => Ok(0.0),
        Distances::OneEmpty => {
            let [width, height] = [prediction.width(), prediction.height()].map(|v| v as f64);
            Ok(f64::hypot(width * x, height * y) as f32)
        }
    }
}

/// Hausdorff distance in pixels: the largest of the distances that HD95 is a percentile of. 0 for
/// two empty masks, `None` (infinite) if only one is empty.
///
/// # Errors
/// [`MetricError::Size`] if the masks differ in size.
pub fn hausdorff_px(prediction: &Mask, truth: &Mask) -> Result<Option<f32>, MetricError> {
    same_size(prediction, truth)?;
    Ok(match distances(prediction, truth, squared_distance) {
        Distances::Between(squares) => {
            squares.last().map(|&square| f64::from(square).sqrt() as f32)
        }
        Distances::BothEmpty => Some(0.0),
        Distances::OneEmpty => None,
    })
}

/// Surface distances of two masks of one size.
enum Distances<D> {
    /// Squared distances of both directions together, ascending.
    Between(Vec<D>),
    BothEmpty,
    OneEmpty,
}

/// `transform` gives the squared distance of each cell of a grid, so many a row, to the nearest that
/// is on.
fn distances<D: Copy + Into<f64>>(
    prediction: &Mask,
    truth: &Mask,
    transform: impl Fn(&[bool], usize) -> Vec<D>,
) -> Distances<D> {
    let window = match (prediction.bounding_box(), truth.bounding_box()) {
        (None, None) => return Distances::BothEmpty,
        (Some(a), Some(b)) => joint(a, b),
        _ => return Distances::OneEmpty,
    };
    // Nearest surface pixels lie in the masks' joint box, so the rest of the image is left out.
    let surfaces = [prediction, truth].map(|mask| surface(mask, window));
    let width = window.x1 - window.x0 + 1;
    let [to_prediction, to_truth] =
        [&surfaces[0], &surfaces[1]].map(|surface| transform(surface, width));
    let on_surface = |from: &[bool], distances: &[D]| -> Vec<D> {
        from.iter().zip(distances).filter_map(|(&on, &d)| on.then_some(d)).collect()
    };
    let mut squares = on_surface(&surfaces[0], &to_truth);
    squares.extend(on_surface(&surfaces[1], &to_prediction));
    squares.sort_unstable_by(|a, b| (*a).into().total_cmp(&(*b).into()));
    Distances::Between(squares)
}

fn joint(a: PixelBox, b: PixelBox) -> PixelBox {
    PixelBox { x0: a.x0.min(b.x0), y0: a.y0.min(b.y0), x1: a.x1.max(b.x1), y1: a.y1.max(b.y1) }
}

/// Which pixels of a window are on a mask's surface, row by row.
fn surface(mask: &Mask, window: PixelBox) -> Vec<bool> {
    let on = |x: usize, y: usize| {
        // Below 0, the index wraps to a column or row that no mask has.
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        mask.contains(x, y) && around.into_iter().any(|(x, y)| !mask.contains(x, y))
    };
    let rows = window.y0..=window.y1;
    rows.flat_map(|y| (window.x0..=window.x1).map(move |x| on(x, y))).collect()
}

/// The percentile of ascending squared distances, as a distance.
fn percentile<D: Copy + Into<f64>>(squares: &[D]) -> f64 {
    let place = PERCENTILE * squares.len().saturating_sub(1) as f64;
    let below = place as usize;
    let at = |i: usize| squares.get(i).map(|&square| square.into().sqrt());
    match (at(below), at(below + 1)) {
        (Some(low), Some(high)) => low + (high - low) * (place - below as f64),
        (Some(low), None) => low,
        _ => 0.0,
    }
}
