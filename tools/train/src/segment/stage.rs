//! One step on masks: prompt, decode, compare, click where it is wrong, decode again.

use super::clicks::correction;
use super::loss::{LossConfig, excess_perimeter, iou, soft};
use super::outline::Region;
use super::prompts::{Kind, Prompt, PromptConfig, tensors};
use crate::batch;
use crate::model::{Decoded, Params, PromptBatch, PromptedFeatures, image_encoder, mask_decoder};
use crate::stage::{Stage, StepLoss};
use anyhow::{Result, ensure};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use tch::{Kind as Number, Reduction, Tensor, no_grad};
use uniultra_dataset::Example;

/// Largest magnitude of logits that go back in as a mask prompt; the runtime clamps likewise.
const MASK_PROMPT_LIMIT: f64 = 32.0;

/// Training on masks: fine-tuning, or joint tuning with a teacher's soft targets.
#[derive(Debug)]
pub struct SegmentStage {
    params: Params,
    teacher: Option<Params>,
    prompts: PromptConfig,
    loss: LossConfig,
    size: usize,
}

/// One prompted object: its image, and its mask if it is there.
struct Chosen<'a> {
    image: usize,
    mask: Option<&'a [u8]>,
}

/// Sums of a step's loss over its rounds.
#[derive(Default)]
struct Totals {
    parts: [Option<Tensor>; 6],
}

const MASK: usize = 0;
const MULTIMASK: usize = 1;
const IOU: usize = 2;
const OBJECT: usize = 3;
const SOFT: usize = 4;
const PERIMETER: usize = 5;

impl SegmentStage {
    /// A stage that trains `params`, with soft targets of `teacher` if the loss weighs them.
    #[must_use]
    pub fn new(
        params: Params,
        teacher: Option<Params>,
        prompts: PromptConfig,
        loss: LossConfig,
        size: usize,
    ) -> Self {
        let teacher = teacher.filter(|_| loss.soft > 0.0);
        Self { params, teacher, prompts, loss, size }
    }

