//! 2x2 max-pooling of maps of tokens and of planes. If one of the four values is NaN, so is the
//! result.

use crate::KernelError;
use crate::error::expect_size;
use rten_simd::ops::NumOps;
use rten_simd::{Isa, SimdOp};

/// Computes rows of tokens from `first_row`, `out [rows, columns / 2, channels]`. Each token has
/// the largest values of four tokens of `x [height, columns, width]`, in channels
/// `first_channel..`. Pooling part of the channels spares copying the queries out of the map of
/// queries, keys and values.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit or there is an odd number of columns.
pub fn max_pool_tokens(
    x: &[f32],
    [columns, width]: [usize; 2],
    [first_channel, channels]: [usize; 2],
    first_row: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    expect_size("columns that are odd", 0, columns % 2)?;
    let end = first_channel.saturating_add(channels);
    expect_size("channels of a map", end.min(width), end)?;
    let (pair, row) = (2 * columns * width, columns / 2 * channels);
    let rows = out.len().checked_div(row).unwrap_or(0);
    expect_size("values of whole rows of tokens", rows * row, out.len())?;
    let available = x.len().checked_div(pair).unwrap_or(0);
    let last = first_row.saturating_add(rows);
    expect_size("pairs of rows of a map", last.min(available), last)?;
    if rows > 0 {
        let x = &x[first_row * pair..last * pair];
        Tokens { x, sizes: [columns, width], part: [first_channel, channels], out }.dispatch();
    }
    Ok(())
}

struct Tokens<'a> {
    x: &'a [f32],
    sizes: [usize; 2],
    part: [usize; 2],
    out: &'a mut [f32],
}

impl SimdOp for Tokens<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ([columns, width], [first, channels]) = (self.sizes, self.part);
        let (ops, row_len) = (isa.f32(), columns / 2 * channels);
        let rows = self.x.chunks_exact(2 * columns * width);
        for (pair, out) in rows.zip(self.out.chunks_exact_mut(row_len)) {
            let (upper, lower) = pair.split_at(columns * width);
            let squares = upper.chunks_exact(2 * width).zip(lower.chunks_exact(2 * width));
            for ((upper, lower), out) in squares.zip(out.chunks_exact_mut(channels)) {
                let (a, b) = (&upper[first..][..channels], &upper[width + first..][..channels]);
                let (d, e) = (&lower[first..][..channels], &lower[width + first..][..channels]);
                let mut c = 0;
                while c + ops.len() <= channels {
                    let above = larger(isa, ops.load(&a[c..]), ops.load(&b[c..]));
                    let below = larger(isa, ops.load(&d[c..]), ops.load(&e[c..]));
                    ops.store(larger(isa, above, below), &mut out[c..]);
                    c += ops.len();
                }
                for c in c..channels {
                    out[c] = largest([a[c], b[c], d[c], e[c]]);
                }
            }
        }
    }
}

/// The larger of each pair of lanes, or NaN if one is NaN. `max` would give different results for
/// NaN on different processors.
#[inline(always)]
fn larger<I: Isa>(isa: I, a: I::F32, b: I::F32) -> I::F32 {
    let ops = isa.f32();
    // If `b` is NaN, the comparison is false and picks it; if `a` is, the second select does.
    let of_numbers = ops.select(a, b, ops.gt(a, b));
    ops.select(of_numbers, a, ops.eq(a, a))
}

fn largest([first, rest @ ..]: [f32; 4]) -> f32 {
    rest.into_iter().fold(first, |a, b| if a > b || a.is_nan() { a } else { b })
}

