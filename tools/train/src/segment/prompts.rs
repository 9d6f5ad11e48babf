//! The first prompt of an object, drawn the way the runtime will be used.

use super::clicks::deepest;
use super::outline::Region;
use anyhow::{Result, ensure};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// Most clicks of a prompt; the runtime takes no more.
const MOST_CLICKS: usize = 32;

/// The distribution of training prompts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptConfig {
    /// Share of steps that start with one point. What `point` and `clicks` leave starts with a box.
    pub point: f64,
    /// Share of points on the object's deepest pixel; the others fall anywhere inside.
    pub deepest: f64,
    /// Share of steps that start with several clicks given at once.
    pub clicks: f64,
    /// Most clicks of such a step, 2 to 32; small numbers come more often than large ones.
    pub clicks_most: usize,
    /// Share of such prompts in which some clicks are negative; in the others all are inside.
    pub negative_clicks: f64,
    /// Share of prompts with four or more clicks of which one is wrong.
    pub wrong_click: f64,
    /// Share of box steps that also have one to eight clicks.
    pub box_clicks: f64,
    /// Share of boxes that are exact; the others have their sides moved.
    pub exact_box: f64,
    /// Deviation of a moved side, as a share of the box's width or height.
    pub box_jitter: f64,
    /// Largest distance that a side is moved, as a share of the image's side.
    pub box_jitter_most: f64,
    /// Share of the moved boxes that are loose instead: each side lies anywhere within
    /// `loose_most` of the box's extent, outside or inside.
    pub loose_box: f64,
    /// Largest distance of a loose side, as a share of the box's extent.
    pub loose_most: f64,
    /// Share of steps whose first prompt comes with a mask prompt: a coarse or displaced mask of
    /// the object, as an earlier answer or another frame's would be.
    pub mask_prompt: f64,
    /// Shares of steps with 0 to 4 corrective clicks after the first prompt.
    pub corrections: [f64; 5],
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
            clicks: 0.0,
            clicks_most: MOST_CLICKS,
            negative_clicks: 0.5,
            wrong_click: 0.0,
            box_clicks: 0.0,
            exact_box: 0.4,
            box_jitter: 0.1,
            box_jitter_most: 0.04,
            loose_box: 0.0,
            loose_most: 0.2,
            mask_prompt: 0.0,
            corrections: [0.6, 0.25, 0.15, 0.0, 0.0],
            objects: 2,
            draws: 1,
        }
    }
}

