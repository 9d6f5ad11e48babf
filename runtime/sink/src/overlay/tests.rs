//! Pixel checks of rendered overlays.

use super::*;
use uniultra_core::Pixels;

const GRAY: u8 = 90;

fn frame(width: usize, height: usize) -> Frame {
    Frame::new(width, height, Pixels::Gray8(vec![GRAY; width * height])).unwrap()
}

/// A disc, and its diameters, in the middle of a frame.
fn disc(width: usize, height: usize) -> (Vec<Polygon>, Diameters) {
    let centre = [width as f32 / 2.0 - 0.5, height as f32 / 2.0 - 0.5];
    let radius = width.min(height) as f32 / 4.0;
    let ring = |radius: f32, hole| Polygon {
        points: (0..64)
            .map(|i| {
                let angle = i as f32 * std::f32::consts::TAU / 64.0;
                [centre[0] + radius * angle.cos(), centre[1] - radius * angle.sin()]
            })
            .collect(),
        hole,
    };
    let segment = |dx: f32, dy: f32| Segment {
        from: [centre[0] - dx, centre[1] - dy],
        to: [centre[0] + dx, centre[1] + dy],
        length_px: 2.0 * radius,
    };
    let diameters =
        Diameters { longest: segment(radius, 0.0), perpendicular: segment(0.0, radius) };
    (vec![ring(radius, false), ring(radius / 4.0, true)], diameters)
}

fn drawn(
    frame: &Frame,
    contours: &[Polygon],
    prompts: &Prompts,
    diameters: Option<&Diameters>,
) -> Canvas {
    let overlay = Overlay {
        frame,
        prompts,
        model: "test-model 1.0",
        contours,
        area_px: contours.len(),
        predicted_iou: 0.9,
        diameters,
        spacing: None,
        alternatives: &[],
    };
    render(&overlay).unwrap()
}

fn pixel(canvas: &Canvas, x: u32, y: u32) -> [u8; 3] {
    let p = canvas.pixmap.pixel(x, y).unwrap();
    [p.red(), p.green(), p.blue()]
}

#[test]
fn the_mask_is_tinted_its_hole_and_the_rest_are_untouched() {
    let frame = frame(1000, 900);
    let (contours, _) = disc(1000, 900);
    let canvas = drawn(&frame, &contours, &Prompts::new(), None);
    // Half way between the hole (radius 56) and the border (radius 225): only the fill.
    let expected = style::MASK.map(|v| {
        (f32::from(v) * style::FILL_ALPHA + f32::from(GRAY) * (1.0 - style::FILL_ALPHA)).round()
    });
    for (found, expected) in pixel(&canvas, 500 + 140, 450).into_iter().zip(expected) {
        // The rasteriser blends in 8 bit.
        assert!((f32::from(found) - expected).abs() <= 2.0, "{found} {expected}");
    }
    assert_eq!(pixel(&canvas, 500, 450), [GRAY; 3]);
    for corner in [(0, 0), (999, 0), (0, 899), (999, 899), (500, 10), (700, 700)] {
        assert_eq!(pixel(&canvas, corner.0, corner.1), [GRAY; 3], "{corner:?}");
    }
    let [r, g, b] = pixel(&canvas, 500 + 225, 450);
    assert!(b > 200 && g > 150 && r < 100, "the outline is strong: {r} {g} {b}");
}

#[test]
fn without_a_mask_the_frame_is_untouched() {
    let frame = frame(1000, 900);
    let canvas = drawn(&frame, &[], &Prompts::new(), None);
    assert!((0..900).all(|y| (0..1000).all(|x| pixel(&canvas, x, y) == [GRAY; 3])));
}

#[test]
fn clicks_show_their_colour_and_sign() {
    let frame = frame(900, 900);
    let prompts = Prompts::new()
        .with_point(200.0, 200.0, PointLabel::Positive)
        .and_then(|p| p.with_point(600.0, 600.0, PointLabel::Negative))
        .unwrap();
    let canvas = drawn(&frame, &[], &prompts, None);
    assert_eq!(pixel(&canvas, 600, 600), style::WHITE);
    assert_eq!(pixel(&canvas, 602, 603), style::NEGATIVE);
    assert_eq!(pixel(&canvas, 600, 603), style::NEGATIVE, "a minus has no upright");
    assert_eq!(pixel(&canvas, 200, 202), style::WHITE, "a plus has one");
    assert_eq!(pixel(&canvas, 202, 203), style::POSITIVE);
}

