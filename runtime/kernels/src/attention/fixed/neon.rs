//! Attention in fixed point with NEON: the bits of `portable`.
//!
//! - **Scores.** Four queries against 16 keys: a lane is a key, and a lane of the query's register picks the channel.
//! - **Weights.** Four queries side by side, 16 keys at a time, so that the dither is loaded once for all.
//! - **Sums.** Four queries and four channels: a lane is a key modulo four, and the lanes are added at the end.
//!
//! The three loops are in assembly. They fill all 32 registers, and the compiler, which reorders intrinsics, spilled
//! some and took 35 % more instructions.
//!
//! Weights and values go by [`STEP`]s of two tiles; the last may have only one. Keys beyond the last are copies
//! of it, which raise no maximum and get no weight. Queries are padded to fours with copies of the last, whose results
//! go nowhere.

mod prepare;
mod score;
mod sum;
mod weigh;

use super::{CHANNELS, STEP, TILE, Tokens};
use score::score;
use sum::sum;
use weigh::weigh;

/// Queries of a block.
const FOUR: usize = 4;

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub(in crate::attention) struct Buffers {
    keys: Vec<[[i16; TILE]; CHANNELS]>,
    values: Vec<[[i8; STEP]; CHANNELS]>,
    scores: Vec<i16>,
    weights: Vec<u8>,
}

/// Computes a head that `fits`.
pub(in crate::attention) fn attend(tokens: &mut Tokens<'_>, buffers: &mut Buffers) {
    // SAFETY: NEON is part of every processor that this target runs on.
    unsafe { attend_all(tokens, buffers) }
}

#[target_feature(enable = "neon")]
fn attend_all(tokens: &mut Tokens<'_>, buffers: &mut Buffers) {
    let Tokens { q, k, v, keys: count, out } = tokens;
    let Buffers { keys, values, scores, weights } = buffers;
    let key_step = prepare::keys(k, *count, keys);
    let [value_steps, value_means] = prepare::values(v, *count, values);
    scores.resize(k.len() * FOUR, 0);
    weights.resize(k.len().next_multiple_of(STEP) * FOUR, 0);
    for (q, out) in q.chunks(FOUR).zip(out.chunks_mut(FOUR)) {
        let last = q.len() - 1;
        let block = prepare::block([0, 1, 2, 3].map(|i| &q[last.min(i)]), key_step);
        let max = score(&block.queries, keys, scores);
        let totals = weigh(scores, max, &block, weights, *count);
        let sums = sum(weights, values, keys.len());
        prepare::finish(&sums, &value_steps, block.factors(totals), &value_means, out);
    }
}
