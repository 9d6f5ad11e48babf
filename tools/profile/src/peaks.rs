//! What this machine does at best, as far as our own kernels show it.

use crate::ProfileError;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::{Duration, Instant};
use uniultra_kernels::{
    Activation, Epilogue, Input, KernelError, LinearF32, LinearI8, LinearScratch, Output, Residual,
};

/// Rows, inputs and outputs of the layers tried: they stay in a second cache of 1 MiB, and each of
/// their values takes part in hundreds of products.
const SHAPES: [[usize; 3]; 3] = [[128, 256, 256], [128, 512, 256], [64, 1024, 256]];

/// What is read for the memory's speed: more than most caches hold.
const BUFFER_MIB: usize = 256;

/// What is read of it at a time.
const CHUNK_MIB: usize = 8;

/// Shortest time of one measurement: short enough that a busy machine leaves some of them alone.
const ROUND: Duration = Duration::from_millis(2);

/// Measurements of which the best counts.
const ROUNDS: usize = 60;

/// What this machine does at best, on as many threads as the profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Peaks {
    /// Threads.
    pub threads: usize,
    /// Products in f32: GFLOP/s of the fastest of our linear layers.
    pub real: Peak,
    /// Products of int8 summed in 32 bit: GOP/s of the fastest of our linear layers.
    pub integer: Peak,
    /// Reading a large buffer from memory, in GB/s (10^9 bytes).
    pub memory_read_gb_per_s: f64,
}

/// The best that was seen of one kind of product.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Peak {
    /// 10^9 operations a second; a multiply-accumulate is two.
    pub giga_ops_per_s: f64,
    /// Rows, inputs and outputs of the layer that reached it.
    pub shape: [usize; 3],
}

impl Peaks {
    /// Measures; takes about a second.
    ///
    /// # Errors
    /// [`ProfileError::Peaks`] never, for the sizes are ours.
    pub fn measure(threads: usize) -> Result<Self, ProfileError> {
        let threads = threads.max(1);
        Ok(Self {
            threads,
            real: best(threads, Real::new)?,
            integer: best(threads, Integer::new)?,
            memory_read_gb_per_s: memory_read(threads),
        })
    }
}

/// The fastest shape.
fn best<L: Layer + Send>(
    threads: usize,
    new: impl Fn([usize; 3]) -> Result<L, KernelError>,
) -> Result<Peak, KernelError> {
    let mut best = Peak { giga_ops_per_s: 0.0, shape: SHAPES[0] };
    for shape in SHAPES {
        let mut layers = (0..threads).map(|_| new(shape)).collect::<Result<Vec<L>, _>>()?;
        // Wrong sizes would show here, so that the threads need not tell.
        layers.iter_mut().try_for_each(L::run)?;
        let ops = 2.0 * shape.iter().product::<usize>() as f64;
        let rate = fastest(&mut layers, |layer| {
            let done = layer.run();
            black_box(&done);
        });
        let giga_ops_per_s = rate * ops / 1e9;
        if giga_ops_per_s > best.giga_ops_per_s {
            best = Peak { giga_ops_per_s, shape };
        }
    }
    Ok(best)
}

/// GB/s of all threads together.
fn memory_read(threads: usize) -> f64 {
    let words = |mib: usize| mib * (1 << 20) / size_of::<u64>();
    let whole = words(BUFFER_MIB) / threads;
    let chunk = words(CHUNK_MIB).min(whole);
    let mut readers: Vec<_> = (0..threads).map(|_| (vec![1_u64; whole], 0)).collect();
    // A chunk is read again only after all others: by then it has left the caches.
    let rate = fastest(&mut readers, |(buffer, start)| {
        let end = *start + chunk;
        black_box(sum(buffer.get(*start..end).unwrap_or_default()));
        *start = if end + chunk <= whole { end } else { 0 };
    });
    rate * (chunk * size_of::<u64>()) as f64 / 1e9
}

