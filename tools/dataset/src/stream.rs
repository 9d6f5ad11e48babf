//! The only source of randomness: streams that depend only on their purpose.

use crate::augment::Part;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// A random stream with the draws that are needed here. Nothing depends on the order in which
/// threads run, since each stream is seeded by its purpose alone.
#[derive(Clone, Debug)]
pub struct Stream(Pcg64);

impl Stream {
    /// The stream of a list of numbers, such as (seed, set, index).
    #[must_use]
    pub fn new(of: &[u64]) -> Self {
        let mut state = hash(of);
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            state = mix(state);
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        Self(Pcg64::from_seed(bytes))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Fills with random bytes.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Uniform in [0, 1), on the grid of 2^-24 that f32 holds exactly.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [low, high).
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform in `0..count`; 0 if `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// The amount of a part, or `neutral`. As many numbers are drawn either way, so that a part
    /// that is turned off leaves the others as they are.
    pub(crate) fn part(&mut self, part: Part, neutral: f32) -> f32 {
        let (chosen, amount) = (self.chance(part.p), self.uniform(part.range[0], part.range[1]));
        if chosen { amount } else { neutral }
    }

    /// [`Stream::part`] for factors: evenly distributed on a logarithmic scale; 1 is neutral.
    pub(crate) fn factor(&mut self, part: Part) -> f32 {
        let logarithms = Part { p: part.p, range: part.range.map(f32::ln) };
        let amount = self.part(logarithms, 0.0);
        if amount == 0.0 { 1.0 } else { amount.exp() }
    }

    /// Shuffles in place (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }
}

/// One number of a list; the order matters.
pub(crate) fn hash(of: &[u64]) -> u64 {
    of.iter().fold(0, |state, &value| mix(state ^ mix(value)))
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
    fn streams_differ_by_what_they_are_for() {
        let first = |of: &[u64]| Stream::new(of).bits();
        assert_eq!(first(&[1, 2, 3]), first(&[1, 2, 3]));
        let all = [first(&[1, 2, 3]), first(&[2, 1, 3]), first(&[1, 2]), first(&[1, 2, 4])];
        for (at, value) in all.iter().enumerate() {
            assert!(!all[..at].contains(value));
        }
    }

    #[test]
    fn draws_stay_in_range() {
        let mut stream = Stream::new(&[7]);
        let (mut low, mut high) = (0, 0);
        for _ in 0..1000 {
            assert!((2.0..3.0).contains(&stream.uniform(2.0, 3.0)));
            assert!(stream.below(3) < 3);
            let factor = stream.factor(Part { p: 0.5, range: [0.5, 2.0] });
            assert!((0.499..=2.001).contains(&factor));
            low += usize::from(factor < 1.0);
            high += usize::from(factor > 1.0);
        }
        assert_eq!(stream.below(0), 0);
        // 250 expected each, the deviation is 14.
        assert!((190..310).contains(&low) && (190..310).contains(&high), "{low} {high}");
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut items: Vec<usize> = (0..100).collect();
        Stream::new(&[3]).shuffle(&mut items);
        assert!(items.iter().enumerate().filter(|(at, item)| at == *item).count() < 10);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
