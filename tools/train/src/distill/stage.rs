//! One step of distillation.

use super::cache::FeatureCache;
use super::loss::DistillConfig;
use crate::batch;
use crate::model::{Params, Stages, trunk};
use crate::stage::{Stage, StepLoss};
use anyhow::{Context, Result, ensure};
use rand_pcg::Pcg64;
use tch::{Tensor, no_grad};
use uniultra_dataset::Example;

/// The student's encoder follows the teacher's.
#[derive(Debug)]
pub struct DistillStage {
    params: Params,
    teacher: Params,
    config: DistillConfig,
    cache: Option<FeatureCache>,
    size: usize,
}

impl DistillStage {
    /// A stage that trains the image encoder of `params`.
    #[must_use]
    pub fn new(
        params: Params,
        teacher: Params,
        config: DistillConfig,
        cache: Option<FeatureCache>,
        size: usize,
    ) -> Self {
        Self { params, teacher, config, cache, size }
    }

    /// The teacher's stages of a batch, from the cache where it has them.
    fn teach(&mut self, examples: &[Example], images: &Tensor) -> Result<Stages> {
        let keep = self.config.needs_streams();
        let teacher = &self.teacher;
        match &mut self.cache {
            None => Ok(no_grad(|| trunk(teacher, images, keep))),
            Some(cache) => cache
                .stages(examples, images, keep, |images| no_grad(|| trunk(teacher, images, keep))),
        }
    }
}

impl Stage for DistillStage {
    fn parts(&self) -> &'static [&'static str] {
        &["stride_4", "stride_8", "stride_16"]
    }

    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    fn another(&self) -> Result<Box<dyn Stage>> {
        ensure!(
            self.cache.is_none(),
            "distill.cache_gib: expected 0 with train.parts above 1, as parts don't share a cache"
        );
        let (params, teacher) = (self.params.share(), self.teacher.share());
        Ok(Box::new(Self { params, teacher, config: self.config.clone(), cache: None, ..*self }))
    }

    fn step(&mut self, examples: &[Example], _: u64, _: &mut Pcg64) -> Result<StepLoss> {
        let images = batch::images(examples, self.size, self.params.device());
        let wanted = self.teach(examples, &images)?;
        let found = trunk(&self.params, &images, self.config.needs_streams());
        let mut parts: [Option<Tensor>; 3] = [None, None, None];
        for (stream, weight) in self.config.streams() {
            let found = self.config.maps(&self.params, &found, stream);
            let found = found.context("the student has no CH-Adapters: set distill.adapter = 0")?;
            let wanted = no_grad(|| self.config.maps(&self.teacher, &wanted, stream));
            let wanted =
                wanted.context("the teacher has no CH-Adapters: set distill.adapter = 0")?;
            for (level, part) in parts.iter_mut().enumerate() {
                if self.config.levels[level] == 0.0 {
                    continue;
                }
                let error = self.config.error(&found[level], &wanted[level]) * weight;
                *part = Some(match part.take() {
                    Some(sum) => sum + error,
                    None => error,
                });
            }
        }
        let levels = parts.iter().zip(self.config.levels);
        let total = levels
            .filter_map(|(part, weight)| Some(part.as_ref()? * weight))
            .reduce(|sum, next| sum + next)
            .context("distill: no level has a weight above 0")?;
        Ok(StepLoss { total, parts: parts.into() })
    }
}
