//! Masks and outlines against plain references and known shapes.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use proptest::prelude::*;
use std::f32::consts::PI;
use uniultra_core::{
    Mask, MaskError, PixelBox, PixelSpacing, Polygon, contour, diameters, diameters_with_spacing,
    resize_logits,
};

/// Logits of a shape given by its signed distance (above 0 inside), in grid units.
fn logits(side: usize, inside: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    (0..side * side).map(|i| inside((i % side) as f32, (i / side) as f32)).collect()
}

fn disc(cx: f32, cy: f32, radius: f32) -> impl Fn(f32, f32) -> f32 {
    move |x, y| radius - f32::hypot(x - cx, y - cy)
}

/// A centre of mass of the outline's area.
fn centre(polygon: &Polygon) -> [f64; 2] {
    let points: Vec<[f64; 2]> = polygon.points.iter().map(|p| p.map(f64::from)).collect();
    let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let cross = a[0] * b[1] - b[0] * a[1];
        area += cross;
        x += (a[0] + b[0]) * cross;
        y += (a[1] + b[1]) * cross;
    }
    [x / (3.0 * area), y / (3.0 * area)]
}

fn naive_mask(logits: &[f32], side: usize, width: usize, height: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let axis = |i: usize, length: usize| {
        let place = (i as f64 + 0.5) * side as f64 / length as f64 - 0.5;
        let place = place.clamp(0.0, side as f64 - 1.0);
        (place as usize, (place as usize + 1).min(side - 1), (place - place.floor()) as f32)
    };
    for y in 0..height {
        let (y0, y1, fy) = axis(y, height);
        for x in 0..width {
            let (x0, x1, fx) = axis(x, width);
            let column = |x: usize| {
                let (top, bottom) = (logits[y0 * side + x], logits[y1 * side + x]);
                top + (bottom - top) * fy
            };
            let (left, right) = (column(x0), column(x1));
            out.push(u8::from(left + (right - left) * fx > 0.0));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_mask_is_the_thresholded_resize(
        (side, values) in (1_usize..12).prop_flat_map(|side| {
            (Just(side), prop::collection::vec(-3.0_f32..3.0, side * side))
        }),
        width in 1_usize..50,
        height in 1_usize..50,
    ) {
        let mask = Mask::upsample_threshold(&values, side, width, height).unwrap();
        let naive = naive_mask(&values, side, width, height);
        prop_assert_eq!(mask.data(), &naive);
        let mut rows = Vec::new();
        resize_logits(&values, side, width, height, |y, row| {
            assert_eq!(y * width, rows.len());
            rows.extend(row.iter().map(|v| u8::from(*v > 0.0)));
        }).unwrap();
        prop_assert_eq!(rows, naive);
    }

    #[test]
    fn outlines_stay_inside_the_frame_largest_first(
        values in prop::collection::vec(-3.0_f32..3.0, 16 * 16),
        width in 16_usize..400,
        height in 16_usize..400,
    ) {
        let polygons = contour(&values, 16, width, height).unwrap();
        let mut signed_area = 0.0;
        for polygon in &polygons {
            prop_assert!(polygon.points.len() >= 3);
            for &[x, y] in &polygon.points {
                prop_assert!((0.0..=(width - 1) as f32).contains(&x));
                prop_assert!((0.0..=(height - 1) as f32).contains(&y));
            }
            let area = polygon.area_px();
            signed_area += if polygon.hole { -area } else { area };
        }
        prop_assert!(polygons.windows(2).all(|p| p[0].area_px() >= p[1].area_px()));
        prop_assert!(signed_area >= -1e-3 && signed_area <= (width * height) as f32);
    }

    #[test]
    fn an_ellipses_outline_and_mask_have_its_area(
        (cx, cy) in (24.0_f32..40.0, 24.0_f32..40.0),
        (rx, ry) in (8.0_f32..20.0, 8.0_f32..20.0),
        (width, height) in (200_usize..900, 200_usize..900),
    ) {
        let level = |x: f32, y: f32| 1.0 - f32::hypot((x - cx) / rx, (y - cy) / ry);
        let values = logits(64, level);
        let polygons = contour(&values, 64, width, height).unwrap();
        prop_assert_eq!(polygons.len(), 1);
        let mask = Mask::upsample_threshold(&values, 64, width, height).unwrap();
        let area = PI * rx * ry * (width * height) as f32 / (64.0 * 64.0);
        // Chords and bilinear cells of one grid unit flatten a curve of radius 8 by 1/(8 * 8) unit.
        prop_assert!((polygons[0].area_px() - area).abs() <= 0.01 * area);
        prop_assert!((mask.area_px() as f32 - area).abs() <= 0.01 * area);
        let [x, y] = centre(&polygons[0]);
        let [u, v] = mask.centroid().unwrap();
        prop_assert!((x - f64::from(u)).abs() < 0.2 && (y - f64::from(v)).abs() < 0.2);
    }

    #[test]
    fn moving_the_shape_by_a_grid_point_moves_the_outline(
        values in prop::collection::vec(-3.0_f32..3.0, 10 * 10),
    ) {
        let at = |dx: usize, dy: usize| {
            let mut grid = vec![-1.0; 32 * 32];
            for (i, value) in values.iter().enumerate() {
                grid[(5 + dy + i / 10) * 32 + 5 + dx + i % 10] = *value;
            }
            let mut areas: Vec<f32> =
                contour(&grid, 32, 320, 320).unwrap().iter().map(Polygon::area_px).collect();
            areas.sort_by(f32::total_cmp);
            areas
        };
        let (here, there) = (at(0, 0), at(4, 7));
        prop_assert_eq!(here.len(), there.len());
        for (a, b) in here.iter().zip(&there) {
            // Coordinates near 200 are stored to 1.5e-5 px.
            prop_assert!((a - b).abs() <= 1e-4 * (1.0 + a), "{} {}", a, b);
        }
    }

    #[test]
    fn simplified_outlines_stay_within_the_tolerance(
        values in prop::collection::vec(-3.0_f32..3.0, 12 * 12),
        tolerance in 0.1_f32..8.0,
    ) {
        for polygon in contour(&values, 12, 120, 120).unwrap() {
            let simple = polygon.simplified(tolerance);
            prop_assert!(simple.points.len() <= polygon.points.len());
            for p in &polygon.points {
                let edges = simple.points.iter().zip(simple.points.iter().cycle().skip(1));
                let away = edges.map(|(a, b)| from_segment(*p, *a, *b)).fold(f32::MAX, f32::min);
                prop_assert!(away <= tolerance + 1e-3, "{} > {}", away, tolerance);
            }
        }
    }
}

fn from_segment(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (ux, uy) = (b[0] - a[0], b[1] - a[1]);
    let along = ((p[0] - a[0]) * ux + (p[1] - a[1]) * uy) / (ux * ux + uy * uy).max(1e-12);
    let along = along.clamp(0.0, 1.0);
    f32::hypot(p[0] - a[0] - along * ux, p[1] - a[1] - along * uy)
}

#[test]
fn a_disc_is_outlined_finer_than_its_pixels() {
    // Grid 256 to 1024x512: one grid unit is 4 px across, 2 px down.
    let (cx, cy, radius) = (120.3, 90.7, 40.0);
    let values = logits(256, disc(cx, cy, radius));
    let polygons = contour(&values, 256, 1024, 512).unwrap();
    let [polygon] = polygons.as_slice() else { panic!("{} outlines", polygons.len()) };
    assert!(!polygon.hole);
    let (a, b) = (4.0 * radius, 2.0 * radius);
    let area = PI * a * b;
    // Chords of one grid unit lie inside the circle: relative loss 1/(12 radius^2) times a few.
    assert!((polygon.area_px() - area).abs() / area < 1e-3, "{} {area}", polygon.area_px());
    // Ramanujan's second approximation of an ellipse's perimeter.
    let h = ((a - b) / (a + b)).powi(2);
    let perimeter = PI * (a + b) * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()));
    assert!((polygon.perimeter_px() - perimeter).abs() / perimeter < 1e-3);
    let [x, y] = centre(polygon);
    let expected = [(f64::from(cx) + 0.5) * 4.0 - 0.5, (f64::from(cy) + 0.5) * 2.0 - 0.5];
    assert!((x - expected[0]).abs() < 0.02 && (y - expected[1]).abs() < 0.02, "{x} {y}");
    // The mask of the same logits: its area differs by what pixels round at the border.
    let mask = Mask::upsample_threshold(&values, 256, 1024, 512).unwrap();
    assert!((mask.area_px() as f32 - area).abs() / area < 2e-3, "{}", mask.area_px());
    let measured = diameters(&polygons).unwrap();
    assert!((measured.longest.length_px - 2.0 * a).abs() < 0.1, "{measured:?}");
    assert!((measured.perpendicular.length_px - 2.0 * b).abs() < 0.1, "{measured:?}");
}