/// Computes planes of half the size, `out [planes, rows / 2, columns / 2]`, from
/// `x [planes, rows, columns]`.
///
/// # Errors
/// [`KernelError::Size`] if a length does not fit or a size is odd.
pub fn max_pool_planes(
    x: &[f32],
    [rows, columns]: [usize; 2],
    out: &mut [f32],
) -> Result<(), KernelError> {
    expect_size("rows and columns that are odd", 0, rows % 2 + columns % 2)?;
    let planes = x.len().checked_div(rows * columns).unwrap_or(0);
    expect_size("values of planes", planes * rows * columns, x.len())?;
    expect_size("values of planes of half the size", x.len() / 4, out.len())?;
    if columns > 0 {
        let pairs = x.chunks_exact(2 * columns);
        for (pair, out) in pairs.zip(out.chunks_exact_mut(columns / 2)) {
            let (upper, lower) = pair.split_at(columns);
            let squares = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            for ((upper, lower), out) in squares.zip(out) {
                *out = largest([upper[0], upper[1], lower[0], lower[1]]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// NaN if one value is NaN, otherwise the largest.
    fn reference(values: [f32; 4]) -> f32 {
        if values.iter().any(|value| value.is_nan()) {
            return f32::NAN;
        }
        values.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    fn same_value(a: f32, b: f32) -> bool {
        a == b || (a.is_nan() && b.is_nan())
    }

    proptest! {
        #[test]
        fn tokens(
            half in [1_usize..4, 1_usize..6], width in 1_usize..60, part in [0_usize..60, 1..60],
            values in prop::collection::vec(prop::num::f32::ANY, 1..97),
        ) {
            let [rows, columns] = half;
            let first = part[0].min(width - 1);
            let channels = part[1].min(width - first);
            let count = 4 * rows * columns * width;
            let x: Vec<f32> = values.iter().copied().cycle().take(count).collect();
            let mut out = vec![0.0; rows * columns * channels];
            let sizes = [2 * columns, width];
            max_pool_tokens(&x, sizes, [first, channels], 0, &mut out).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (token, c) = (i / channels, first + i % channels);
                let (y, x_at) = (2 * (token / columns), 2 * (token % columns));
                let at = |dy, dx| x[((y + dy) * 2 * columns + x_at + dx) * width + c];
                let expected = reference([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]);
                prop_assert!(same_value(*found, expected), "{found} {expected}");
            }
            let mut last = vec![0.0; columns * channels];
            max_pool_tokens(&x, sizes, [first, channels], rows - 1, &mut last).unwrap();
            let expected = &out[(rows - 1) * columns * channels..];
            prop_assert!(last.iter().zip(expected).all(|(a, b)| same_value(*a, *b)));
        }

        #[test]
        fn planes(
            half in [1_usize..4, 1_usize..20], count in 0_usize..4,
            values in prop::collection::vec(prop::num::f32::ANY, 1..97),
        ) {
            let [rows, columns] = half;
            let x: Vec<f32> =
                values.iter().copied().cycle().take(4 * count * rows * columns).collect();
            let mut out = vec![0.0; count * rows * columns];
            max_pool_planes(&x, [2 * rows, 2 * columns], &mut out).unwrap();
            for (i, found) in out.iter().enumerate() {
                let (plane, y, x_at) = (i / columns / rows, i / columns % rows, i % columns);
                let at = |dy, dx| x[((plane * rows + y) * 2 + dy) * 2 * columns + 2 * x_at + dx];
                let expected = reference([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]);
                prop_assert!(same_value(*found, expected), "{found} {expected}");
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let tokens = |x: usize, columns: usize, part: [usize; 2], first: usize, out: usize| {
            max_pool_tokens(&vec![0.0; x], [columns, 3], part, first, &mut vec![0.0; out])
        };
        assert!(tokens(48, 4, [1, 2], 1, 4).is_ok());
        assert!(tokens(48, 4, [1, 3], 0, 4).is_err());
        assert!(tokens(48, 4, [1, 2], 2, 4).is_err());
        assert!(tokens(48, 4, [1, 2], 0, 5).is_err());
        assert!(tokens(60, 5, [1, 2], 0, 4).is_err());
        let planes = |x: usize, size: [usize; 2], out: usize| {
            max_pool_planes(&vec![0.0; x], size, &mut vec![0.0; out])
        };
        assert!(planes(16, [2, 4], 4).is_ok());
        assert!(planes(15, [2, 4], 4).is_err());
        assert!(planes(16, [2, 4], 5).is_err());
        assert!(planes(18, [2, 3], 4).is_err());
    }
}
