//! The edge branch: its map from tokens, and the magnitude of the map's edges.

mod magnitude;
mod map;

pub use magnitude::edge_magnitude;
pub use map::EdgeMap;

/// Kernels reach one pixel to each side.
const KERNEL: usize = 3;
/// Values of a kernel.
const TAPS: usize = KERNEL * KERNEL;

/// Values of a line with a zero before it, and zeros after it up to whole vectors of output.
fn padded(columns: usize, lanes: usize) -> usize {
    columns.next_multiple_of(lanes) + KERNEL - 1
}
