//! The first prompt of an object, drawn the way the runtime will be used.

use super::clicks::deepest;
use anyhow::{Result, ensure};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// How training prompts are drawn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptConfig {
    /// Share of steps that start with a point; the others start with a box.
    pub point: f64,
    /// Share of points on the object's deepest pixel; the others fall anywhere inside.
    pub deepest: f64,
    /// Share of boxes that are exact; the others have their sides moved.
    pub exact_box: f64,
    /// Deviation of a moved side, as a share of the box's width or height.
    pub box_jitter: f64,
    /// Largest distance that a side is moved, as a share of the image's side.
    pub box_jitter_most: f64,
    /// Shares of steps with 0, 1 and 2 corrective clicks after the first prompt.
    pub corrections: [f64; 3],
    /// Objects of one image prompted in a step, at most.
    pub objects: usize,
    /// Times that prompts are drawn anew for the same encoded images in a step: the encoder's pass
    /// costs most, so it is used for more than one prompt.
    pub draws: usize,
}

impl Default for PromptConfig {
    fn default() -> Self {
        Self {
            point: 0.6,
            deepest: 0.4,
            exact_box: 0.4,
            box_jitter: 0.1,
            box_jitter_most: 0.04,
            corrections: [0.6, 0.25, 0.15],
            objects: 2,
            draws: 1,
        }
    }
}

impl PromptConfig {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, share) in
            [("point", self.point), ("deepest", self.deepest), ("exact_box", self.exact_box)]
        {
            ensure!((0.0..=1.0).contains(&share), "prompts.{name}: expected 0 to 1, found {share}");
        }
        let corrections = self.corrections;
        ensure!(
            corrections.iter().all(|share| *share >= 0.0)
                && (corrections.iter().sum::<f64>() - 1.0).abs() < 1e-6,
            "prompts.corrections: expected shares that add up to 1, found {corrections:?}"
        );
        ensure!(self.objects >= 1, "prompts.objects: expected at least 1, found 0");
        ensure!(self.draws >= 1, "prompts.draws: expected at least 1, found 0");
        Ok(())
    }

    /// What all objects of a step start with.
    pub(crate) fn kind(&self, random: &mut impl Rng) -> Kind {
        if random.random_bool(self.point) { Kind::Point } else { Kind::Box }
    }

    /// Corrective clicks of a step.
    pub(crate) fn rounds(&self, random: &mut impl Rng) -> usize {
        let mut left: f64 = random.random_range(0.0..1.0);
        for (count, share) in self.corrections.iter().enumerate() {
            if left < *share {
                return count;
            }
            left -= share;
        }
        0
    }

    /// The first prompt of an object with mask `[S, S]`; one without a pixel gets a random place.
    pub(crate) fn first(
        &self,
        kind: Kind,
        mask: &[u8],
        size: usize,
        random: &mut impl Rng,
    ) -> Prompt {
        let Some(bounds) = bounds(mask, size) else { return nowhere(kind, size, random) };
        match kind {
            Kind::Point => {
                let place = if random.random_bool(self.deepest) {
                    deepest(mask, size)
                } else {
                    inside(mask, size, random)
                };
                Prompt::point(place, true)
            }
            Kind::Box => {
                let exact = random.random_bool(self.exact_box);
                self.boxed(bounds, exact, size, random)
            }
        }
    }

    fn boxed(
        &self,
        [x0, y0, x1, y1]: [usize; 4],
        exact: bool,
        size: usize,
        random: &mut impl Rng,
    ) -> Prompt {
        let most = self.box_jitter_most * size as f64;
        let mut moved = |place: usize, extent: usize| {
            if exact {
                return place as f32;
            }
            let normal: f64 = StandardNormal.sample(random);
            let shift = (normal * self.box_jitter * extent as f64).clamp(-most, most);
            (place as f64 + shift).clamp(0.0, size as f64 - 1.0) as f32
        };
        let (width, height) = (x1 - x0 + 1, y1 - y0 + 1);
        let xs = [moved(x0, width), moved(x1, width)];
        let ys = [moved(y0, height), moved(y1, height)];
        let ordered = |[a, b]: [f32; 2]| if a <= b { [a, b] } else { [b, a] };
        let ([x0, x1], [y0, y1]) = (ordered(xs), ordered(ys));
        Prompt { coords: vec![[x0, y0], [x1, y1]], labels: vec![2.0, 3.0] }
    }
}

/// What a prompt starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One click.
    Point,
    /// A box.
    Box,
}

/// Points of one object so far, in pixels of the S x S input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) coords: Vec<[f32; 2]>,
    pub(crate) labels: Vec<f32>,
}

impl Prompt {
    pub(crate) fn point([x, y]: [usize; 2], positive: bool) -> Self {
        Self { coords: vec![[x as f32, y as f32]], labels: vec![f32::from(u8::from(positive))] }
    }

    /// Adds a click.
    pub(crate) fn click(&mut self, [x, y]: [usize; 2], positive: bool) {
        self.coords.push([x as f32, y as f32]);
        self.labels.push(f32::from(u8::from(positive)));
    }
}

/// Coordinates `[P, N, 2]` and labels `[P, N]` of prompts of the same length.
pub(crate) fn tensors(prompts: &[Prompt], device: Device) -> (Tensor, Tensor) {
    let coords: Vec<f32> =
        prompts.iter().flat_map(|p| p.coords.iter().flatten().copied()).collect();
    let labels: Vec<f32> = prompts.iter().flat_map(|p| p.labels.iter().copied()).collect();
    let count = prompts.len() as i64;
    (
        Tensor::from_slice(&coords).reshape([count, -1, 2]).to_device(device),
        Tensor::from_slice(&labels).reshape([count, -1]).to_device(device),
    )
}

/// x0, y0, x1, y1 of the pixels of a mask, inclusive.
pub(crate) fn bounds(mask: &[u8], size: usize) -> Option<[usize; 4]> {
    let mut bounds: Option<[usize; 4]> = None;
    for (at, _) in mask.iter().enumerate().filter(|(_, value)| **value != 0) {
        let (x, y) = (at % size, at / size);
        let [x0, y0, x1, y1] = bounds.unwrap_or([x, y, x, y]);
        bounds = Some([x0.min(x), y0.min(y), x1.max(x), y1.max(y)]);
    }
    bounds
}

/// A random pixel of a mask that has one.
pub(crate) fn inside(mask: &[u8], size: usize, random: &mut impl Rng) -> [usize; 2] {
    let count = mask.iter().filter(|value| **value != 0).count();
    let chosen = random.random_range(0..count.max(1));
    let pixels = mask.iter().enumerate().filter(|(_, value)| **value != 0);
    let at = pixels.map(|(at, _)| at).nth(chosen).unwrap_or(0);
    [at % size, at / size]
}

/// A prompt for an image without an object: anywhere but near its edge, any size of box.
fn nowhere(kind: Kind, size: usize, random: &mut impl Rng) -> Prompt {
    let margin = size / 8;
    let mut place = || random.random_range(margin..size - margin) as f32;
    match kind {
        Kind::Point => Prompt { coords: vec![[place(), place()]], labels: vec![1.0] },
        Kind::Box => {
            let (xs, ys) = ([place(), place()], [place(), place()]);
            let low = |[a, b]: [f32; 2]| a.min(b);
            // At least a sixteenth of the side in extent.
            let high = |[a, b]: [f32; 2]| a.max(b).max(a.min(b) + size as f32 / 16.0);
            Prompt {
                coords: vec![[low(xs), low(ys)], [high(xs), high(ys)]],
                labels: vec![2.0, 3.0],
            }
        }
    }
}