#[test]
fn a_ring_has_an_outer_outline_and_a_hole() {
    let ring = |x: f32, y: f32| 6.0 - (f32::hypot(x - 32.0, y - 32.0) - 18.0).abs();
    let polygons = contour(&logits(64, ring), 64, 640, 640).unwrap();
    assert_eq!(polygons.iter().map(|p| p.hole).collect::<Vec<_>>(), [false, true]);
    for (polygon, radius) in polygons.iter().zip([240.0, 120.0]) {
        let area = PI * radius * radius;
        assert!((polygon.area_px() - area).abs() / area < 0.01, "{}", polygon.area_px());
    }
}

#[test]
fn a_full_frame_is_outlined_along_its_border_pixels() {
    let polygons = contour(&[1.0; 64], 8, 100, 60).unwrap();
    assert_eq!(polygons.len(), 1);
    let mut corners = polygons[0].simplified(1e-3).points;
    corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(corners, [[0.0, 0.0], [0.0, 59.0], [99.0, 0.0], [99.0, 59.0]]);
}

#[test]
fn a_region_that_leaves_the_frame_is_cut_straight() {
    // Left half: logits fall by 1 a grid unit and cross 0 between columns 3 and 4.
    let polygons = contour(&logits(8, |x, _| 3.5 - x), 8, 80, 80).unwrap();
    assert_eq!(polygons.len(), 1);
    let mut corners = polygons[0].simplified(1e-3).points;
    corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(corners, [[0.0, 0.0], [0.0, 79.0], [39.5, 0.0], [39.5, 79.0]]);
}

