//! Builds the networks of a run from its configuration.

use crate::config::Config;
use crate::distill::{DistillStage, FeatureCache};
use crate::model::{Params, QUANTIZATION_PREFIX, Spec, Trainable};
use crate::segment::SegmentStage;
use crate::stage::Stage;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use tch::Device;
use uniultra_checkpoint::{Architecture, Checkpoint, Tensor};

/// The stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Parameter-efficient fine-tuning on masks.
    Finetune,
    /// DSKD of the image encoder.
    Distill,
    /// Student's encoder and decoder together, on masks and the teacher's soft targets.
    Joint,
}

impl StageKind {
    /// Its name on the command line and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finetune => "finetune",
            Self::Distill => "distill",
            Self::Joint => "joint",
        }
    }

    /// The parts that it trains by default.
    #[must_use]
    pub fn trainable(self) -> Trainable {
        match self {
            Self::Finetune => Trainable::Peft,
            Self::Distill => Trainable::Encoder,
            Self::Joint => Trainable::All,
        }
    }
}

/// The networks of a run, ready for its first step.
///
/// # Errors
/// If a checkpoint cannot be read, belongs to another network, or lacks tensors that the stage
/// needs.
pub fn stage(
    kind: StageKind,
    config: &Config,
    out: &Path,
    device: Device,
) -> Result<Box<dyn Stage>> {
    let (mut params, checkpoint) = student(config, device)?;
    params.precision = config.train.precision;
    if config.train.qat.enabled {
        ensure!(
            kind != StageKind::Distill,
            "train.qat: distill compares streams that an int8 pack does not have; joint and finetune train for 8 bits"
        );
        params.train_for_8_bits(&config.train.qat, &checkpoint)?;
    }
    let teacher = config.teacher.as_ref().map(|teacher| {
        let shown = teacher.checkpoint.display();
        let checkpoint = Checkpoint::open(&teacher.checkpoint)?;
        let architecture = checkpoint
            .recognise()
            .and_then(|found| found.complete())
            .with_context(|| format!("the teacher {shown}"))?;
        let spec = Spec { architecture, edge_layout: teacher.edge_layout };
        let (mut params, _) = Params::from_checkpoint(&checkpoint, spec, config.seed, device)?;
        params.precision = teacher.precision;
        params.train(Trainable::Nothing);
        anyhow::Ok((params, checkpoint.sha256().to_string()))
    });
    let teacher = teacher.transpose()?;
    let size = config.image_size;
    Ok(match kind {
        StageKind::Finetune => {
            ensure!(teacher.is_none(), "finetune takes no [teacher]; joint does");
            Box::new(SegmentStage::new(params, None, config.prompts, config.loss, size))
        }
        StageKind::Joint => {
            ensure!(
                teacher.is_some() || config.loss.soft == 0.0,
                "loss.soft is {}, so a [teacher] is needed",
                config.loss.soft
            );
            let teacher = teacher.map(|(params, _)| params);
            Box::new(SegmentStage::new(params, teacher, config.prompts, config.loss, size))
        }
        StageKind::Distill => {
            let Some((teacher, hash)) = teacher else {
                bail!("distill needs a [teacher] with its checkpoint");
            };
            let cache = (config.distill.cache_gib > 0.0)
                .then(|| {
                    let folder = out.join("teacher-features");
                    FeatureCache::create(&folder, &hash, config.distill.cache_gib)
                })
                .transpose()?;
            Box::new(DistillStage::new(params, teacher, config.distill.clone(), cache, size))
        }
    })
}

/// The network that is trained, and the checkpoint that the configuration's make up.
fn student(config: &Config, device: Device) -> Result<(Params, Checkpoint)> {
    let model = &config.model;
    let architecture = Architecture { variant: model.variant, ch_adapters: model.ch_adapters };
    let spec = Spec { architecture, edge_layout: model.edge_layout };
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    let mut add = |path: &Path, takes: fn(&str) -> bool| -> Result<()> {
        let checkpoint = Checkpoint::open(path)?;
        for (name, tensor) in checkpoint.tensors().filter(|(name, _)| takes(name)) {
            tensors.entry(name.to_string()).or_insert_with(|| tensor.clone());
        }
        Ok(())
    };
    if let Some(path) = &model.init {
        add(path, |_| true)?;
    }
    if let Some(path) = &model.decoder_init {
        add(path, |name| {
            !(name.starts_with("image_encoder.") || name.starts_with(QUANTIZATION_PREFIX))
        })?;
    }
    let checkpoint = Checkpoint::from_tensors(tensors);
    let (params, fresh) = Params::from_checkpoint(&checkpoint, spec, config.seed, device)
        .with_context(|| format!("the checkpoint does not fit {architecture}"))?;
    let total = params.iter().count();
    log::info!(
        "{architecture}: {} of {total} tensors from checkpoints, {} start anew{}",
        total - fresh.len(),
        fresh.len(),
        fresh.first().map_or_else(String::new, |name| format!(" (first: {name})")),
    );
    Ok((params, checkpoint))
}
