//! Draws outlines, prompts and diameters as paths.

use super::canvas::{Canvas, Line};
use super::style::{self, Rgb};
use super::viewport::Viewport;
use tiny_skia::{Path, PathBuilder};
use uniultra_core::{Diameters, PointLabel, Polygon, Prompts, Segment};

/// Distance from a vertex at which an outline starts to turn, in units. Larger values would cut
/// real corners, such as those where the frame crops a mask.
const CORNER_UNITS: f32 = 5.0;

/// Alternatives do not draw rings smaller than a square of this side, in units: they are specks.
/// The answer draws all its rings.
const SPECK_UNITS: f32 = 6.0;

/// The rings to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rings {
    All,
    NoSpecks,
}

/// One path for all outlines, holes included, with rounded vertices; `None` if there is nothing to
/// draw.
pub(super) fn outline(polygons: &[Polygon], view: &Viewport, rings: Rings) -> Option<Path> {
    let mut path = PathBuilder::new();
    let speck = (SPECK_UNITS * view.unit / view.scale()).powi(2);
    for polygon in polygons {
        if rings == Rings::NoSpecks && polygon.area_px() < speck {
            continue;
        }
        let points: Vec<_> = polygon.points.iter().map(|&p| view.map_outline(p)).collect();
        smooth_ring(&mut path, &points, CORNER_UNITS * view.unit);
    }
    path.finish()
}

fn smooth_ring(path: &mut PathBuilder, points: &[[f32; 2]], radius: f32) {
    let count = points.len();
    if count < 3 {
        return;
    }
    for (i, &here) in points.iter().enumerate() {
        let before = points[(i + count - 1) % count];
        let after = points[(i + 1) % count];
        let enter = toward(here, before, radius);
        let leave = toward(here, after, radius);
        if i == 0 {
            path.move_to(enter[0], enter[1]);
        } else {
            path.line_to(enter[0], enter[1]);
        }
        path.quad_to(here[0], here[1], leave[0], leave[1]);
    }
    path.close();
}

/// The point `radius` from `from` on the way to `to`, but at most half way.
fn toward(from: [f32; 2], to: [f32; 2], radius: f32) -> [f32; 2] {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let t = (radius / dx.hypot(dy).max(f32::MIN_POSITIVE)).min(0.5);
    [from[0] + t * dx, from[1] + t * dy]
}

/// The answer's area: a translucent fill.
pub(super) fn fill_mask(canvas: &mut Canvas, path: &Path) {
    canvas.fill(path, style::MASK, style::FILL_ALPHA);
}

/// The answer's outline: strong.
pub(super) fn draw_mask(canvas: &mut Canvas, path: &Path, unit: f32) {
    let line = Line { width: 2.2 * unit, halo: unit, dash: None };
    canvas.stroke(path, style::MASK, line);
}

/// A mask that was not chosen: a thin outline.
pub(super) fn draw_alternative(canvas: &mut Canvas, path: &Path, color: Rgb, unit: f32) {
    canvas.stroke(path, color, Line { width: 1.5 * unit, halo: 0.6 * unit, dash: None });
}

/// The longest diameter as a thin line with end ticks, the perpendicular one dashed.
pub(super) fn draw_diameters(canvas: &mut Canvas, diameters: &Diameters, view: &Viewport) {
    let dash = Some([4.0 * view.unit, 3.0 * view.unit]);
    for (segment, dash) in [(&diameters.perpendicular, dash), (&diameters.longest, None)] {
        draw_segment(canvas, segment, view, dash);
    }
}

fn draw_segment(canvas: &mut Canvas, segment: &Segment, view: &Viewport, dash: Option<[f32; 2]>) {
    let (from, to) = (view.map(segment.from), view.map(segment.to));
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let length = dx.hypot(dy);
    if length < 1.0 {
        return;
    }
    let (width, halo) = (1.1 * view.unit, 0.7 * view.unit);
    draw_polyline(canvas, &[from, to], style::DIAMETER, Line { width, halo, dash });
    let tick = 4.5 * view.unit / length;
    for end in [from, to] {
        let a = [end[0] - dy * tick, end[1] + dx * tick];
        let b = [end[0] + dy * tick, end[1] - dx * tick];
        draw_polyline(canvas, &[a, b], style::DIAMETER, Line { width, halo, dash: None });
    }
}

/// The box, dashed with solid corners, then the clicks, the latest on top.
pub(super) fn draw_prompts(canvas: &mut Canvas, prompts: &Prompts, view: &Viewport) {
    if let Some([x0, y0, x1, y1]) = prompts.bounding_box() {
        draw_box(canvas, view.map([x0, y0]), view.map([x1, y1]), view.unit);
    }
    for point in prompts.points() {
        draw_point(canvas, view.map([point.x, point.y]), point.label, view.unit);
    }
}

fn draw_box(canvas: &mut Canvas, [x0, y0]: [f32; 2], [x1, y1]: [f32; 2], unit: f32) {
    let ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]];
    let dash = Some([6.0 * unit, 5.0 * unit]);
    draw_polyline(canvas, &ring, style::BOX, Line { width: 1.4 * unit, halo: 0.7 * unit, dash });
    let tick = (14.0 * unit).min((x1 - x0) / 3.0).min((y1 - y0) / 3.0);
    for (corner, sx, sy) in
        [([x0, y0], 1.0, 1.0), ([x1, y0], -1.0, 1.0), ([x1, y1], -1.0, -1.0), ([x0, y1], 1.0, -1.0)]
    {
        let [x, y] = corner;
        let elbow = [[x + sx * tick, y], corner, [x, y + sy * tick]];
        let line = Line { width: 2.8 * unit, halo: 0.7 * unit, dash: None };
        draw_polyline(canvas, &elbow, style::BOX, line);
    }
}

/// A disc with a white ring and the sign of its label.
pub(super) fn draw_point(canvas: &mut Canvas, [x, y]: [f32; 2], label: PointLabel, unit: f32) {
    let color = match label {
        PointLabel::Positive => style::POSITIVE,
        PointLabel::Negative => style::NEGATIVE,
    };
    if let Some(disc) = PathBuilder::from_circle(x, y, 6.5 * unit) {
        canvas.fill(&disc, color, 1.0);
        canvas.stroke(&disc, style::WHITE, Line { width: 1.5 * unit, halo: unit, dash: None });
    }
    let arm = 3.4 * unit;
    let sign = Line { width: 1.7 * unit, halo: 0.0, dash: None };
    draw_polyline(canvas, &[[x - arm, y], [x + arm, y]], style::WHITE, sign);
    if label == PointLabel::Positive {
        draw_polyline(canvas, &[[x, y - arm], [x, y + arm]], style::WHITE, sign);
    }
}

pub(super) fn draw_polyline(canvas: &mut Canvas, points: &[[f32; 2]], color: Rgb, line: Line) {
    let mut path = PathBuilder::new();
    for (i, &[x, y]) in points.iter().enumerate() {
        if i == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    if let Some(path) = path.finish() {
        canvas.stroke(&path, color, line);
    }
}