impl PromptConfig {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, share) in [
            ("point", self.point),
            ("deepest", self.deepest),
            ("clicks", self.clicks),
            ("negative_clicks", self.negative_clicks),
            ("wrong_click", self.wrong_click),
            ("box_clicks", self.box_clicks),
            ("exact_box", self.exact_box),
            ("loose_box", self.loose_box),
            ("loose_most", self.loose_most),
            ("mask_prompt", self.mask_prompt),
            ("point + clicks", self.point + self.clicks),
        ] {
            ensure!((0.0..=1.0).contains(&share), "prompts.{name}: expected 0 to 1, found {share}");
        }
        ensure!(
            (2..=MOST_CLICKS).contains(&self.clicks_most),
            "prompts.clicks_most: expected 2 to {MOST_CLICKS}, found {}",
            self.clicks_most
        );
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

    /// The first prompts of all objects of a step. They have the same kind, because prompts in one
    /// tensor have the same length.
    pub(crate) fn kind(&self, random: &mut impl Rng) -> Kind {
        let place: f64 = random.random_range(0.0..1.0);
        if place < self.point {
            Kind::Point
        } else if place < self.point + self.clicks {
            // Evenly on a logarithmic scale.
            let most = (self.clicks_most as f64 + 1.0).ln();
            let count = random.random_range(2.0_f64.ln()..most).exp() as usize;
            Kind::Clicks(count.clamp(2, self.clicks_most))
        } else if random.random_bool(self.box_clicks) {
            Kind::Box { clicks: random.random_range(1..=8) }
        } else {
            Kind::Box { clicks: 0 }
        }
    }

    /// Corrective clicks of a step. Prompts of many clicks get none: they were corrected already.
    pub(crate) fn rounds(&self, kind: Kind, random: &mut impl Rng) -> usize {
        let mut left: f64 = random.random_range(0.0..1.0);
        if matches!(kind, Kind::Clicks(count) if count > MOST_CLICKS - self.corrections.len()) {
            return 0;
        }
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
        let Some(region) = Region::from_mask(mask, size) else {
            return nowhere(kind, size, random);
        };
        match kind {
            Kind::Point => Prompt::point(self.place(mask, &region, size, random), true),
            Kind::Clicks(count) => self.several(count, mask, &region, size, random),
            Kind::Box { clicks } => {
                let exact = random.random_bool(self.exact_box);
                let mut prompt = self.boxed(region.bounds(), exact, size, random);
                for _ in 0..clicks {
                    // With a box, people click what it leaves open: places inside and outside the
                    // object.
                    let positive = random.random_bool(0.6);
                    let place = if positive {
                        region.inside(random)
                    } else {
                        region.outside(mask, size, random)
                    };
                    prompt.click(place, positive);
                }
                prompt
            }
        }
    }

    fn place(
        &self,
        mask: &[u8],
        region: &Region,
        size: usize,
        random: &mut impl Rng,
    ) -> [usize; 2] {
        if random.random_bool(self.deepest) { deepest(mask, size) } else { region.inside(random) }
    }

    /// Clicks as people give them: most inside, some on the rim, some twice, some outside and
    /// labelled so, and occasionally a wrong one.
    fn several(
        &self,
        count: usize,
        mask: &[u8],
        region: &Region,
        size: usize,
        random: &mut impl Rng,
    ) -> Prompt {
        let mut prompt = Prompt::point(self.place(mask, region, size, random), true);
        let some = random.random_bool(self.negative_clicks);
        let negative = if some { random.random_range(0.1..0.6) } else { 0.0 };
        while prompt.labels.len() < count {
            let positive = !random.random_bool(negative);
            let place = match random.random_range(0..10) {
                0 => {
                    let again = random.random_range(0..prompt.labels.len());
                    if (prompt.labels[again] > 0.5) != positive {
                        continue;
                    }
                    prompt.coords[again].map(|x| x as usize)
                }
                1 | 2 if positive => region.on_rim(mask, size, random),
                _ if positive => region.inside(random),
                _ => region.outside(mask, size, random),
            };
            prompt.click(place, positive);
        }
        if count >= 4 && random.random_bool(self.wrong_click) {
            // Never the first: it says which object is meant.
            let wrong = random.random_range(1..count);
            let positive = prompt.labels[wrong] < 0.5;
            let place =
                if positive { region.outside(mask, size, random) } else { region.inside(random) };
            prompt.coords[wrong] = place.map(|x| x as f32);
            prompt.labels[wrong] = f32::from(u8::from(positive));
        }
        prompt
    }

    fn boxed(
        &self,
        [x0, y0, x1, y1]: [usize; 4],
        exact: bool,
        size: usize,
        random: &mut impl Rng,
    ) -> Prompt {
        let most = self.box_jitter_most * size as f64;
        let loose = !exact && random.random_bool(self.loose_box);
        let mut moved = |place: usize, extent: usize| {
            if exact {
                return place as f32;
            }
            let shift = if loose {
                random.random_range(-self.loose_most..=self.loose_most) * extent as f64
            } else {
                let normal: f64 = StandardNormal.sample(random);
                (normal * self.box_jitter * extent as f64).clamp(-most, most)
            };
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

/// The first part of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One click.
    Point,
    /// That many clicks at once.
    Clicks(usize),
    /// A box with clicks.
    Box {
        /// Number of clicks.
        clicks: usize,
    },
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

/// A prompt for an image without an object: anywhere but near its edge, any size of box.
fn nowhere(kind: Kind, size: usize, random: &mut impl Rng) -> Prompt {
    let margin = size / 8;
    let mut place = || random.random_range(margin..size - margin);
    let points = |count: usize, place: &mut dyn FnMut() -> usize| {
        let coords = (0..count).map(|_| [place() as f32, place() as f32]).collect();
        Prompt { coords, labels: vec![1.0; count] }
    };
    match kind {
        Kind::Point => points(1, &mut place),
        Kind::Clicks(count) => points(count, &mut place),
        Kind::Box { clicks } => {
            let (xs, ys) = ([place(), place()], [place(), place()]);
            let low = |[a, b]: [usize; 2]| a.min(b) as f32;
            // At least a sixteenth of the side in extent.
            let high =
                |[a, b]: [usize; 2]| (a.max(b) as f32).max(a.min(b) as f32 + size as f32 / 16.0);
            let mut prompt = Prompt {
                coords: vec![[low(xs), low(ys)], [high(xs), high(ys)]],
                labels: vec![2.0, 3.0],
            };
            for _ in 0..clicks {
                prompt.click([place(), place()], true);
            }
            prompt
        }
    }
}

#[cfg(test)]
#[path = "prompts_tests.rs"]
mod tests;
