//! Transposes squares of 4 x 4 values. Every move between tokens and planes is made of them.
//!
//! Moved one by one, each value of a transposed map touches another cache line. A square loads and
//! stores whole vectors of four and transposes in registers. Four is the width of the narrowest
//! vectors (SSE, NEON); wider squares would need shuffles across 128 bits.

/// Values of a side.
pub(crate) const SIDE: usize = 4;

/// Transposes the square from column `first` of four rows: column `first + j` is row `j` of the
/// result.
#[inline(always)]
pub(crate) fn transpose_square(rows: [&[f32]; SIDE], first: usize) -> [[f32; SIDE]; SIDE] {
    let four = |row: usize| -> [f32; SIDE] {
        let row = &rows[row][first..first + SIDE];
        [row[0], row[1], row[2], row[3]]
    };
    transposed([four(0), four(1), four(2), four(3)])
}

/// With intrinsics, because the compiler moves the values of [`plain`] one by one on x86-64.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(rows: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    use std::arch::x86_64::*;
    let mut out = rows;
    // SAFETY: SSE is part of x86-64, and each row is a vector.
    unsafe {
        let [mut a, mut b, mut c, mut d] = [
            _mm_loadu_ps(rows[0].as_ptr()),
            _mm_loadu_ps(rows[1].as_ptr()),
            _mm_loadu_ps(rows[2].as_ptr()),
            _mm_loadu_ps(rows[3].as_ptr()),
        ];
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        _mm_storeu_ps(out[0].as_mut_ptr(), a);
        _mm_storeu_ps(out[1].as_mut_ptr(), b);
        _mm_storeu_ps(out[2].as_mut_ptr(), c);
        _mm_storeu_ps(out[3].as_mut_ptr(), d);
    }
    out
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(rows: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    plain(rows)
}

/// The reference. On other processors the compiler turns it into shuffles.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn plain([a, b, c, d]: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows_with_all_their_bits() {
        let bits = |i: u32| f32::from_bits(i.wrapping_mul(0x1234_5671) ^ 0x7f80_0001);
        let rows: [[f32; 7]; 4] =
            std::array::from_fn(|r| std::array::from_fn(|c| bits((7 * r + c) as u32)));
        for first in 0..4 {
            let part = std::array::from_fn(|r| std::array::from_fn(|c| rows[r][first + c]));
            let found = transpose_square(rows.each_ref().map(|row| &row[..]), first);
            assert_eq!(
                found.map(|row| row.map(f32::to_bits)),
                plain(part).map(|r| r.map(f32::to_bits))
            );
            assert_eq!(found[1][2].to_bits(), rows[2][first + 1].to_bits());
        }
    }
}
