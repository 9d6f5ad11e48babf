//! Smooth random fields: gradient noise (Perlin 2002) with an integer hash, and fields made from
//! it.

/// A smooth random field over the plane, zero mean, roughly within [-1, 1].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    seed: u32,
    /// Height of the plane in a field that fills space; features are about one unit high.
    height: f32,
}

impl Field {
    /// The field with this seed.
    pub(crate) fn new(seed: u32) -> Self {
        Self { seed, height: 0.0 }
    }

    /// The plane of the same field at another height; at 0 it is the field of [`Field::new`].
    pub(crate) fn at_height(self, height: f32) -> Self {
        Self { height, ..self }
    }

    /// One octave; features are about one unit across.
    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        if self.height == 0.0 {
            return self.flat(x, y);
        }
        let lowest = below(self.height);
        let sheet = |number: i32| {
            let seed = self.seed.wrapping_add((number as u32).wrapping_mul(0x6c07_8965));
            Self { seed, height: 0.0 }.flat(x, y)
        };
        let share = fade(self.height - lowest as f32);
        // Sheets are independent: without the root, the field would be flatter between two of them.
        let (lower, upper) = (1.0 - share, share);
        (lower * sheet(lowest) + upper * sheet(lowest + 1)) / (lower * lower + upper * upper).sqrt()
    }

    fn flat(self, x: f32, y: f32) -> f32 {
        let (ix, iy) = (below(x), below(y));
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let (sx, sy) = (fade(fx), fade(fy));
        let top = lerp(self.corner(ix, iy, fx, fy), self.corner(ix + 1, iy, fx - 1.0, fy), sx);
        let bottom = lerp(
            self.corner(ix, iy + 1, fx, fy - 1.0),
            self.corner(ix + 1, iy + 1, fx - 1.0, fy - 1.0),
            sx,
        );
        lerp(top, bottom, sy)
    }

    /// A sum of octaves, each twice as fine and half as strong as the one before.
    pub(crate) fn octaves(self, x: f32, y: f32, count: u32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, 1.0, 1.0);
        for octave in 0..count {
            let layer = Self {
                seed: self.seed.wrapping_add(octave.wrapping_mul(0x9e37_79b9)),
                height: self.height * scale,
            };
            sum += weight * layer.at(x * scale, y * scale);
            weight *= 0.5;
            scale *= 2.03;
        }
        sum
    }

    /// Thin curved lines, 1 on a line and 0 away from it; larger `sharpness` makes them thinner.
    /// Lines are where the field crosses zero.
    pub(crate) fn lines(self, x: f32, y: f32, sharpness: f32) -> f32 {
        let crossing = self.at(x, y) * sharpness;
        1.0 / (1.0 + crossing * crossing)
    }

    fn corner(self, ix: i32, iy: i32, dx: f32, dy: f32) -> f32 {
        let hash = scramble(
            self.seed
                ^ (ix as u32).wrapping_mul(0x85eb_ca6b)
                ^ (iy as u32).wrapping_mul(0xc2b2_ae35),
        );
        let (gx, gy) = GRADIENTS[(hash >> 29) as usize];
        // 1.5 brings the usual extremes of two-dimensional gradient noise close to 1.
        1.5 * (gx * dx + gy * dy)
    }
}

const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Unit vectors all around.
const GRADIENTS: [(f32, f32); 8] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, 1.0),
    (0.0, -1.0),
    (DIAGONAL, DIAGONAL),
    (-DIAGONAL, DIAGONAL),
    (DIAGONAL, -DIAGONAL),
    (-DIAGONAL, -DIAGONAL),
];

/// The next integer at or below; `floor` is a function call on processors without SSE4.1.
pub(crate) fn below(value: f32) -> i32 {
    let towards_zero = value as i32;
    towards_zero - i32::from(value < towards_zero as f32)
}

/// Linear interpolation from `a` (t = 0) to `b` (t = 1).
pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

fn scramble(value: u32) -> u32 {
    let mut h = value;
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_smooth_bounded_and_centred() {
        let field = Field::new(3);
        let (mut sum, mut largest) = (0.0, 0.0_f32);
        for i in 0..100 {
            for j in 0..100 {
                let (x, y) = (i as f32 * 0.37 - 11.0, j as f32 * 0.41 - 13.0);
                let value = field.at(x, y);
                assert!((field.at(x + 1e-3, y) - value).abs() < 0.01, "jump at {x}, {y}");
                sum += value;
                largest = largest.max(value.abs());
            }
        }
        assert!((sum / 1e4_f32).abs() < 0.05);
        assert!((0.5..1.6).contains(&largest), "{largest}");
    }

    #[test]
    fn heights_change_the_field_slowly_and_height_zero_is_the_flat_field() {
        let field = Field::new(3);
        let at = |height: f32| -> Vec<f32> {
            let plane = field.at_height(height);
            (0..4000).map(|i| plane.octaves(i as f32 * 0.31, i as f32 * 0.17, 2)).collect()
        };
        let product = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let flat: Vec<f32> =
            (0..4000).map(|i| field.octaves(i as f32 * 0.31, i as f32 * 0.17, 2)).collect();
        assert_eq!(at(0.0), flat);
        let power = product(&flat, &flat);
        for height in [0.1, 0.5, 1.0, -2.3] {
            let plane = at(height);
            assert!((product(&plane, &plane) / power - 1.0).abs() < 0.15, "{height}");
        }
        assert!(product(&at(0.1), &flat) > 0.95 * power);
        assert!(product(&at(2.0), &flat).abs() < 0.1 * power);
    }

    #[test]
    fn lines_are_thin_and_reach_one() {
        let field = Field::new(5);
        let values: Vec<f32> =
            (0..20_000).map(|i| field.lines(i as f32 * 0.01, 0.3, 12.0)).collect();
        assert!(values.iter().any(|&v| v > 0.95));
        let bright = values.iter().filter(|&&v| v > 0.5).count();
        assert!(bright < values.len() / 3, "{bright}");
    }
}
