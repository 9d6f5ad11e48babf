//! One step on masks: prompt, decode, compare, click where it is wrong, decode again.

use super::clicks::correction;
use super::loss::{LossConfig, iou, soft};
use super::prompts::{Kind, Prompt, PromptConfig, bounds, inside, tensors};
use crate::batch;
use crate::model::{Decoded, Features, Params, PromptBatch, image_encoder, mask_decoder};
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
    parts: [Option<Tensor>; 5],
}

const MASK: usize = 0;
const MULTIMASK: usize = 1;
const IOU: usize = 2;
const OBJECT: usize = 3;
const SOFT: usize = 4;

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
        features: &Features,
        teacher: Option<&Features>,
        random: &mut Pcg64,
        sum: &mut Totals,
    ) {
        let (size, device) = (self.size, self.params.device());
        let empty = vec![0; size * size];
        let masks: Vec<&[u8]> = chosen.iter().map(|c| c.mask.unwrap_or(&empty)).collect();
        let target = batch::masks(&masks, size, device);
        let present: Vec<f32> =
            chosen.iter().map(|c| f32::from(u8::from(c.mask.is_some()))).collect();
        let present = Tensor::from_slice(&present).to_device(device);
        let kind = self.prompts.kind(random);
        let rounds = self.prompts.rounds(random);
        let mut prompts: Vec<Prompt> =
            masks.iter().map(|mask| self.prompts.first(kind, mask, size, random)).collect();
        let mut totals = Totals::default();
        let mut mask_prompt: Option<Tensor> = None;
        for round in 0..=rounds {
            let (coords, labels) = tensors(&prompts, device);
            let input = PromptBatch { coords, labels, mask: mask_prompt.take() };
            let decoded = mask_decoder(params, features, &input);
            let single = decoded.masks.narrow(1, 0, 1);
            let side = size as i64;
            let full = single.upsample_bilinear2d([side, side], false, None, None);
            let ambiguous = round == 0 && kind == Kind::Point;
            self.compare(&decoded, &full, &target, &present, ambiguous, &mut totals);
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
                click(&mut prompts, &full, &masks, size, random);
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
        ambiguous: bool,
        totals: &mut Totals,
    ) {
        let count = present.sum(Number::Float).clamp_min(1.0);
        let mean = |x: &Tensor| (x * present).sum(Number::Float) / &count;
        totals.add(MASK, mean(&self.loss.mask.of(full, target).squeeze_dim(1)));

        // Coarse masks suffice for choosing among tokens.
        let coarse = target.avg_pool2d([4, 4], [4, 4], [0, 0], false, true, None);
        let tokens = if ambiguous { 4 } else { 1 };
        if ambiguous && self.loss.multimask > 0.0 {
            let losses = self.loss.mask.of(&decoded.masks.narrow(1, 1, 3), &coarse);
            totals.add(MULTIMASK, mean(&losses.amin([1].as_slice(), false)));
        }
        let reached = iou(
            &decoded.masks.narrow(1, 0, tokens).detach(),
            &coarse.gt(0.5).to_kind(Number::Float),
        );
        let error = (decoded.ious.narrow(1, 0, tokens) - reached).square();
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

/// Adds a corrective click to each prompt: at the centre of the largest error, or anywhere inside
/// where there is none.
fn click(prompts: &mut [Prompt], full: &Tensor, masks: &[&[u8]], size: usize, random: &mut Pcg64) {
    let logits = batch::host(full);
    for ((prompt, mask), logits) in prompts.iter_mut().zip(masks).zip(logits.chunks(size * size)) {
        if bounds(mask, size).is_none() {
            // Without an object there is nothing to correct: another place is asked about.
            prompt.click([random.random_range(0..size), random.random_range(0..size)], true);
            continue;
        }
        let found: Vec<u8> = logits.iter().map(|&logit| u8::from(logit > 0.0)).collect();
        match correction(&found, mask, size) {
            Some((place, positive)) => prompt.click(place, positive),
            None => prompt.click(inside(mask, size, random), true),
        }
    }
}

impl Stage for SegmentStage {
    fn parts(&self) -> &'static [&'static str] {
        &["mask", "multimask", "iou", "object_score", "soft"]
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
        let features = image_encoder(&params, &images).select(&image_of);
        let asked = step.is_multiple_of(self.loss.soft_every as u64);
        let teacher = self
            .teacher
            .as_ref()
            .filter(|_| asked)
            .map(|teacher| no_grad(|| image_encoder(teacher, &images).select(&image_of)));
        let mut totals = Totals::default();
        for _ in 0..self.prompts.draws {
            self.rounds(&params, &chosen, &features, teacher.as_ref(), random, &mut totals);
        }
        totals.divide(self.prompts.draws as f64);
        let Totals { parts } = totals;
        let LossConfig { multimask, iou, object_score, soft, .. } = self.loss;
        let weights = [1.0, multimask, iou, object_score, soft];
        let weighted =
            parts.iter().zip(weights).filter_map(|(part, weight)| Some(part.as_ref()? * weight));
        let total = weighted.reduce(|sum, next| sum + next);
        let total = total
            .unwrap_or_else(|| images.new_zeros([1], (Number::Float, device)).sum(Number::Float));
        Ok(StepLoss { total, parts: parts.into() })
    }
}
