//! Marching squares on the logits' grid.

/// Marks a cell edge that no outline leaves.
const NONE: u32 = u32::MAX;

/// Grid points added on each side. The first repeats the border's value at the image's edge, half a
/// cell out, as edge clamping does. The second, at the same place, counts as outside, so that every
/// outline closes.
const RING: usize = 2;

/// Closed rings along the zero level of `[side, side]` logits. On screen (y down), the inside
/// (above 0) lies to the left of a ring's direction. Positions are (x, y) in grid units, in
/// -0.5..=side-0.5.
pub(super) fn rings(logits: &[f32], side: usize) -> Vec<Vec<[f64; 2]>> {
    let grid = Grid { logits, side };
    let mut next = grid.link_edges();
    let mut rings = Vec::new();
    for start in 0..next.len() {
        let mut ring = Vec::new();
        let mut edge = start;
        // A link is removed when it is followed, so a ring ends where it began.
        while let Some(link) = next.get_mut(edge)
            && *link != NONE
        {
            ring.push(grid.crossing(edge));
            edge = std::mem::replace(link, NONE) as usize;
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    rings
}

struct Grid<'a> {
    logits: &'a [f32],
    side: usize,
}

impl Grid<'_> {
    /// Grid points on a side, added ones included.
    fn points(&self) -> usize {
        self.side + 2 * RING
    }

    /// Value at column `i`, row `j`; `None` on the outermost ring, which is outside.
    fn value(&self, i: usize, j: usize) -> Option<f64> {
        let inner = |at: usize| {
            let outermost = at == 0 || at == self.points() - 1;
            (!outermost).then(|| at.saturating_sub(RING).min(self.side - 1))
        };
        self.logits.get(inner(j)? * self.side + inner(i)?).map(|&logit| f64::from(logit))
    }

    /// Position along one axis, in grid units.
    fn place(&self, at: usize) -> f64 {
        (at as f64 - RING as f64).clamp(-0.5, self.side as f64 - 0.5)
    }

    /// Number of the edge from (i, j) to the right: 2n, with n = j * points + i. The edge down from
    /// there is 2n + 1.
    fn right_of(&self, i: usize, j: usize) -> usize {
        2 * (j * self.points() + i)
    }

    fn below(&self, i: usize, j: usize) -> usize {
        self.right_of(i, j) + 1
    }

    /// For each edge by which an outline enters a cell, the edge by which it leaves that cell.
    ///
    /// An outline has the inside on its left. Walk around a cell clockwise: the outline enters
    /// where the walk goes from outside to inside, and leaves where the walk goes outside again.
    fn link_edges(&self) -> Vec<u32> {
        let points = self.points();
        let mut next = vec![NONE; 2 * points * points];
        for j in 0..points - 1 {
            for i in 0..points - 1 {
                let corners =
                    [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(|[i, j]| self.value(i, j));
                let [a, b, c, d] = corners.map(|value| value.is_some_and(|v| v > 0.0));
                if a == b && b == c && c == d {
                    continue;
                }
                let top = self.right_of(i, j);
                let right = self.below(i + 1, j);
                let bottom = self.right_of(i, j + 1);
                let left = self.below(i, j);
                let mut link = |from: usize, to: usize| next[from] = to as u32;
                match [a, b, c, d] {
                    [true, false, false, false] => link(left, top),
                    [false, true, false, false] => link(top, right),
                    [false, false, true, false] => link(right, bottom),
                    [false, false, false, true] => link(bottom, left),
                    [true, true, false, false] => link(left, right),
                    [false, true, true, false] => link(top, bottom),
                    [false, false, true, true] => link(right, left),
                    [true, false, false, true] => link(bottom, top),
                    [true, true, true, false] => link(left, bottom),
                    [false, true, true, true] => link(top, left),
                    [true, false, true, true] => link(right, top),
                    [true, true, false, true] => link(bottom, right),
                    // Saddles: two opposite corners are inside. They are joined if the cell's
                    // middle is inside.
                    [true, false, true, false] if middle(corners) > 0.0 => {
                        link(right, top);
                        link(left, bottom);
                    }
                    [true, false, true, false] => {
                        link(left, top);
                        link(right, bottom);
                    }
                    [false, true, false, true] if middle(corners) > 0.0 => {
                        link(top, left);
                        link(bottom, right);
                    }
                    [false, true, false, true] => {
                        link(top, right);
                        link(bottom, left);
                    }
                    [true, true, true, true] | [false, false, false, false] => {}
                }
            }
        }
        next
    }

    /// Where the zero level crosses an edge, (x, y) in grid units.
    fn crossing(&self, edge: usize) -> [f64; 2] {
        let (point, down) = (edge / 2, edge % 2);
        let (i, j) = (point % self.points(), point / self.points());
        let (i_end, j_end) = (i + 1 - down, j + down);
        let share = match (self.value(i, j), self.value(i_end, j_end)) {
            (Some(start), Some(end)) if start != end => start / (start - end),
            // At the image's edge both ends lie at the same place.
            _ => 0.0,
        };
        let between = |start: usize, end: usize| {
            let [start, end] = [start, end].map(|at| self.place(at));
            start + (end - start) * share
        };
        [between(i, i_end), between(j, j_end)]
    }
}

fn middle(corners: [Option<f64>; 4]) -> f64 {
    corners.into_iter().flatten().sum()
}