#[test]
fn every_frame_size_renders_with_everything_on_it() {
    for (width, height) in [(16, 16), (16, 400), (400, 16), (700, 500), (8192, 16), (16, 8192)] {
        let frame = frame(width, height);
        let (contours, diameters) = disc(width, height);
        let (w, h) = (width as f32, height as f32);
        let prompts = Prompts::new()
            .with_box(0.0, 0.0, w, h)
            .and_then(|p| p.with_point(w, h, PointLabel::Positive))
            .unwrap();
        let canvas = drawn(&frame, &contours, &prompts, Some(&diameters));
        let view = Viewport::for_frame(width, height);
        assert!(canvas.pixmap.width() as usize >= view.width);
        assert!(canvas.pixmap.height() as usize > view.height);
        assert!(canvas.pixmap.width() >= 400, "the legend needs room");
    }
}

#[test]
fn specks_are_left_out_of_alternatives_only() {
    let speck = |size: f32| Polygon {
        points: vec![[100.0, 100.0], [100.0, 100.0 + size], [100.0 + size, 100.0 + size]],
        hole: false,
    };
    let view = Viewport::for_frame(900, 900);
    assert!(marks::outline(&[speck(3.0)], &view, Rings::All).is_some());
    assert!(marks::outline(&[speck(3.0)], &view, Rings::NoSpecks).is_none());
    assert!(marks::outline(&[speck(30.0)], &view, Rings::NoSpecks).is_some());
}

#[test]
fn degenerate_outlines_are_skipped() {
    let frame = frame(900, 900);
    let line = Polygon { points: vec![[3.0, 3.0], [5.0, 5.0]], hole: false };
    let dot = Polygon { points: vec![[7.0, 7.0]; 5], hole: false };
    let canvas = drawn(&frame, &[line, dot], &Prompts::new(), None);
    assert_eq!(pixel(&canvas, 450, 450), [GRAY; 3]);
}

#[test]
fn the_legend_says_what_is_shown() {
    let frame = frame(900, 900);
    let (contours, diameters) = disc(900, 900);
    let prompts = Prompts::new().with_box(1.0, 2.0, 30.0, 40.0).unwrap();
    let mut overlay = Overlay {
        frame: &frame,
        prompts: &prompts,
        model: "m",
        contours: &contours,
        area_px: 1234,
        predicted_iou: 0.876,
        diameters: Some(&diameters),
        spacing: PixelSpacing::new(0.1).ok(),
        alternatives: &[],
    };
    let texts = |overlay: &Overlay<'_>| {
        entries(overlay).into_iter().map(|entry| entry.text).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&overlay),
        [
            "mask, predicted IoU 0.88",
            "area 1234 px (12.3 mm\u{b2})",
            "longest 45.0 mm",
            "perpendicular 45.0 mm",
            "box"
        ]
    );
    overlay.area_px = 0;
    overlay.diameters = None;
    assert_eq!(texts(&overlay), ["no object found", "predicted IoU 0.88", "box"]);
}

#[test]
fn a_failed_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let frame = frame(16, 16);
    let overlay = Overlay {
        frame: &frame,
        prompts: &Prompts::new(),
        model: "m",
        contours: &[],
        area_px: 0,
        predicted_iou: 0.0,
        diameters: None,
        spacing: None,
        alternatives: &[],
    };
    let path = folder.path().join("absent").join("overlay.png");
    assert!(write_overlay_png(&path, &overlay).unwrap_err().is_output());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let path = folder.path().join("overlay.png");
    write_overlay_png(&path, &overlay).unwrap();
    assert_eq!(image::open(&path).unwrap().color(), image::ColorType::Rgb8);
}
