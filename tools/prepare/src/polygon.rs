//! Fills polygons.

/// Fills a polygon into a mask `[height, width]`: pixels whose centre lies inside (its winding number is
/// not 0) or on the outline. Centres are at whole numbers. What lies outside the picture is cut off.
pub(crate) fn fill(polygon: &[[f64; 2]], width: usize, height: usize, mask: &mut [u8]) {
    if polygon.iter().flatten().any(|value| !value.is_finite()) {
        return;
    }
    let edges = || polygon.iter().zip(polygon.iter().cycle().skip(1));
    let mut crossings: Vec<(f64, i32)> = Vec::new();
    for (y, row) in mask.chunks_exact_mut(width.max(1)).take(height).enumerate() {
        let y = y as f64;
        crossings.clear();
        for (a, b) in edges() {
            // Half open, so that a corner on the row counts once.
            let direction = match (a[1] <= y, b[1] <= y) {
                (true, false) => 1,
                (false, true) => -1,
                (true, true) if a[1] == y && b[1] == y => {
                    span(row, a[0].min(b[0]), a[0].max(b[0]));
                    continue;
                }
                _ => continue,
            };
            let x = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            crossings.push((x, direction));
        }
        crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut winding = 0;
        for (at, (x, direction)) in crossings.iter().enumerate() {
            winding += direction;
            let next = crossings.get(at + 1).map(|(next, _)| *next);
            let (Some(next), true) = (next, winding != 0) else { continue };
            span(row, *x, next);
        }
    }
    for [x, y] in polygon {
        let (x, y) = (x.round(), y.round());
        if x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64 {
            let at = y as usize * width + x as usize;
            if let Some(pixel) = mask.get_mut(at) {
                *pixel = 1;
            }
        }
    }
}

/// Sets the pixels of a row from one place to another, both included.
fn span(row: &mut [u8], from: f64, to: f64) {
    let first = (from.ceil().max(0.0) as usize).min(row.len());
    let end = ((to.floor() + 1.0).max(0.0) as usize).min(row.len());
    if let Some(pixels) = row.get_mut(first..end.max(first)) {
        pixels.fill(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(polygon: &[[f64; 2]], width: usize, height: usize) -> Vec<String> {
        let mut mask = vec![0; width * height];
        fill(polygon, width, height, &mut mask);
        let row = |row: &[u8]| row.iter().map(|&v| if v == 0 { '.' } else { '#' }).collect();
        mask.chunks(width).map(row).collect()
    }

    #[test]
    fn what_is_inside_is_filled() {
        let square = [[1.0, 1.0], [4.0, 1.0], [4.0, 3.4], [1.0, 3.4]];
        assert_eq!(filled(&square, 6, 5), ["......", ".####.", ".####.", ".####.", "......"]);
        let whole = [[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
        assert_eq!(filled(&whole, 6, 5), filled(&square, 6, 5));
        let turned: Vec<_> = square.iter().rev().copied().collect();
        assert_eq!(filled(&turned, 6, 5), filled(&square, 6, 5));
    }

    #[test]
    fn polygons_are_cut_at_the_edges() {
        let large = [[-5.0, -5.0], [50.0, -5.0], [50.0, 50.0], [-5.0, 50.0]];
        assert_eq!(filled(&large, 3, 2), ["###", "###"]);
        let beside = [[10.0, 0.0], [20.0, 0.0], [20.0, 9.0]];
        assert_eq!(filled(&beside, 3, 2), ["...", "..."]);
        assert_eq!(filled(&[[f64::NAN, 0.0], [1.0, 1.0], [0.0, 1.0]], 3, 2), ["...", "..."]);
        assert_eq!(filled(&[], 3, 2), ["...", "..."]);
    }

    #[test]
    fn a_line_that_crosses_itself_leaves_no_hole() {
        // A freehand line that goes round twice.
        let twice = [
            [0.0, 0.0],
            [4.0, 0.0],
            [4.0, 4.0],
            [0.0, 4.0],
            [0.0, 0.0],
            [4.0, 0.0],
            [4.0, 4.0],
            [0.0, 4.0],
        ];
        assert_eq!(filled(&twice, 5, 4), ["#####"; 4]);
    }
}
