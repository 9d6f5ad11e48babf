//! Simplifies an outline (Douglas and Peucker, 1973).

/// Removes points of a closed ring; each removed point lies within `tolerance` of the result.
pub(super) fn ring(points: &[[f32; 2]], tolerance: f64) -> Vec<[f32; 2]> {
    if points.len() < 4 || tolerance.is_nan() || tolerance <= 0.0 {
        return points.to_vec();
    }
    let point = |at: usize| points[at % points.len()].map(f64::from);
    // The algorithm needs an open line, so the ring is cut at a point and at the one farthest from
    // it.
    let far = farthest(1..points.len(), |at| distance(point(at), [point(0); 2])).0;
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[far] = true;
    let mut open = vec![(0, far), (far, points.len())];
    while let Some((first, last)) = open.pop() {
        let line = [point(first), point(last)];
        let (at, away) = farthest(first + 1..last, |at| distance(point(at), line));
        if away > tolerance {
            keep[at] = true;
            open.extend([(first, at), (at, last)]);
        }
    }
    points.iter().zip(keep).filter_map(|(&point, keep)| keep.then_some(point)).collect()
}

/// The index with the largest distance, and that distance; of equal ones the first.
fn farthest(range: std::ops::Range<usize>, distance: impl Fn(usize) -> f64) -> (usize, f64) {
    let start = (range.start, 0.0);
    range.map(|at| (at, distance(at))).fold(start, |a, b| if b.1 > a.1 { b } else { a })
}

/// Distance of a point from a line segment.
fn distance(p: [f64; 2], [a, b]: [[f64; 2]; 2]) -> f64 {
    let (ux, uy) = (b[0] - a[0], b[1] - a[1]);
    let (px, py) = (p[0] - a[0], p[1] - a[1]);
    let length2 = ux * ux + uy * uy;
    let share = if length2 > 0.0 { ((px * ux + py * uy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    f64::hypot(px - share * ux, py - share * uy)
}
