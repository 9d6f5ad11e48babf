//! The answer without a model: the ellipse inscribed in the true box.

use uniultra_core::{Mask, MaskError, PixelBox};

/// Label of the baseline's rows. No model's label has a colon.
pub const BASELINE: &str = "baseline:ellipse";

/// The ellipses inscribed in boxes; a pixel belongs to one if its centre does.
pub(crate) fn ellipses(
    boxes: impl IntoIterator<Item = PixelBox>,
    width: usize,
    height: usize,
) -> Result<Mask, MaskError> {
    let mut data = vec![0; width * height];
    for PixelBox { x0, y0, x1, y1 } in boxes {
        // Twice the offset from the centre over the full axis, so that all is in whole pixels.
        let along = |at: usize, low: usize, high: usize| {
            (2.0 * at as f64 - (low + high) as f64) / (high - low + 1) as f64
        };
        for y in y0..=y1 {
            for x in x0..=x1 {
                let [u, v] = [along(x, x0, x1), along(y, y0, y1)];
                if u * u + v * v <= 1.0 {
                    data[y * width + x] = 1;
                }
            }
        }
    }
    Mask::from_binary(width, height, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;
    use uniultra_core::dice;
    use uniultra_dataset::Object;

    #[test]
    fn fills_the_box_but_its_corners() {
        let square = mask_of(&["......", ".#####", ".#####", ".#####", ".#####", ".#####"]);
        let object = Object::from_mask(square).unwrap().unwrap();
        let expected = mask_of(&["......", "..###.", ".#####", ".#####", ".#####", "..###."]);
        assert_eq!(ellipses([object.tight_box], 6, 6).unwrap(), expected);
    }

    #[test]
    fn is_near_perfect_on_an_upright_ellipse() {
        let inside = |i: usize| {
            let [x, y] = [(i % 100) as f64 - 50.2, (i / 100) as f64 - 40.1];
            u8::from((x / 40.0).powi(2) + (y / 25.0).powi(2) <= 1.0)
        };
        let truth = Mask::from_binary(100, 80, (0..8000).map(inside).collect()).unwrap();
        let object = Object::from_mask(truth.clone()).unwrap().unwrap();
        // The box is known to a pixel only: about half a pixel along a perimeter of 206 of 3142.
        assert!(dice(&ellipses([object.tight_box], 100, 80).unwrap(), &truth).unwrap() > 0.97);
    }
}
