//! The one source of randomness: a stream fixed by (seed, index, purpose).

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

/// The purpose of a stream. The streams of a frame are independent: drawing more numbers for one
/// purpose never changes another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Image size, probe geometry and the machine's settings.
    Setup = 1,
    /// Layers and targets.
    Anatomy = 2,
    /// Scatterer positions and strengths.
    Scatterers = 3,
    /// Electronic noise.
    Noise = 4,
    /// The choice of targets in a scene with organs.
    Choice = 5,
    /// What moves in a cine and what happens to it.
    Motion = 6,
    /// Scatterers that are fixed in the tissue of a cine.
    Tissue = 7,
}

/// A random stream with the draws that the simulator needs.
#[derive(Clone, Debug)]
pub(crate) struct Stream(Pcg64);

impl Stream {
    /// The stream of one purpose in one frame.
    pub(crate) fn new(seed: u64, index: u32, purpose: Purpose) -> Self {
        Self::keyed(seed, (u64::from(index) << 8) | purpose as u64)
    }

    /// One of many independent streams of one purpose: of a frame of a cine, for example.
    pub(crate) fn branch(seed: u64, index: u32, purpose: Purpose, branch: u64) -> Self {
        let frame = (u64::from(index) << 8) | purpose as u64;
        Self::keyed(seed, mix(frame) ^ mix(branch).rotate_left(17))
    }

    fn keyed(seed: u64, frame: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&mix(seed).to_le_bytes());
        bytes[8..16].copy_from_slice(&mix(frame).to_le_bytes());
        bytes[16..24].copy_from_slice(&mix(frame ^ mix(seed)).to_le_bytes());
        Self(Pcg64::from_seed(bytes))
    }

    /// Uniform in [low, high).
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in [0, 1), on the grid of 2^-24 that f32 holds exactly.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform in `low..=high`.
    pub(crate) fn integer(&mut self, low: u32, high: u32) -> u32 {
        let count = u64::from(high - low) + 1;
        low + ((u64::from(self.0.next_u32()) * count) >> 32) as u32
    }

    /// One of the choices, with the given weights.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, f32)], otherwise: T) -> T {
        let total: f32 = choices.iter().map(|c| c.1).sum();
        let mut left = self.uniform(0.0, total);
        for &(choice, weight) in choices {
            if left < weight {
                return choice;
            }
            left -= weight;
        }
        otherwise
    }

    /// A fresh seed for a noise field.
    pub(crate) fn field_seed(&mut self) -> u32 {
        self.0.next_u32()
    }
}

/// Spreads nearby integers over all 64 bits (the finaliser of SplitMix64; Steele et al. 2014).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_index_and_purpose() {
        let first = |seed, index, purpose| Stream::new(seed, index, purpose).field_seed();
        let base = first(1, 2, Purpose::Anatomy);
        assert_eq!(base, first(1, 2, Purpose::Anatomy));
        assert_ne!(base, first(2, 2, Purpose::Anatomy));
        assert_ne!(base, first(1, 3, Purpose::Anatomy));
        assert_ne!(base, first(1, 2, Purpose::Noise));
    }

    #[test]
    fn branches_are_independent() {
        let draws = |branch| -> Vec<f32> {
            let mut stream = Stream::branch(1, 2, Purpose::Noise, branch);
            (0..4000).map(|_| stream.normal()).collect()
        };
        let first = draws(0);
        assert_eq!(first, draws(0));
        for other in [1, 2, 3, u64::MAX] {
            let product: f32 = first.iter().zip(draws(other)).map(|(a, b)| a * b).sum();
            // The deviation of the mean of 4000 products is 1 / 63.
            assert!((product / 4000.0).abs() < 0.064, "{other}: {product}");
        }
    }

    #[test]
    fn draws_stay_in_range() {
        let mut stream = Stream::new(7, 0, Purpose::Setup);
        let mut seen = [false; 4];
        for _ in 0..1000 {
            assert!((2.0..3.0).contains(&stream.uniform(2.0, 3.0)));
            seen[stream.integer(0, 3) as usize] = true;
            assert_eq!(stream.weighted(&[('a', 0.0), ('b', 1.0)], 'c'), 'b');
        }
        assert_eq!(seen, [true; 4]);
    }
}
