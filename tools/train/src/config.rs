//! The configuration of a run, a TOML file: the networks, the data and the training. Every key has
//! a default; unknown keys are errors.

use crate::distill::DistillConfig;
use crate::model::{Precision, QatConfig, Trainable};
use crate::run::optim::AdamConfig;
use crate::run::schedule::Schedule;
use crate::segment::{LossConfig, PromptConfig};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use uniultra_checkpoint::Hiera;
use uniultra_dataset::{AugmentConfig, DataConfig};
use uniultra_manifest::{EdgeLayout, Variant};

/// A training run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Fixes every random choice.
    #[serde(default)]
    pub seed: u64,
    /// Side S of the square input, in pixels; a multiple of 32.
    #[serde(default = "default_image_size")]
    pub image_size: usize,
    /// The network that is trained.
    pub model: ModelConfig,
    /// The frozen network that it learns from, if any.
    pub teacher: Option<TeacherConfig>,
    /// Images with masks.
    pub data: DataConfig,
    /// Changes made to training images.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// How objects are prompted.
    #[serde(default)]
    pub prompts: PromptConfig,
    /// The loss.
    #[serde(default)]
    pub loss: LossConfig,
    /// Feature distillation; only `distill` reads it.
    #[serde(default)]
    pub distill: DistillConfig,
    /// Length, optimiser, schedule.
    #[serde(default)]
    pub train: TrainConfig,
    /// What is measured after an epoch.
    #[serde(default)]
    pub validation: ValidationConfig,
}

fn default_image_size() -> usize {
    512
}

/// The network that is trained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Size of the image encoder.
    pub variant: Variant,
    /// Whether its blocks have CH-Adapters.
    #[serde(default = "yes")]
    pub ch_adapters: bool,
    /// Layout of the adapters' edge branch.
    #[serde(default = "default_edge_layout")]
    pub edge_layout: EdgeLayout,
    /// Checkpoint to start from; parameters that it lacks start at random.
    pub init: Option<PathBuf>,
    /// Checkpoint for everything but the image encoder that `init` does not have.
    pub decoder_init: Option<PathBuf>,
    /// The parts to train.
    pub trainable: Option<Trainable>,
}

fn yes() -> bool {
    true
}

fn default_edge_layout() -> EdgeLayout {
    EdgeLayout::Spatial
}

/// A frozen network.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// Its checkpoint, complete for image segmentation.
    pub checkpoint: PathBuf,
    /// Layout of its adapters' edge branch.
    #[serde(default = "default_edge_layout")]
    pub edge_layout: EdgeLayout,
    /// Arithmetic of its forward pass.
    #[serde(default)]
    pub precision: Precision,
}

/// Length, optimiser, schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Epochs.
    pub epochs: usize,
    /// Images in an epoch; all of them once where absent.
    pub samples_per_epoch: Option<usize>,
    /// Images in a step.
    pub batch: usize,
    /// Parts of a batch that are computed apart, each on a thread of its own, and averaged. As many
    /// as there are cores suits a small network on a CPU (README.md).
    pub parts: usize,
    /// Learning rate at a schedule factor of 1.
    pub learning_rate: f64,
    /// Learning rate of the image encoder relative to the others.
    pub encoder_lr_scale: f64,
    /// The optimiser.
    pub optimizer: AdamConfig,
    /// The schedule of the learning rate.
    pub schedule: Schedule,
    /// Largest norm of all gradients together; longer ones are shortened.
    pub clip_norm: Option<f64>,
    /// Decay of the averaged weights that are validated and kept; none where absent.
    pub ema: Option<f64>,
    /// Arithmetic of the forward pass.
    pub precision: Precision,
    /// Steps between training states on disk; an epoch's end writes one, too.
    pub save_every_steps: usize,
    /// Training for 8 bits.
    pub qat: QatConfig,
}

impl Default for TrainConfig {
    /// The published recipe of fine-tuning (MODEL.md section 6).
    fn default() -> Self {
        Self {
            epochs: 50,
            samples_per_epoch: None,
            batch: 4,
            parts: 1,
            learning_rate: 1e-4,
            encoder_lr_scale: 1.0,
            optimizer: AdamConfig::default(),
            schedule: Schedule::ExponentialPerEpoch { decay: 0.98 },
            clip_norm: None,
            ema: None,
            precision: Precision::F32,
            save_every_steps: 100,
            qat: QatConfig::default(),
        }
    }
}

/// What is measured after an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// Images with masks; none where absent.
    pub data: Option<DataConfig>,
    /// Epochs between measurements; the last epoch is always measured.
    pub every_epochs: usize,
    /// At most that many images of each set, evenly spaced.
    pub limit: Option<usize>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { data: None, every_epochs: 1, limit: None }
    }
}

impl Config {
    /// Reads a TOML file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// If the file is wrong; the message names key and line.
    pub fn read(path: &Path) -> Result<(Self, String)> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        config.check().with_context(|| format!("in {}", path.display()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let files = [&mut config.model.init, &mut config.model.decoder_init];
        for file in files.into_iter().flatten() {
            *file = base.join(&*file);
        }
        if let Some(teacher) = &mut config.teacher {
            teacher.checkpoint = base.join(&teacher.checkpoint);
        }
        Ok((config, text))
    }

    fn check(&self) -> Result<()> {
        let side = self.image_size;
        ensure!(
            side.is_multiple_of(32) && (64..=2048).contains(&side),
            "image_size: expected a multiple of 32 from 64 to 2048, found {side}"
        );
        let train = &self.train;
        ensure!(train.epochs >= 1, "train.epochs: expected at least 1, found 0");
        ensure!(train.batch >= 1, "train.batch: expected at least 1, found 0");
        ensure!(
            (1..=train.batch).contains(&train.parts),
            "train.parts: expected 1 to train.batch ({}), found {}",
            train.batch,
            train.parts
        );
        ensure!(
            train.learning_rate.is_finite() && train.learning_rate > 0.0,
            "train.learning_rate: expected a positive number, found {}",
            train.learning_rate
        );
        if let Some(ema) = train.ema {
            ensure!((0.0..1.0).contains(&ema), "train.ema: expected 0 to below 1, found {ema}");
        }
        ensure!(
            train.save_every_steps >= 1,
            "train.save_every_steps: expected at least 1, found 0"
        );
        ensure!(
            self.validation.every_epochs >= 1,
            "validation.every_epochs: expected at least 1, found 0"
        );
        let blocks = Hiera::for_variant(self.model.variant).blocks().len();
        train.qat.check(blocks)?;
        self.prompts.check()?;
        self.loss.check()?;
        self.distill.check()
    }
}
