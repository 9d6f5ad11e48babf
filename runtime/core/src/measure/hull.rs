//! Convex hull and the farthest pair of points.

/// Corners of the convex hull in order, no three of them on a line (Andrew's monotone chain, 1979).
pub(super) fn convex_hull(points: &[[f32; 2]]) -> Vec<[f64; 2]> {
    let mut sorted: Vec<[f64; 2]> = points.iter().map(|point| point.map(f64::from)).collect();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull = half_hull(sorted.iter().copied());
    hull.pop();
    hull.extend(half_hull(sorted.iter().rev().copied()));
    hull.pop();
    hull
}

fn half_hull(points: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let mut chain: Vec<[f64; 2]> = Vec::new();
    for point in points {
        while let [.., a, b] = chain.as_slice()
            && cross(*a, *b, *b, point) <= 0.0
        {
            chain.pop();
        }
        chain.push(point);
    }
    chain
}

/// The two corners of a convex hull that are farthest apart (rotating calipers, Shamos, 1978);
/// `None` for fewer than two corners.
pub(super) fn farthest_pair(hull: &[[f64; 2]]) -> Option<[[f64; 2]; 2]> {
    let count = hull.len();
    let corner = |at: usize| hull[at % count];
    let mut best = [*hull.first()?, *hull.get(1)?];
    let mut opposite = 1;
    for i in 0..count {
        // The corner farthest from edge i. It only moves forward as i does, so the search is
        // linear.
        for _ in 0..count {
            let (a, b) = (corner(opposite), corner(opposite + 1));
            if cross(corner(i), corner(i + 1), a, b) <= 0.0 {
                break;
            }
            opposite += 1;
        }
        // The next corner counts, too, in case its edge is parallel.
        for pair in [[i, opposite], [i + 1, opposite], [i, opposite + 1], [i + 1, opposite + 1]] {
            let pair = pair.map(corner);
            if distance(pair) > distance(best) {
                best = pair;
            }
        }
    }
    Some(best)
}

pub(super) fn distance([a, b]: [[f64; 2]; 2]) -> f64 {
    f64::hypot(b[0] - a[0], b[1] - a[1])
}

/// Cross product of a->b and c->d.
fn cross(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (d[1] - c[1]) - (b[1] - a[1]) * (d[0] - c[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inner_points_and_points_on_edges_are_not_corners() {
        let points = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [2.0, 2.0], [2.0, 0.0]];
        assert_eq!(convex_hull(&points), [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]);
    }

    #[test]
    fn fewer_than_two_points_have_no_distance() {
        assert_eq!(farthest_pair(&convex_hull(&[])), None);
        assert_eq!(farthest_pair(&convex_hull(&[[1.0, 2.0]; 3])), None);
    }

    proptest! {
        #[test]
        fn calipers_find_the_farthest_of_all_pairs(
            points in prop::collection::vec([0_u8..20, 0_u8..20], 2..40),
        ) {
            let points: Vec<[f32; 2]> = points.into_iter().map(|p| p.map(f32::from)).collect();
            let all = points.iter().flat_map(|a| points.iter().map(move |b| [*a, *b]));
            let brute = all.map(|pair| distance(pair.map(|p| p.map(f64::from)))).fold(0.0, f64::max);
            let found = farthest_pair(&convex_hull(&points)).map_or(0.0, distance);
            prop_assert_eq!(found, brute);
        }
    }
}
