//! Reads a picture through an affine map: bilinear, once, the same for image and mask.

use crate::affine::Affine;

/// A picture to read: `[height, width]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: &'a [u8],
}

/// Columns and rows of the output that are written, the ends excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) columns: [usize; 2],
    pub(crate) rows: [usize; 2],
}

impl Region {
    /// Everything.
    pub(crate) fn whole(size: usize) -> Self {
        Self { columns: [0, size], rows: [0, size] }
    }

    /// The pixels that a box of the unit square touches, and one more on either side.
    pub(crate) fn around([x0, y0, x1, y1]: [f64; 4], size: usize) -> Self {
        let side = |low: f64, high: f64| {
            let [low, high] = [low * size as f64 - 1.0, high * size as f64 + 1.0];
            [low.floor(), high.ceil()].map(|end| end.clamp(0.0, size as f64) as usize)
        };
        Self { columns: side(x0, x1), rows: side(y0, y1) }
    }
}

/// Reads `source` at every pixel of a `size` x `size` output's region and hands place (in row-major
/// order) and value, in the unit of the source, to `write`. Pixels of the output outside the source
/// are not written.
///
/// `map` maps the source to the output, both as the unit square. Like the runtime's preprocessing,
/// it uses half-pixel centres, clamps within half a pixel of the edge, and does not antialias: the
/// identity gives the same values.
#[inline(always)]
pub(crate) fn warp(
    source: Source<'_>,
    map: &Affine,
    size: usize,
    region: Region,
    mut write: impl FnMut(usize, f32),
) {
    let Source { width, height, values } = source;
    let [to_u, to_v] = back(map, [width, height], size);
    let (last_u, last_v) = (width as i64 - 1, height as i64 - 1);
    let line = |row: usize| &values[row * width..(row + 1) * width];
    for y in region.rows[0]..region.rows[1] {
        let along = |[by_x, by_y, start]: [f64; 3]| [by_x, by_y * y as f64 + start];
        let ([du, u0], [dv, v0]) = (along(to_u), along(to_v));
        let mut columns = region.columns;
        for (step, start, extent) in [(du, u0, width), (dv, v0, height)] {
            columns = shown(columns, step, start, extent as f64);
        }
        let (u, v) = (Steps::new(u0, du, last_u), Steps::new(v0, dv, last_v));
        let across = |line: &[u8], left: usize, right: usize, weight: f32| {
            lerp(f32::from(line[left]), f32::from(line[right]), weight)
        };
        if dv == 0.0 {
            // Nothing is turned: the output row lies between two rows of the source.
            let (top, bottom, down) = v.at(0);
            let (top, bottom) = (line(top), line(bottom));
            for x in columns[0]..columns[1] {
                let (left, right, weight) = u.at(x);
                let upper = across(top, left, right, weight);
                write(y * size + x, lerp(upper, across(bottom, left, right, weight), down));
            }
            continue;
        }
        for x in columns[0]..columns[1] {
            let (left, right, weight) = u.at(x);
            let (top, bottom, down) = v.at(x);
            let upper = across(line(top), left, right, weight);
            write(y * size + x, lerp(upper, across(line(bottom), left, right, weight), down));
        }
    }
}

/// Places along a line through the source, in steps of 2^-32 pixels: exact to a ten-millionth of a
/// pixel, and split into pixel and weight without rounding functions.
struct Steps {
    start: i64,
    step: i64,
    last: i64,
}

impl Steps {
    const ONE: f64 = (1_i64 << 32) as f64;

    fn new(start: f64, step: f64, last: i64) -> Self {
        Self { start: (start * Self::ONE) as i64, step: (step * Self::ONE) as i64, last }
    }

    /// The pixel at or below, the one above, and the share of that.
    #[inline(always)]
    fn at(&self, x: usize) -> (usize, usize, f32) {
        let place = (self.start + self.step * x as i64).clamp(0, self.last << 32);
        let low = place >> 32;
        let weight = ((place as u32) >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32);
        (low as usize, (low + 1).min(self.last) as usize, weight)
    }
}

/// Maps output pixels to source pixels: column and row of the source are each
/// `by_x * x + by_y * y + start`.
fn back(map: &Affine, sides: [usize; 2], size: usize) -> [[f64; 3]; 2] {
    let inverse = map.inverse();
    [0, 1].map(|axis| {
        let scale = sides[axis] as f64;
        let [by_x, by_y, start] = inverse.m[axis].map(|value| value * scale);
        let [by_x, by_y] = [by_x / size as f64, by_y / size as f64];
        [by_x, by_y, start + 0.5 * (by_x + by_y) - 0.5]
    })
}

