//! Tubes that bend, taper and branch: vessels, a gallbladder, valve leaflets, a bone's surface.

use crate::shape::Hit;

/// A node of a tube: (x, z, radius), mm.
pub(crate) type Node = [f32; 3];

/// Tubes about polylines; where they meet they are one.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    branches: Vec<Vec<Node>>,
    low: [f32; 2],
    high: [f32; 2],
}

impl Tree {
    /// Tubes through these nodes.
    pub(crate) fn new(branches: Vec<Vec<Node>>) -> Self {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for &[x, z, radius] in branches.iter().flatten() {
            low = [low[0].min(x - radius), low[1].min(z - radius)];
            high = [high[0].max(x + radius), high[1].max(z + radius)];
        }
        Self { branches, low, high }
    }

    /// A tube from `from` to `to`, whose middle is pushed aside by `bow` mm. `radius` returns the
    /// radius at a share (0 to 1) of the way.
    pub(crate) fn bent(
        from: [f32; 2],
        to: [f32; 2],
        bow: f32,
        radius: impl Fn(f32) -> f32,
    ) -> Self {
        Self::new(vec![bent(from, to, bow, radius)])
    }

    /// Middle of the box around it, mm.
    pub(crate) fn centre(&self) -> [f32; 2] {
        [0.5 * (self.low[0] + self.high[0]), 0.5 * (self.low[1] + self.high[1])]
    }

    /// Half the sides of the box around it, mm.
    pub(crate) fn half_extent(&self) -> [f32; 2] {
        [0.5 * (self.high[0] - self.low[0]), 0.5 * (self.high[1] - self.low[1])]
    }

    /// Half the length and the mean radius of the first branch, mm.
    pub(crate) fn radii(&self) -> [f32; 2] {
        let Some(nodes) = self.branches.first() else { return [0.0; 2] };
        let lengths =
            nodes.windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]));
        let mean = nodes.iter().map(|node| node[2]).sum::<f32>() / nodes.len().max(1) as f32;
        [0.5 * lengths.sum::<f32>(), mean]
    }

    /// Rotation of the first branch's chord from x towards z, radians.
    pub(crate) fn tilt(&self) -> f32 {
        match self.branches.first().map(Vec::as_slice) {
            Some([first, .., last]) => (last[1] - first[1]).atan2(last[0] - first[0]),
            _ => 0.0,
        }
    }

    pub(crate) fn hit(&self, x: f32, z: f32) -> Hit {
        let mut nearest = Hit { distance: f32::INFINITY, normal: [0.0, 1.0] };
        for pair in self.branches.iter().flat_map(|nodes| nodes.windows(2)) {
            let ([ax, az, ar], [bx, bz, br]) = (pair[0], pair[1]);
            let (dx, dz) = (bx - ax, bz - az);
            let length = (dx * dx + dz * dz).max(1e-9);
            let share = (((x - ax) * dx + (z - az) * dz) / length).clamp(0.0, 1.0);
            let (ox, oz) = (x - ax - share * dx, z - az - share * dz);
            let away = ox.hypot(oz);
            let distance = away - (ar + share * (br - ar));
            if distance < nearest.distance {
                let normal = if away > 1e-6 { [ox / away, oz / away] } else { [0.0, -1.0] };
                nearest = Hit { distance, normal };
            }
        }
        nearest
    }

    /// Down one side of the first branch and back on the other.
    pub(crate) fn outline_at(&self, share: f32) -> [f32; 2] {
        let Some(nodes) = self.branches.first().filter(|nodes| nodes.len() > 1) else {
            return self.centre();
        };
        let (along, side) =
            if share < 0.5 { (2.0 * share, 1.0) } else { (2.0 - 2.0 * share, -1.0) };
        let place = along * (nodes.len() - 1) as f32;
        let first = (place as usize).min(nodes.len() - 2);
        let ([ax, az, ar], [bx, bz, br]) = (nodes[first], nodes[first + 1]);
        let t = place - first as f32;
        let (dx, dz) = (bx - ax, bz - az);
        let reach = side * (ar + t * (br - ar)) / dx.hypot(dz).max(1e-6);
        [ax + t * dx - dz * reach, az + t * dz + dx * reach]
    }
}

/// Nodes of one bent tube; see [`Tree::bent`].
pub(crate) fn bent(
    from: [f32; 2],
    to: [f32; 2],
    bow: f32,
    radius: impl Fn(f32) -> f32,
) -> Vec<Node> {
    const STEPS: usize = 14;
    let (dx, dz) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dz).max(1e-6);
    (0..=STEPS)
        .map(|step| {
            let share = step as f32 / STEPS as f32;
            let aside = 4.0 * bow * share * (1.0 - share) / length;
            [from[0] + share * dx - dz * aside, from[1] + share * dz + dx * aside, radius(share)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_tube_has_its_radius_on_both_sides_and_round_ends() {
        let tree = Tree::bent([0.0, 10.0], [20.0, 10.0], 0.0, |share| 1.0 + share);
        let above = tree.hit(10.0, 8.5);
        assert!(above.distance.abs() < 0.02 && above.normal[1] < -0.99, "{above:?}");
        assert!((tree.hit(22.0, 10.0).distance).abs() < 1e-3);
        assert!(tree.hit(10.0, 10.0).distance < -1.4);
        assert_eq!(tree.half_extent(), [11.5, 2.0]);
    }

    #[test]
    fn the_outline_is_at_distance_zero() {
        let tree = Tree::bent([0.0, 0.0], [30.0, 12.0], 5.0, |_| 2.0);
        for step in 1..40 {
            let share = step as f32 / 40.0;
            let [x, z] = tree.outline_at(share);
            assert!(tree.hit(x, z).distance.abs() < 0.1, "{share}: {:?}", tree.hit(x, z));
        }
    }
}
