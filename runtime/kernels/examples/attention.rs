//! Attention at the shapes of the shipped models at 512 pixels, a line for each, for an emulator
//! that counts instructions at each line: the difference between two lines of a shape is its cost.
//! A number of runs as the argument gives times on this machine instead; `coarse` after it rounds operands to fewer bits where
//! that is faster.
//!
//! A line names the shape, how often a frame (or a click) runs it, and its fused multiply-adds.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;
use uniultra_kernels::{Attention, KernelError, MapView, Scratch};

/// Queries and keys of a window, sides of the map of each; heads, channels of a head, and how often
/// the shape occurs.
struct Shape {
    name: &'static str,
    sides: [usize; 2],
    windows: [usize; 2],
    heads: usize,
    dim: usize,
    times: usize,
}

/// Blocks of the encoder, by number, then the decoder's, whose "maps" have a single column.
const SHAPES: [Shape; 10] = [
    encoder("block 0", [128, 128], [8, 8], 1, 1),
    encoder("block 1", [64, 128], [4, 8], 2, 1),
    encoder("block 2", [64, 64], [4, 4], 2, 1),
    encoder("block 3", [32, 64], [2, 4], 4, 1),
    encoder("blocks 4, 6, 8", [42, 42], [14, 14], 4, 3),
    encoder("blocks 5, 7, 9", [32, 32], [32, 32], 4, 3),
    encoder("block 10", [21, 42], [7, 14], 8, 1),
    encoder("block 11", [21, 21], [7, 7], 8, 1),
    decoder("tokens to image", [9, 1024], 3),
    decoder("image to tokens", [1024, 9], 2),
];

const fn encoder(
    name: &'static str,
    sides: [usize; 2],
    windows: [usize; 2],
    heads: usize,
    times: usize,
) -> Shape {
    Shape { name, sides, windows, heads, dim: 16, times }
}

const fn decoder(name: &'static str, rows: [usize; 2], times: usize) -> Shape {
    Shape { name, sides: rows, windows: [0, 0], heads: 8, dim: 16, times }
}

/// Numbers of a fixed stream, in [-1, 1).
fn numbers(count: usize, mut state: u64) -> Vec<f32> {
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Tells whether two builds, or two processors, give the same bits.
fn checksum(values: &[f32]) -> u64 {
    values.iter().fold(0, |sum: u64, value| {
        (sum ^ u64::from(value.to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

fn line(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(format!("{text}\n").as_bytes())
}

/// One shape: a run to fill the buffers, and the runs that are measured.
fn measure(shape: &Shape, runs: usize, in_fewer_bits: bool) -> Result<(), KernelError> {
    let channels = shape.heads * shape.dim;
    let [queries, keys] = shape.sides.map(|side| match shape.windows {
        [0, _] => [side, 1],
        _ => [side, side],
    });
    let map = |[rows, columns]: [usize; 2], seed| numbers(rows * columns * channels, seed);
    let (q, k, v) = (map(queries, 1), map(keys, 2), map(keys, 3));
    let view = |values, [rows, columns]: [usize; 2], window| {
        let window = if window == 0 { [rows, columns] } else { [window; 2] };
        MapView { values, columns, channels, first: 0, window }
    };
    let [q_window, k_window] = shape.windows;
    let views = [view(&q, queries, q_window), view(&k, keys, k_window), view(&v, keys, k_window)];
    let attention = Attention::new(views, shape.heads, [shape.dim; 2], queries)?;
    let attention = if in_fewer_bits { attention.in_fewer_bits() } else { attention };
    let mut scratch = Scratch::default();
    let mut out = vec![0.0; attention.output_len()];
    attention.run(&mut scratch, &mut out)?;
    let in_window = if k_window == 0 { keys[0] } else { k_window * k_window };
    let products = queries[0] * queries[1] * in_window * channels * 2;
    let _ = line(&format!("{}: {} x {products}", shape.name, shape.times));
    let start = Instant::now();
    for _ in 0..runs {
        attention.run(&mut scratch, black_box(&mut out))?;
    }
    let text = match runs {
        1 => String::from("done"),
        _ => format!("{:.1} us", start.elapsed().as_secs_f64() * 1e6 / runs as f64),
    };
    let _ = line(&text);
    let _ = line(&format!("bits {:016x}", checksum(&out)));
    Ok(())
}

fn main() -> Result<(), KernelError> {
    let runs = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let in_fewer_bits = std::env::args().nth(2).is_some_and(|text| text == "coarse");
    SHAPES.iter().try_for_each(|shape| measure(shape, runs, in_fewer_bits))
}
