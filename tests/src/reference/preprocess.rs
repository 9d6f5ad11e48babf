//! The encoder's input from pixels: float resize and normalisation (golden README, "Preprocessing,
//! exactly").

/// Mean of each channel of an image scaled to 0..1.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of each channel.
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Bilinear resize of one plane [h, w] to [s_h, s_w]: half-pixel centres, edges clamped, no
/// antialiasing, no rounding to 8 bit.
#[must_use]
pub fn resize_bilinear(plane: &[f32], [h, w]: [usize; 2], [s_h, s_w]: [usize; 2]) -> Vec<f32> {
    assert_eq!(plane.len(), h * w, "values of a {h}x{w} plane");
    let (rows, columns) = (linear_taps(h, s_h), linear_taps(w, s_w));
    let at = |y: usize, x: usize| f64::from(plane[y * w + x]);
    let mut resized = Vec::with_capacity(s_h * s_w);
    for &(y0, y1, ty) in &rows {
        for &(x0, x1, tx) in &columns {
            let top = at(y0, x0) * (1.0 - tx) + at(y0, x1) * tx;
            let bottom = at(y1, x0) * (1.0 - tx) + at(y1, x1) * tx;
            resized.push((top * (1.0 - ty) + bottom * ty) as f32);
        }
    }
    resized
}

/// For each output position: the two source indices and the weight of the second.
fn linear_taps(from: usize, to: usize) -> Vec<(usize, usize, f64)> {
    (0..to)
        .map(|i| {
            let source = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
            let first = (source as usize).min(from - 1);
            (first, (first + 1).min(from - 1), source - first as f64)
        })
        .collect()
}

/// The encoder's input [3, S, S] from three planes [h, w] of values 0..255; a gray image passes its
/// plane three times.
#[must_use]
pub fn normalise(planes: [&[f32]; 3], h: usize, w: usize, s: usize) -> Vec<f32> {
    let mut input = Vec::with_capacity(3 * s * s);
    for (channel, plane) in planes.into_iter().enumerate() {
        let scaled: Vec<f32> = plane.iter().map(|v| v / 255.0).collect();
        let resized = resize_bilinear(&scaled, [h, w], [s, s]);
        input.extend(resized.iter().map(|v| (v - MEAN[channel]) / STD[channel]));
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_two_pixels_interpolates_at_quarter_points() {
        let resized = resize_bilinear(&[0.0, 8.0], [1, 2], [2, 4]);
        assert_eq!(resized, [0.0, 2.0, 6.0, 8.0, 0.0, 2.0, 6.0, 8.0]);
    }

    #[test]
    fn normalisation_is_per_channel() {
        let input = normalise([&[255.0], &[0.0], &[0.0]], 1, 1, 1);
        assert!((input[0] - 0.515 / 0.229).abs() < 1e-6);
        assert!((input[2] + 0.406 / 0.225).abs() < 1e-6);
    }
}