    /// Adds the mean losses of one prompt of each object and the clicks that follow it.
    fn rounds(
        &self,
        params: &Params,
        chosen: &[Chosen<'_>],
        features: &PromptedFeatures,
        teacher: Option<&PromptedFeatures>,
        random: &mut Pcg64,
        sum: &mut Totals,
    ) {
        let (size, device) = (self.size, self.params.device());
        let kind = self.prompts.kind(random);
        let rounds = self.prompts.rounds(kind, random);
        let empty = vec![0; size * size];
        let masks: Vec<&[u8]> = chosen.iter().map(|c| c.mask.unwrap_or(&empty)).collect();
        let target = batch::masks(&masks, size, device);
        let stride = self.loss.stride;
        let target = if stride == 1 { target } else { shrink(&target, stride) };
        let compared: Vec<Vec<u8>> =
            if rounds > 0 { thresholded(&target, 0.5) } else { Vec::new() };
        let present: Vec<f32> =
            chosen.iter().map(|c| f32::from(u8::from(c.mask.is_some()))).collect();
        let present = Tensor::from_slice(&present).to_device(device);
        let mut prompts: Vec<Prompt> =
            masks.iter().map(|mask| self.prompts.first(kind, mask, size, random)).collect();
        let mut totals = Totals::default();
        let given = random.random_bool(self.prompts.mask_prompt);
        let mut mask_prompt = given.then(|| coarse_answer(&target, 4 / stride, random));
        for round in 0..=rounds {
            let (coords, labels) = tensors(&prompts, device);
            let input = PromptBatch { coords, labels, mask: mask_prompt.take() };
            let decoded = mask_decoder(params, features, &input);
            let single = decoded.masks.narrow(1, 0, 1);
            let side = size as i64 / stride;
            let full = if stride == 4 {
                single.shallow_clone()
            } else {
                single.upsample_bilinear2d([side, side], false, None, None)
            };
            // With an earlier answer, a single click is not ambiguous.
            let ambiguous = round == 0 && kind == Kind::Point && !given;
            self.compare(&decoded, &full, &target, &present, &mut totals);
            if let Some(teacher_features) = teacher
                && let Some(teacher) = &self.teacher
            {
                let wanted = no_grad(|| mask_decoder(teacher, teacher_features, &input));
                let tokens = if ambiguous { 4 } else { 1 };
                let [found, wanted] =
                    [&decoded.masks, &wanted.masks].map(|masks| masks.narrow(1, 0, tokens));
                totals.add(SOFT, soft(&found, &wanted, self.loss.soft_temperature));
            }
            if round < rounds {
                click(&mut prompts, &full, (&masks, &compared), (size, stride), random);
                let limit = MASK_PROMPT_LIMIT;
                mask_prompt = Some(single.detach().clamp(-limit, limit));
            }
        }
        totals.divide(rounds as f64 + 1.0);
        sum.merge(totals);
    }

    /// Adds the losses of one answer. Prompts without an object count for the object score alone.
    fn compare(
        &self,
        decoded: &Decoded,
        full: &Tensor,
        target: &Tensor,
        present: &Tensor,
        totals: &mut Totals,
    ) {
        let count = present.sum(Number::Float).clamp_min(1.0);
        let mean = |x: &Tensor| (x * present).sum(Number::Float) / &count;
        totals.add(MASK, mean(&self.loss.mask.compute(full, target).squeeze_dim(1)));

        // Coarse masks suffice for choosing among tokens.
        let cell = 4 / self.loss.stride;
        let coarse = if cell == 1 { target.shallow_clone() } else { shrink(target, cell) };
        if self.loss.perimeter > 0.0 {
            let excess = excess_perimeter(&decoded.masks.narrow(1, 0, 1), &coarse);
            totals.add(PERIMETER, mean(&excess.squeeze_dim(1)));
        }
        // The runtime falls back on tokens 1 to 3 whenever token 0 is unsure, after a box or many
        // clicks, too, and chooses by predicted IoU: so each learns from every prompt.
        if self.loss.multimask > 0.0 {
            let losses = self.loss.mask.compute(&decoded.masks.narrow(1, 1, 3), &coarse);
            totals.add(MULTIMASK, mean(&losses.amin([1].as_slice(), false)));
        }
        let reached = iou(&decoded.masks.detach(), &coarse.gt(0.5).to_kind(Number::Float));
        let error = (&decoded.ious - reached).square();
        totals.add(IOU, mean(&error.mean_dim([1].as_slice(), false, Number::Float)));
        totals.add(
            OBJECT,
            decoded.object_score.squeeze_dim(1).binary_cross_entropy_with_logits(
                present,
                None::<&Tensor>,
                None::<&Tensor>,
                Reduction::Mean,
            ),
        );
    }
}

impl Totals {
    fn add(&mut self, part: usize, value: Tensor) {
        let sum = match self.parts[part].take() {
            Some(sum) => sum + value,
            None => value,
        };
        self.parts[part] = Some(sum);
    }

    fn merge(&mut self, other: Self) {
        for (part, value) in other.parts.into_iter().enumerate() {
            if let Some(value) = value {
                self.add(part, value);
            }
        }
    }