#[test]
fn a_saddle_joins_by_the_cells_middle() {
    let saddle = |off: f32| {
        let mut values = vec![-1.0; 16];
        for (x, y, v) in [(1, 1, 1.0), (2, 2, 1.0), (2, 1, off), (1, 2, off)] {
            values[y * 4 + x] = v;
        }
        contour(&values, 4, 40, 40).unwrap().len()
    };
    assert_eq!((saddle(-0.9), saddle(-1.1)), (1, 2));
}

#[test]
fn nothing_above_zero_has_no_outline_and_an_empty_mask() {
    let values = vec![0.0; 64];
    assert_eq!(contour(&values, 8, 50, 50).unwrap(), []);
    assert_eq!(diameters(&[]), None);
    let mask = Mask::upsample_threshold(&values, 8, 50, 50).unwrap();
    assert_eq!((mask.area_px(), mask.bounding_box(), mask.centroid()), (0, None, None));
}

#[test]
fn area_box_and_centroid_of_a_rectangle() {
    let data = (0..20 * 10).map(|i| u8::from((3..=8).contains(&(i % 20)) && i / 20 >= 4)).collect();
    let mask = Mask::from_binary(20, 10, data).unwrap();
    assert_eq!(mask.area_px(), 36);
    assert_eq!(mask.bounding_box(), Some(PixelBox { x0: 3, y0: 4, x1: 8, y1: 9 }));
    assert_eq!(mask.centroid(), Some([5.5, 6.5]));
    assert!(mask.contains(3, 9) && !mask.contains(2, 9) && !mask.contains(20, 4));
    assert!(!mask.contains(usize::MAX, 4) && !mask.contains(4, usize::MAX));
}

#[test]
fn any_value_but_zero_is_object() {
    assert_eq!(Mask::from_binary(3, 1, vec![0, 255, 2]).unwrap().data(), [0, 1, 1]);
}

#[test]
fn the_longest_extent_across_is_at_right_angles() {
    // A rhombus: diagonals 80 and 30, turned by 30 degrees.
    let (sin, cos) = (PI / 6.0).sin_cos();
    let corner = |x: f32, y: f32| [100.0 + x * cos - y * sin, 100.0 + x * sin + y * cos];
    let points = vec![corner(-40.0, 0.0), corner(0.0, -15.0), corner(40.0, 0.0), corner(0.0, 15.0)];
    let hole = false;
    let found = diameters(&[Polygon { points, hole }]).unwrap();
    assert!((found.longest.length_px - 80.0).abs() < 1e-3, "{found:?}");
    assert!((found.perpendicular.length_px - 30.0).abs() < 1e-3, "{found:?}");
    let direction = |s: uniultra_core::Segment| [s.to[0] - s.from[0], s.to[1] - s.from[1]];
    let (l, p) = (direction(found.longest), direction(found.perpendicular));
    assert!((l[0] * p[0] + l[1] * p[1]).abs() < 1e-2);
}

