//! A quick look at masks after an epoch, at the network's size. The figures that are reported come
//! from `uniultra-tools evaluate`, through the runtime.

use super::prompts::{Kind, PromptConfig, tensors};
use crate::batch;
use crate::model::{Params, PromptBatch, image_encoder, mask_decoder};
use crate::run::log_rows::ValRow;
use anyhow::Result;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use tch::{Tensor, no_grad};
use uniultra_dataset::{AugmentConfig, Dataset, Example};

/// Name in the log of the share of right object scores.
const OBJECT_SCORE: &str = "object_score";

/// Clicks that are given at once, all inside.
const CLICKS: usize = 12;

/// The scores of an image.
struct Seen {
    dice: [f64; 3],
    iou: [f64; 3],
    /// Share of prompts whose object score is right.
    scored: f64,
}

/// Dice of each set, prompted with the deepest point and with the exact box of each object, as the
/// evaluation protocol does, and with several clicks inside; of sets without objects, the share of
/// right object scores.
///
/// # Errors
/// An image that can no longer be read.
pub fn validate(
    params: &Params,
    dataset: &Dataset,
    size: usize,
    limit: Option<usize>,
    epoch: u64,
    step: u64,
) -> Result<Vec<ValRow>> {
    // Trained for 8 bits, it is measured in 8 bits.
    let params = &no_grad(|| params.prepared(None));
    let mut rows = Vec::new();
    for (set, name) in dataset.set_names().iter().enumerate() {
        let mut seen = Vec::new();
        for index in spread(dataset.len(set), limit) {
            let example = dataset.example(set, index, size, &AugmentConfig::none(), 0)?;
            seen.push(no_grad(|| look(params, &example, size)));
        }
        let n = seen.len() as u64;
        let row = |prompt: &str, dice: Vec<f64>, iou: Vec<f64>| ValRow {
            epoch,
            step,
            set: name.clone(),
            prompt: prompt.to_string(),
            dice_mean: mean(&dice),
            dice_median: median(dice),
            iou_mean: mean(&iou),
            n,
        };
        if !dataset.is_negative(set) {
            for (at, prompt) in ["point", "box", "clicks"].into_iter().enumerate() {
                let dice = seen.iter().map(|s| s.dice[at]).collect();
                rows.push(row(prompt, dice, seen.iter().map(|s| s.iou[at]).collect()));
            }
        }
        let scored: Vec<f64> = seen.iter().map(|s| s.scored).collect();
        rows.push(row(OBJECT_SCORE, scored.clone(), scored));
    }
    Ok(rows)
}

/// Mean Dice over sets and prompts, by which the best epoch is chosen.
#[must_use]
pub fn score(rows: &[ValRow]) -> Option<f64> {
    let dice: Vec<f64> =
        rows.iter().filter(|row| row.prompt != OBJECT_SCORE).map(|row| row.dice_mean).collect();
    (!dice.is_empty()).then(|| mean(&dice))
}

fn look(params: &Params, example: &Example, size: usize) -> Seen {
    let images = batch::images(std::slice::from_ref(example), size, params.device());
    let features = image_encoder(params, &images);
    let count = example.objects.len().max(1);
    let features =
        features.for_prompts(&Tensor::zeros([count as i64], (tch::Kind::Int64, params.device())));
    let exact = PromptConfig {
        deepest: 1.0,
        exact_box: 1.0,
        negative_clicks: 0.0,
        ..PromptConfig::default()
    };
    // Nothing is left to chance but where an empty image is asked, which is its centre here.
    let mut random = Pcg64::seed_from_u64(0);
    let mut seen = Seen { dice: [0.0; 3], iou: [0.0; 3], scored: 0.0 };
    for (at, kind) in
        [Kind::Point, Kind::Box { clicks: 0 }, Kind::Clicks(CLICKS)].into_iter().enumerate()
    {
        let prompts: Vec<_> = if example.objects.is_empty() {
            let mut central = vec![0; size * size];
            for y in size / 4..size - size / 4 {
                central[y * size + size / 4..(y + 1) * size - size / 4].fill(1);
            }
            vec![exact.first(kind, &central, size, &mut random)]
        } else {
            let first = |mask: &Vec<u8>| exact.first(kind, mask, size, &mut random);
            example.objects.iter().map(first).collect()
        };
        let (coords, labels) = tensors(&prompts, params.device());
        let decoded = mask_decoder(params, &features, &PromptBatch { coords, labels, mask: None });
        let scores = batch::host(&decoded.object_score);
        let right = scores.iter().filter(|score| (**score > 0.0) != example.objects.is_empty());
        seen.scored += right.count() as f64 / (3 * count) as f64;
        let side = size as i64;
        let full =
            decoded.masks.narrow(1, 0, 1).upsample_bilinear2d([side, side], false, None, None);
        let union: Vec<f32> = batch::host(&full.amax([0_i64, 1].as_slice(), false));
        (seen.dice[at], seen.iou[at]) = overlap(&union, &example.objects);
    }
    seen
}

/// Dice and IoU of the pixels above 0 with the union of the objects.
fn overlap(logits: &[f32], objects: &[Vec<u8>]) -> (f64, f64) {
    let (mut both, mut found, mut wanted) = (0_usize, 0_usize, 0_usize);
    for (at, logit) in logits.iter().enumerate() {
        let inside = objects.iter().any(|object| object[at] != 0);
        let positive = *logit > 0.0;
        both += usize::from(inside && positive);
        found += usize::from(positive);
        wanted += usize::from(inside);
    }
    if found + wanted == 0 {
        return (1.0, 1.0);
    }
    let either = found + wanted - both;
    (2.0 * both as f64 / (found + wanted) as f64, both as f64 / either as f64)
}

/// At most `limit` of `count` indices, evenly spaced.
fn spread(count: usize, limit: Option<usize>) -> Vec<usize> {
    let kept = limit.unwrap_or(count).min(count);
    (0..kept).map(|place| place * count / kept).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_counts_the_union_of_objects() {
        let objects = [vec![1, 1, 0, 0], vec![0, 0, 1, 0]];
        assert_eq!(overlap(&[1.0, 1.0, 1.0, -1.0], &objects), (1.0, 1.0));
        assert_eq!(overlap(&[1.0, -1.0, -1.0, 1.0], &objects), (0.4, 0.25));
        assert_eq!(overlap(&[-1.0; 4], &[]), (1.0, 1.0));
    }

    #[test]
    fn a_limit_spreads_over_the_set() {
        assert_eq!(spread(10, Some(3)), [0, 3, 6]);
        assert_eq!(spread(3, Some(10)), [0, 1, 2]);
        assert_eq!(spread(2, None), [0, 1]);
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![3.0, 1.0]), 2.0);
    }
}