    fn divide(&mut self, by: f64) {
        for part in self.parts.iter_mut().flatten() {
            *part = &*part / by;
        }
    }
}

/// Means over cells of `cell` x `cell` pixels.
fn shrink(mask: &Tensor, cell: i64) -> Tensor {
    mask.avg_pool2d([cell, cell], [cell, cell], [0, 0], false, true, None)
}

/// Each mask of `[P, 1, H, W]` on the host, 1 above `least`.
fn thresholded(masks: &Tensor, least: f32) -> Vec<Vec<u8>> {
    let area = masks.size().iter().rev().take(2).product::<i64>() as usize;
    let values = batch::host(masks);
    values
        .chunks(area)
        .map(|mask| mask.iter().map(|&value| u8::from(value > least)).collect())
        .collect()
}

/// Logits `[P, 1, S/4, S/4]` that resemble an earlier answer, or the answer for another frame: the
/// object is coarse, slightly displaced, larger or smaller. `target` has `cell` pixels for each
/// logit along a side.
fn coarse_answer(target: &Tensor, cell: i64, random: &mut Pcg64) -> Tensor {
    let share = if cell == 1 { target.shallow_clone() } else { shrink(target, cell) };
    let side = share.size()[3];
    let coarse = 1_i64 << random.random_range(1..4);
    let blurred = shrink(&share, coarse).upsample_bilinear2d([side, side], false, None, None);
    let most = side / 16;
    let mut shift = || random.random_range(-most..=most) / 2;
    let moved = blurred.roll([shift(), shift()], [2_i64, 3]);
    let (level, height) = (random.random_range(0.3..0.7), random.random_range(4.0..24.0));
    ((moved - level) * height).clamp(-MASK_PROMPT_LIMIT, MASK_PROMPT_LIMIT)
}

/// Adds a corrective click to each prompt: at the centre of the largest error, or anywhere inside
/// if there is no error. Errors are searched at the size of the comparison: a pixel of `compared`
/// stands for `stride` x `stride` pixels of the input.
fn click(
    prompts: &mut [Prompt],
    full: &Tensor,
    (masks, compared): (&[&[u8]], &[Vec<u8>]),
    (size, stride): (usize, i64),
    random: &mut Pcg64,
) {
    let (stride, side) = (stride as usize, size / stride as usize);
    let found = thresholded(full, 0.0);
    for (((prompt, mask), wanted), found) in prompts.iter_mut().zip(masks).zip(compared).zip(&found)
    {
        let Some(region) = Region::from_mask(mask, size) else {
            // Without an object there is nothing to correct: another place is asked about.
            prompt.click([random.random_range(0..size), random.random_range(0..size)], true);
            continue;
        };
        match correction(found, wanted, side) {
            Some((place, positive)) => {
                prompt.click(place.map(|x| x * stride + stride / 2), positive);
            }
            None => prompt.click(region.inside(random), true),
        }
    }
}

impl Stage for SegmentStage {
    fn parts(&self) -> &'static [&'static str] {
        &["mask", "multimask", "iou", "object_score", "soft", "perimeter"]
    }

    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    fn another(&self) -> Result<Box<dyn Stage>> {
        let teacher = self.teacher.as_ref().map(Params::share);
        Ok(Box::new(Self { params: self.params.share(), teacher, ..*self }))
    }

    fn step(&mut self, examples: &[Example], step: u64, random: &mut Pcg64) -> Result<StepLoss> {
        ensure!(!examples.is_empty(), "expected a batch of images, found none");
        let mut chosen = Vec::new();
        for (image, example) in examples.iter().enumerate() {
            let mut objects: Vec<&[u8]> = example.objects.iter().map(Vec::as_slice).collect();
            objects.shuffle(random);
            if objects.is_empty() {
                chosen.push(Chosen { image, mask: None });
            }
            let some = objects.into_iter().take(self.prompts.objects);
            chosen.extend(some.map(|mask| Chosen { image, mask: Some(mask) }));
        }
        let device = self.params.device();
        let images = batch::images(examples, self.size, device);
        let image_of: Vec<i64> = chosen.iter().map(|c| c.image as i64).collect();
        let image_of = Tensor::from_slice(&image_of).to_device(device);
        let params = self.params.prepared(Some(step));
        let features = image_encoder(&params, &images).for_prompts(&image_of);
        let asked = step.is_multiple_of(self.loss.soft_every as u64);
        let teacher = self
            .teacher
            .as_ref()
            .filter(|_| asked)
            .map(|teacher| no_grad(|| image_encoder(teacher, &images).for_prompts(&image_of)));
        let mut totals = Totals::default();
        for _ in 0..self.prompts.draws {
            self.rounds(&params, &chosen, &features, teacher.as_ref(), random, &mut totals);
        }
        totals.divide(self.prompts.draws as f64);
        let Totals { parts } = totals;
        let LossConfig { multimask, iou, object_score, soft, perimeter, .. } = self.loss;
        let weights = [1.0, multimask, iou, object_score, soft, perimeter];
        let weighted =
            parts.iter().zip(weights).filter_map(|(part, weight)| Some(part.as_ref()? * weight));
        let total = weighted.reduce(|sum, next| sum + next);
        let total = total
            .unwrap_or_else(|| images.new_zeros([1], (Number::Float, device)).sum(Number::Float));
        Ok(StepLoss { total, parts: parts.into() })
    }
}
