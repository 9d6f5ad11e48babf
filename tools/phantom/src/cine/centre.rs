//! The middle of an outline, and the pixel to tap on.

use image::GrayImage;

/// Middle of the area in a closed outline.
pub(super) fn centroid(points: &[[f32; 2]]) -> [f32; 2] {
    let origin = points.first().copied().unwrap_or_default();
    let (mut twice, mut sum) = (0.0, [0.0; 2]);
    for (at, p) in points.iter().enumerate() {
        let q = points[(at + 1) % points.len()];
        let [px, pz] = [p[0] - origin[0], p[1] - origin[1]];
        let [qx, qz] = [q[0] - origin[0], q[1] - origin[1]];
        let cross = px * qz - qx * pz;
        twice += cross;
        sum = [sum[0] + cross * (px + qx), sum[1] + cross * (pz + qz)];
    }
    if twice.abs() < 1e-9 {
        return origin;
    }
    [0, 1].map(|axis| origin[axis] + sum[axis] / (3.0 * twice))
}

/// The pixel of a mask that is farthest from everything outside it, as (column, row).
pub(super) fn deepest_pixel(mask: &GrayImage) -> Option<[u32; 2]> {
    // Chamfer distance in two passes: 3 to a neighbour, 4 across a corner.
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut far: Vec<u32> =
        mask.pixels().map(|pixel| if pixel.0[0] > 0 { u32::MAX / 2 } else { 0 }).collect();
    let order = |back: bool, at: usize| if back { width * height - 1 - at } else { at };
    for back in [false, true] {
        let sign = if back { 1_isize } else { -1 };
        for at in (0..width * height).map(|at| order(back, at)) {
            let (x, y) = ((at % width) as isize, (at / width) as isize);
            let mut least = far[at];
            for (dx, dy, cost) in [(1, 0, 3), (0, 1, 3), (1, 1, 4), (-1, 1, 4)] {
                let (u, v) = (x + sign * dx, y + sign * dy);
                let inside = (0..width as isize).contains(&u) && (0..height as isize).contains(&v);
                let there = if inside { far[v as usize * width + u as usize] } else { 0 };
                least = least.min(there + cost);
            }
            far[at] = least;
        }
    }
    let (at, &most) = far.iter().enumerate().max_by_key(|(at, far)| (**far, usize::MAX - at))?;
    (most > 0).then_some([(at % width) as u32, (at / width) as u32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn the_middle_of_a_triangle_is_the_mean_of_its_corners() {
        let found = centroid(&[[3.0, 1.0], [9.0, 1.0], [3.0, 7.0]]);
        assert!((found[0] - 5.0).abs() < 1e-5 && (found[1] - 3.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn the_deepest_pixel_is_in_the_thickest_part() {
        let mask = GrayImage::from_fn(60, 40, |x, y| {
            let disc = x.abs_diff(20).pow(2) + y.abs_diff(15).pow(2) <= 100;
            Luma([if disc || (y == 15 && x > 20) { 255 } else { 0 }])
        });
        let [x, y] = deepest_pixel(&mask).unwrap();
        assert!(x.abs_diff(20) <= 1 && y.abs_diff(15) <= 1, "{x} {y}");
        assert_eq!(deepest_pixel(&GrayImage::new(9, 9)), None);
        let full = GrayImage::from_pixel(9, 9, Luma([255]));
        assert_eq!(deepest_pixel(&full), Some([4, 4]));
    }
}
