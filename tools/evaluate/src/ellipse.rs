//! The ellipse that fits a mask, and its circumference.

use uniultra_core::{Mask, MaskError, PixelSpacing};
use uniultra_dataset::Components;

/// Circumference in millimetres of the ellipse fitted to a mask's largest component; 0 if it is empty.
///
/// The ellipse has the component's second moments, which makes the fit exact for a filled ellipse
/// and steady under ragged outlines: its semi-axes are twice the standard deviations along the
/// principal axes. Moments of an image whose pixels are not square are stretched along its axes, which
/// makes those of the true shape.
pub(crate) fn circumference_mm(mask: &Mask, spacing: PixelSpacing) -> Result<f32, MaskError> {
    let components = Components::from_mask(mask);
    let Some((largest, area_px)) = components.largest() else { return Ok(0.0) };
    let mask = components.mask(largest)?;
    let pixels = || {
        let on = mask.data().iter().enumerate().filter(|(_, value)| **value != 0);
        on.map(|(at, _)| [(at % mask.width()) as f64, (at / mask.width()) as f64])
    };
    let area = area_px as f64;
    let [sum_x, sum_y] = pixels().fold([0.0, 0.0], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
    let [mean_x, mean_y] = [sum_x / area, sum_y / area];
    // A unit square has a variance of 1/12 in itself.
    let [mut xx, mut xy, mut yy] = [area / 12.0, 0.0, area / 12.0];
    for [x, y] in pixels() {
        let [dx, dy] = [x - mean_x, y - mean_y];
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    let [x_mm, y_mm] = [spacing.x_mm(), spacing.y_mm()].map(f64::from);
    let [xx, xy, yy] = [xx * x_mm * x_mm / area, xy * x_mm * y_mm / area, yy * y_mm * y_mm / area];
    let middle = (xx + yy) / 2.0;
    let spread = f64::hypot((xx - yy) / 2.0, xy);
    let axis = |variance: f64| 2.0 * variance.max(0.0).sqrt();
    Ok(perimeter(axis(middle + spread), axis(middle - spread)) as f32)
}

/// Ramanujan's second approximation of an ellipse's perimeter (1914), within 1e-5 of the exact value
/// for axes up to 1 : 4.
fn perimeter(a: f64, b: f64) -> f64 {
    if a + b <= 0.0 {
        return 0.0;
    }
    let h = ((a - b) / (a + b)).powi(2);
    std::f64::consts::PI * (a + b) * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;

    fn circumference_px(mask: &Mask) -> Result<f32, MaskError> {
        circumference_mm(mask, PixelSpacing::new(1.0).unwrap())
    }

    /// A filled ellipse, turned by `angle`.
    fn ellipse(a: f64, b: f64, angle: f64) -> Mask {
        let (width, height) = (300, 280);
        let (sin, cos) = angle.sin_cos();
        let inside = |i: usize| {
            let [x, y] = [(i % width) as f64 - 150.3, (i / width) as f64 - 140.6];
            let [u, v] = [(x * cos + y * sin) / a, (y * cos - x * sin) / b];
            u8::from(u * u + v * v <= 1.0)
        };
        Mask::from_binary(width, height, (0..width * height).map(inside).collect()).unwrap()
    }

    #[test]
    fn the_circumference_of_a_known_ellipse() {
        // 2 pi r for a circle; the ellipse's perimeter 4 a E(e) is from tables of E: with
        // b / a = 0.6 it is 5.10540 a.
        for (a, b, angle, expected) in [
            (100.0, 100.0, 0.0, 628.3185),
            (120.0, 72.0, 0.0, 612.648),
            (120.0, 72.0, 0.7, 612.648),
        ] {
            let found = circumference_px(&ellipse(a, b, angle)).unwrap();
            // Rasterising moves the outline by a small part of a pixel.
            assert!((found - expected).abs() < 0.5, "{found} for {expected}");
        }
    }

    /// Pixels that make circles of the ellipses, and one that makes a circle an ellipse.
    #[test]
    fn pixels_that_are_not_square() {
        for (a, b, [x_mm, y_mm], expected) in [
            // A radius of 12 mm.
            (120.0, 72.0, [0.1, 1.0 / 6.0], 75.398),
            (72.0, 120.0, [1.0 / 6.0, 0.1], 75.398),
            // Semi-axes of 20 and 12 mm: 5.10540 times 20.
            (100.0, 100.0, [0.2, 0.12], 102.108),
        ] {
            let spacing = PixelSpacing::with_sides(x_mm, y_mm).unwrap();
            let found = circumference_mm(&ellipse(a, b, 0.0), spacing).unwrap();
            assert!((found - expected).abs() < 0.1, "{found} for {expected}");
        }
    }

    #[test]
    fn specks_do_not_count() {
        let clean = ellipse(80.0, 60.0, 0.3);
        let mut data = clean.data().to_vec();
        data[0] = 1;
        let speck = Mask::from_binary(clean.width(), clean.height(), data).unwrap();
        assert_eq!(circumference_px(&speck).unwrap(), circumference_px(&clean).unwrap());
    }

    #[test]
    fn nothing_has_no_circumference() {
        assert_eq!(circumference_px(&mask_of(&["..."])).unwrap(), 0.0);
    }
}