/// An ellipse of 200 x 120 px, 20 mm across and 36 mm down in pixels of 0.1 x 0.3 mm.
#[test]
fn an_ellipse_is_measured_in_pixels_that_are_not_square() {
    let spacing = PixelSpacing::with_sides(0.1, 0.3).unwrap();
    let (a, b) = (100.0, 60.0);
    let count = 4000;
    let angle = |i: i32| 2.0 * PI * i as f32 / count as f32;
    let point = |t: f32| [300.0 + a * t.cos(), 200.0 - b * t.sin()];
    let ellipse = Polygon { points: (0..count).map(|i| point(angle(i))).collect(), hole: false };
    // pi * 10 mm * 18 mm; Ramanujan's perimeter of these half axes is 89.7691 mm.
    let area = spacing.area_mm2(ellipse.area_px());
    assert!((area - 565.487).abs() < 0.01, "{area}");
    let perimeter = ellipse.perimeter_mm(spacing);
    assert!((perimeter - 89.769).abs() < 0.01, "{perimeter}");

    let ellipse = [ellipse];
    let in_px = diameters(&ellipse).unwrap();
    assert!((in_px.longest.length_px - 200.0).abs() < 1e-2, "{in_px:?}");
    let in_mm = diameters_with_spacing(&ellipse, spacing).unwrap();
    let lengths = [in_mm.longest, in_mm.perpendicular].map(|s| s.length_mm(spacing));
    assert!((lengths[0] - 36.0).abs() < 1e-2 && (lengths[1] - 20.0).abs() < 1e-2, "{lengths:?}");
    // Down the frame, where the ellipse is shorter in pixels.
    assert!((in_mm.longest.from[0] - in_mm.longest.to[0]).abs() < 1.0, "{in_mm:?}");
    assert!((in_mm.longest.length_px - 120.0).abs() < 1e-2, "{in_mm:?}");

    let square = PixelSpacing::new(0.1).unwrap();
    assert_eq!(diameters_with_spacing(&ellipse, square), Some(in_px));
    assert_eq!(diameters_with_spacing(&[], spacing), None);
}

/// At right angles in the body, which is not at right angles on the screen.
#[test]
fn the_perpendicular_of_a_slanted_ellipse_is_at_right_angles_in_millimetres() {
    let (x_mm, y_mm) = (0.2, 0.5);
    let spacing = PixelSpacing::with_sides(x_mm, y_mm).unwrap();
    // Half axes of 15 and 6 mm, turned by 30 degrees in the body.
    let (sin, cos) = (PI / 6.0).sin_cos();
    let point = |t: f32| {
        let (u, v) = (15.0 * t.cos(), 6.0 * t.sin());
        [200.0 + (u * cos - v * sin) / x_mm, 200.0 + (u * sin + v * cos) / y_mm]
    };
    let points = (0..4000).map(|i| point(-2.0 * PI * i as f32 / 4000.0)).collect();
    let found = diameters_with_spacing(&[Polygon { points, hole: false }], spacing).unwrap();
    let lengths = [found.longest, found.perpendicular].map(|s| s.length_mm(spacing));
    assert!((lengths[0] - 30.0).abs() < 1e-2 && (lengths[1] - 12.0).abs() < 1e-2, "{lengths:?}");
    let direction =
        |s: uniultra_core::Segment| [(s.to[0] - s.from[0]) * x_mm, (s.to[1] - s.from[1]) * y_mm];
    let (l, p) = (direction(found.longest), direction(found.perpendicular));
    assert!((l[0] * p[0] + l[1] * p[1]).abs() < 0.05);
}

#[test]
fn grids_that_are_no_grids_are_refused() {
    let few = Mask::upsample_threshold(&[0.0; 15], 4, 20, 20);
    assert!(matches!(few, Err(MaskError::Values { expected: 16, found: 15, .. })));
    for (side, width, height) in [(0, 20, 20), (4, 0, 20), (4, 20, 8193), (usize::MAX, 20, 20)] {
        let values = vec![0.0; 16];
        assert!(Mask::upsample_threshold(&values, side, width, height).is_err());
        assert!(contour(&values, side, width, height).is_err());
        assert!(resize_logits(&values, side, width, height, |_, _| {}).is_err());
    }
}
