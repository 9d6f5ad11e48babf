//! The encoder's edge branch: the edge map of the patch embedding, and the magnitude of its edges.

mod magnitude;
mod map;

pub use magnitude::edge_magnitude;
pub use map::EdgeMap;

/// Side of a kernel, in pixels.
const KERNEL: usize = 3;
/// Number of values of a kernel.
const TAPS: usize = KERNEL * KERNEL;

/// Length of a line with the padding that a kernel reads: one zero before it, and zeros behind it
/// up to whole vectors of output. Inner loops then need no test for the map's border.
fn padded(columns: usize, lanes: usize) -> usize {
    columns.next_multiple_of(lanes) + KERNEL - 1
}
