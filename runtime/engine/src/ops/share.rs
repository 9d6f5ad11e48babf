//! Work of an operation divided among the threads of a segmenter.
//!
//! The kernels give a row the same bits whatever its neighbours are, so neither the number of
//! threads nor the division shows in a result.

use rayon::prelude::*;
use tract_core::internal::TractResult;

pub(super) use crate::threads::pool;

/// Fewest rows that are worth a thread's attention.
const MIN_ROWS: usize = 64;

/// Runs `work(first row, rows of out)` for all rows of `width` values of `out`.
pub(super) fn by_rows<T: Send>(
    out: &mut [T],
    width: usize,
    work: impl Fn(usize, &mut [T]) -> TractResult<()> + Sync,
) -> TractResult<()> {
    by_parts(out, width, MIN_ROWS, work)
}

/// The same for rows of which a multiple of `fewest` is worth a thread's attention.
pub(super) fn by_parts<T: Send>(
    out: &mut [T],
    width: usize,
    fewest: usize,
    work: impl Fn(usize, &mut [T]) -> TractResult<()> + Sync,
) -> TractResult<()> {
    let rows = out.len().checked_div(width).unwrap_or(0);
    let Some(pool) = pool().filter(|_| rows >= 2 * fewest) else {
        return work(0, out);
    };
    let share = rows.div_ceil(2 * pool.current_num_threads()).next_multiple_of(fewest);
    pool.install(|| {
        let parts = out.par_chunks_mut(share * width).enumerate();
        parts.try_for_each(|(index, part)| work(index * share, part))
    })
}

/// Runs `work(index, part)` for parts of which each is worth a thread's attention.
pub(super) fn each<T: Send>(
    parts: &mut [T],
    work: impl Fn(usize, &mut T) -> TractResult<()> + Sync,
) -> TractResult<()> {
    match pool() {
        Some(pool) => pool.install(|| {
            let parts = parts.par_iter_mut().enumerate();
            parts.try_for_each(|(index, part)| work(index, part))
        }),
        None => parts.iter_mut().enumerate().try_for_each(|(index, part)| work(index, part)),
    }
}