/// A sum in as many lanes as vectors need to hide their latency.
fn sum(words: &[u64]) -> u64 {
    let (chunks, _) = words.as_chunks::<64>();
    let mut sums = [0_u64; 64];
    for chunk in chunks {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// Highest number of `work` a second, over all items, each on a thread of its own.
fn fastest<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) -> f64 {
    (0..ROUNDS).map(|_| round(items, &work)).fold(0.0, f64::max)
}

fn round<T: Send>(items: &mut [T], work: &(impl Fn(&mut T) + Sync)) -> f64 {
    // Thread by thread, over its own time: starting the others does not count.
    let one = |item: &mut T| {
        let start = Instant::now();
        let mut count = 0_u32;
        while count == 0 || start.elapsed() < ROUND {
            work(item);
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    };
    match items {
        [item] => one(item),
        items => std::thread::scope(|scope| {
            let threads: Vec<_> =
                items.iter_mut().map(|item| scope.spawn(move || one(item))).collect();
            // These threads do not panic; if it did, its part would be missing.
            threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
        }),
    }
}

trait Layer {
    fn run(&mut self) -> Result<(), KernelError>;
}

const PLAIN: Epilogue<'_> = Epilogue { activation: Activation::Identity, residual: Residual::None };

struct Real {
    layer: LinearF32,
    x: Vec<f32>,
    out: Vec<f32>,
    scratch: LinearScratch,
}

impl Real {
    fn new([rows, k, n]: [usize; 3]) -> Result<Self, KernelError> {
        let weight: Vec<f32> = (0..k * n).map(|i| (i % 7) as f32 - 3.0).collect();
        Ok(Self {
            layer: LinearF32::new(&weight, [k, n], &vec![0.0; n])?,
            x: (0..rows * k).map(|i| (i % 5) as f32 - 2.0).collect(),
            out: vec![0.0; rows * n],
            scratch: LinearScratch::default(),
        })
    }
}

impl Layer for Real {
    fn run(&mut self) -> Result<(), KernelError> {
        let out = Output::Real(&mut self.out);
        self.layer.run(&self.x, &PLAIN, out, &mut self.scratch)
    }
}

struct Integer {
    layer: LinearI8,
    x: Vec<i8>,
    out: Vec<f32>,
    scratch: LinearScratch,
}

impl Integer {
    fn new([rows, k, n]: [usize; 3]) -> Result<Self, KernelError> {
        let values = |count: usize| (0..count).map(|i| (i % 11) as i8 - 5).collect::<Vec<_>>();
        Ok(Self {
            layer: LinearI8::new(&values(k * n), [k, n], &vec![1.0; n], &vec![0.0; n])?,
            x: values(rows * k),
            out: vec![0.0; rows * n],
            scratch: LinearScratch::default(),
        })
    }
}

impl Layer for Integer {
    fn run(&mut self) -> Result<(), KernelError> {
        let out = Output::Real(&mut self.out);
        self.layer.run(Input::Quantized(&self.x), &PLAIN, out, &mut self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_summed() {
        assert_eq!(sum(&[3; 640]), 1920);
        assert_eq!(sum(&(0..128).collect::<Vec<_>>()), 127 * 64);
    }

    #[test]
    fn rates_are_of_all_threads_together() {
        let mut items = [0_u64; 2];
        let rate = round(&mut items, &|item: &mut u64| {
            *item += 1;
            std::thread::sleep(Duration::from_millis(5));
        });
        assert!(items.iter().all(|&count| count >= 1), "{items:?}");
        // Sleeping takes at least its time: 200 a second and thread at most.
        assert!(rate > 0.0 && rate <= 400.0, "{rate}");
    }

    #[test]
    fn a_machine_has_peaks() {
        let peaks = Peaks::measure(1).unwrap();
        for peak in [peaks.real, peaks.integer] {
            assert!(peak.giga_ops_per_s > 0.0 && SHAPES.contains(&peak.shape), "{peaks:?}");
        }
        assert!(peaks.memory_read_gb_per_s > 0.0, "{peaks:?}");
    }
}