/// The columns at which a source coordinate `start + step * column` is on the source's pixels, that
/// is in -0.5..=extent - 0.5.
fn shown(columns: [usize; 2], step: f64, start: f64, extent: f64) -> [usize; 2] {
    let inside = |x: usize| (-0.5..=extent - 0.5).contains(&(start + step * x as f64));
    let [mut first, mut end] = columns;
    if step == 0.0 {
        return if inside(first) { columns } else { [first, first] };
    }
    let ends = [(-0.5 - start) / step, (extent - 0.5 - start) / step];
    let [low, high] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
    let bound = |place: f64| place.clamp(columns[0] as f64, columns[1] as f64) as usize;
    // Rounding may be off by one column; the test itself decides.
    first = bound(low.floor() - 1.0).max(first);
    end = bound(high.ceil() + 2.0).min(end);
    while first < end && !inside(first) {
        first += 1;
    }
    while first < end && !inside(end - 1) {
        end -= 1;
    }
    [first, end]
}

#[inline(always)]
fn lerp(low: f32, high: f32, weight: f32) -> f32 {
    low + (high - low) * weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::{Frame, InputSpec, Pixels, preprocess};
    use uniultra_manifest::{Channels, Normalization};

    fn speckled(width: usize, height: usize) -> Vec<u8> {
        (0..width * height).map(|i| (i * 7919 % 251) as u8).collect()
    }

    fn warped(width: usize, height: usize, values: &[u8], map: &Affine, size: usize) -> Vec<f32> {
        let mut out = vec![0.0; size * size];
        let source = Source { width, height, values };
        warp(source, map, size, Region::whole(size), |at, value| out[at] = value / 255.0);
        out
    }

    #[test]
    fn the_identity_is_the_runtime_s_preprocessing() {
        for (width, height, size) in [(97, 61, 64), (40, 33, 64), (64, 64, 64), (601, 467, 512)] {
            let values = speckled(width, height);
            let frame = Frame::new(width, height, Pixels::Gray8(values.clone())).unwrap();
            let spec = InputSpec {
                image_size: size,
                channels: Channels::Gray,
                normalization: Normalization::Graph,
                mean: [0.0; 3],
                std: [1.0; 3],
            };
            let mut expected = vec![0.0; spec.values()];
            preprocess(&frame, &spec, &mut expected).unwrap();
            let found = warped(width, height, &values, &Affine::IDENTITY, size);
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{width}x{height} {at}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_turned_picture_is_read_as_a_straight_one() {
        // Four quarter turns read through the general way, none through the straight one.
        let values = speckled(64, 64);
        let about =
            |map: Affine| Affine::shift([-0.5, -0.5]).then(map).then(Affine::shift([0.5, 0.5]));
        let quarter = about(Affine::turn(std::f64::consts::FRAC_PI_2));
        let turned = warped(64, 64, &values, &quarter, 64);
        for y in 0..64 {
            for x in 0..64 {
                // Rotates x towards y: column x, row y comes from column y, row 63 - x.
                let expected = f32::from(values[(63 - x) * 64 + y]) / 255.0;
                assert!((turned[y * 64 + x] - expected).abs() < 1e-5, "{x} {y}");
            }
        }
    }

    #[test]
    fn outside_is_black_to_the_pixel() {
        let half = Affine::scale([0.5, 0.5], [0.5, 0.5]);
        let white = vec![255; 30 * 20];
        let found = warped(30, 20, &white, &half, 40);
        for (at, value) in found.iter().enumerate() {
            let inside = [at % 40, at / 40].iter().all(|place| (10..30).contains(place));
            assert_eq!(*value, if inside { 1.0 } else { 0.0 }, "{at}");
        }
        let gone = Affine::shift([1.5, 0.0]);
        assert!(warped(30, 20, &white, &gone, 40).iter().all(|value| *value == 0.0));
    }

    #[test]
    fn a_region_is_all_that_is_written() {
        let region = Region::around([0.25, 0.5, 0.5, 0.75], 40);
        assert_eq!(region, Region { columns: [9, 21], rows: [19, 31] });
        let outside = Region::around([-2.0, 0.0, -1.0, 1.5], 40);
        assert_eq!(outside, Region { columns: [0, 0], rows: [0, 40] });
        let mut written = 0;
        let source = Source { width: 8, height: 8, values: &[9; 64] };
        warp(source, &Affine::IDENTITY, 40, region, |_, _| written += 1);
        assert_eq!(written, 144);
    }
}
