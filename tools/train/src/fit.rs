//! The training loop: epochs of steps, validation, states on disk, logs, curves.

use crate::build::StageKind;
use crate::config::Config;
use crate::model::Params;
use crate::parts::Parts;
use crate::run::ema::Ema;
use crate::run::log::TrainLog;
use crate::run::log_rows::LogRow;
use crate::run::optim::{Adam, Group, StepOutcome};
use crate::run::progress::EpochProgress;
use crate::run::state::{Standing, TrainState};
use crate::run::{curves, tensor_file};
use crate::segment::{score, validate};
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Tensor;
use uniultra_dataset::{Dataset, Loader, Plan};
use uniultra_sink::write_atomically;

/// The state that a run goes on from.
const LAST: &str = "last.safetensors";
/// Weights of the best validation, and of the end.
const BEST: &str = "best.safetensors";
const FINAL: &str = "final.safetensors";
/// The origin of the run.
const CONFIG: &str = "config.toml";

/// Keys of a configuration that may change when a run goes on.
const FREE: [&str; 5] =
    ["data.threads", "data.cache_mib", "validation", "train.save_every_steps", "distill.cache_gib"];

/// The start of a run.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The configuration's text, kept in the folder as `config.toml`.
    pub config_text: &'a str,
    /// Its folder.
    pub out: &'a Path,
    /// Folder that the data's paths start from.
    pub base: &'a Path,
    /// Whether to go on from the state in the folder, if there is one.
    pub resume: bool,
    /// Stops after that many steps of this session, with a state on disk; for tests and schedulers.
    pub stop_after: Option<u64>,
    /// Time between lines of progress if stderr is not a terminal.
    pub interval: Duration,
}

/// Trains to the end (or to `stop_after`).
///
/// # Errors
/// Bad data or configuration, a state of another run, a disk that fails.
pub fn fit(
    kind: StageKind,
    config: &Config,
    mut stage: Box<dyn Stage>,
    start: &Start<'_>,
) -> Result<()> {
    let out = start.out;
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder {}", out.display()))?;
    let dataset = open(&config.data, start.base)?;
    let validation = config.validation.data.as_ref();
    let validation = validation.map(|data| open(data, start.base)).transpose()?;
    let plan = Plan::new(&dataset, config.train.samples_per_epoch, config.seed)?;
    let steps_per_epoch = plan.samples_per_epoch().div_ceil(config.train.batch) as u64;
    let mut run = Run::new(kind, config, stage.as_mut(), start)?;
    // Only now: a run that is refused must not replace the configuration of the one in the folder.
    write_atomically(&out.join(CONFIG), |file| file.write_all(start.config_text.as_bytes()))?;
    let mut parts = Parts::new(stage.as_ref(), &run.trained, config.train.parts)?;
    let epochs = config.train.epochs as u64;
    let total_steps = steps_per_epoch * epochs;
    let mut left = start.stop_after.unwrap_or(u64::MAX);
    let session = Instant::now();
    while run.standing.epoch < epochs {
        let epoch = run.standing.epoch;
        let loader = Loader::start(
            Arc::clone(&dataset),
            plan.epoch(epoch),
            config.train.batch,
            config.image_size,
            config.augment.clone(),
            config.seed,
            run.standing.batch_in_epoch as usize,
            config.data.threads,
        );
        let place = (run.standing.batch_in_epoch, steps_per_epoch);
        let mut progress =
            EpochProgress::new((epoch, epochs), place, run.last_dice, start.interval);
        for batch in loader {
            if left == 0 {
                run.save(stage.as_ref(), out)?;
                return Ok(());
            }
            left -= 1;
            let examples = batch?;
            let row = run.step(config, (stage.as_mut(), &mut parts), &examples, total_steps)?;
            let named: Vec<(&str, f64)> = stage
                .parts()
                .iter()
                .copied()
                .zip(row.parts.iter().copied())
                .filter(|(_, value)| value.is_finite())
                .collect();
            progress.step(examples.len() as u64, row.loss, &named);
            if run.standing.step.is_multiple_of(config.train.save_every_steps as u64) {
                run.save(stage.as_ref(), out)?;
            }
        }
        progress.finish();
        run.standing.epoch += 1;
        run.standing.batch_in_epoch = 0;
        let due = run.standing.epoch.is_multiple_of(config.validation.every_epochs as u64)
            || run.standing.epoch == epochs;
        if let Some(validation) = validation.as_ref().filter(|_| due) {
            run.validate(config, stage.as_mut(), validation, out)?;
        }
        run.save(stage.as_ref(), out)?;
        curves::draw(out, &format!("{} {}", kind.name(), config.model.variant))?;
    }
    run.finish(stage.as_mut(), out, session.elapsed())
}

fn open(data: &uniultra_dataset::DataConfig, base: &Path) -> Result<Arc<Dataset>> {
    let dataset = Dataset::open(data, base)?;
    for problem in dataset.problems() {
        log::warn!("left out: {problem}");
    }
    for (set, name) in dataset.set_names().iter().enumerate() {
        log::info!("{name}: {} images", dataset.len(set));
    }
    Ok(Arc::new(dataset))
}

/// The state that a run carries from step to step.
struct Run {
    standing: Standing,
    adam: Adam,
    ema: Option<Ema>,
    log: TrainLog,
    trained: Vec<(String, Tensor)>,
    last_dice: Option<f64>,
    images: u64,
    seconds: f64,
}

impl Run {
    fn new(
        kind: StageKind,
        config: &Config,
        stage: &mut dyn Stage,
        start: &Start<'_>,
    ) -> Result<Self> {
        let what = config.model.trainable.unwrap_or(kind.trainable());
        let trained = stage.params_mut().train(what);
        ensure!(!trained.is_empty(), "nothing is trained: model.trainable is {what:?}");
        let (encoder, rest): (Vec<_>, Vec<_>) = trained
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .partition(|(name, _)| name.starts_with("image_encoder."));
        let groups = vec![
            Group {
                name: "encoder".into(),
                lr_scale: config.train.encoder_lr_scale,
                params: encoder,
            },
            Group { name: "decoder".into(), lr_scale: 1.0, params: rest },
        ];
        let adam = Adam::new(groups, &config.train.optimizer)?;
        let handles = trained.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        let ema = config.train.ema.map(|decay| Ema::new(handles.collect(), decay)).transpose()?;
        let settings = serde_json::to_value(config)?;
        let standing = Standing {
            seed: config.seed,
            config_hash: format!("{:x?}", Sha256::digest(settings.to_string()))
                .replace([',', ' ', '[', ']'], ""),
            config: settings,
            ..Standing::default()
        };
        let path = start.out.join(LAST);
        let found = path.is_file();
        ensure!(
            start.resume || !found,
            "{} holds a run already; --resume goes on with it, another --out starts anew",
            start.out.display()
        );
        // A log without a state is of a run that was killed before its first: it begins anew.
        let kept = if found { u64::MAX } else { 0 };
        let log = TrainLog::resume(start.out, stage.parts(), kept)?;
        let mut run =
            Self { standing, adam, ema, trained, last_dice: None, images: 0, seconds: 0.0, log };
        if found {
            run.load(stage, &path, start.out)?;
        }
        Ok(run)
    }

    fn load(&mut self, stage: &mut dyn Stage, path: &Path, out: &Path) -> Result<()> {
        let device = stage.params().device();
        let state = TrainState::load(path, device)?;
        state.standing.check_config(&self.standing.config, &FREE)?;
        for (name, value) in &state.weights {
            stage.params_mut().assign(name, value)?;
        }
        stage.params().load_ranges_state(&state.ranges)?;
        let number = |key: &str| state.standing.extra[key].as_u64().unwrap_or(0);
        self.adam.load_state(&state.optim, number("adam_steps"))?;
        if let Some(ema) = &mut self.ema {
            ema.load_state(&state.ema, number("ema_updates"))?;
        }
        self.images = number("images");
        self.seconds = state.standing.extra["seconds"].as_f64().unwrap_or(0.0);
        self.last_dice = state.standing.extra["last_dice"].as_f64();
        let config = self.standing.config.take();
        self.standing = Standing { config, ..state.standing };
        self.log = TrainLog::resume(out, stage.parts(), self.standing.step)?;
        log::info!("goes on after step {} (epoch {})", self.standing.step, self.standing.epoch);
        Ok(())
    }

    fn step(
        &mut self,
        config: &Config,
        (stage, parts): (&mut dyn Stage, &mut Parts),
        examples: &[uniultra_dataset::Example],
        total_steps: u64,
    ) -> Result<LogRow> {
        let began = Instant::now();
        let train = &config.train;
        let step = self.standing.step;
        let (loss, losses) = parts.step(stage, examples, step, config.seed)?;
        parts.follow_ranges(stage);
        let norm = self.adam.clip_grad_norm(train.clip_norm.unwrap_or(f64::INFINITY))?;
        let lr =
            train.learning_rate * train.schedule.factor(step, self.standing.epoch, total_steps);
        if self.adam.step(lr)? == StepOutcome::Skipped {
            log::warn!("step {step}: gradient norm {norm} is not finite; the step is left out");
        }
        self.adam.zero_grad()?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        self.standing.step += 1;
        self.standing.batch_in_epoch += 1;
        self.images += examples.len() as u64;
        self.seconds += began.elapsed().as_secs_f64();
        let row = LogRow {
            step: self.standing.step,
            epoch: self.standing.epoch,
            images: self.images,
            seconds: self.seconds,
            lr,
            loss,
            parts: losses,
        };
        self.log.step(&row)?;
        Ok(row)
    }

    /// Measures the network (its averaged weights, where there are any) and keeps it if it is best.
    fn validate(
        &mut self,
        config: &Config,
        stage: &mut dyn Stage,
        validation: &Dataset,
        out: &Path,
    ) -> Result<()> {
        let Standing { epoch, step, best, .. } = self.standing;
        let params = stage.params();
        let measure = || {
            let rows = validate(
                params,
                validation,
                config.image_size,
                config.validation.limit,
                epoch,
                step,
            )?;
            let found = score(&rows);
            let better = found.is_some_and(|found| best.is_none_or(|best| found > best));
            if better {
                save_weights(params, &out.join(BEST))?;
            }
            Ok((rows, found, better))
        };
        let (rows, found, better) = match &mut self.ema {
            Some(ema) => ema.with_average(measure)?,
            None => measure()?,
        };
        for row in &rows {
            log::info!(
                "epoch {epoch} {} {}: mean {:.4} median {:.4} (n {})",
                row.set,
                row.prompt,
                row.dice_mean,
                row.dice_median,
                row.n
            );
        }
        self.log.validation(&rows)?;
        self.last_dice = found;
        if better {
            self.standing.best = found;
        }
        Ok(())
    }

    fn save(&mut self, stage: &dyn Stage, out: &Path) -> Result<()> {
        self.standing.extra = json!({
            "adam_steps": self.adam.steps(),
            "ema_updates": self.ema.as_ref().map_or(0, Ema::updates),
            "images": self.images,
            "seconds": self.seconds,
            "last_dice": self.last_dice,
        });
        let weights = self
            .trained
            .iter()
            .map(|(name, _)| (name.clone(), stage.params().get(name).detach()))
            .collect();
        let state = TrainState {
            standing: self.standing.clone(),
            weights,
            optim: self.adam.state()?,
            ema: self.ema.as_ref().map(Ema::state).unwrap_or_default(),
            ranges: stage.params().ranges_state(),
        };
        Ok(state.save(&out.join(LAST))?)
    }

    fn finish(&mut self, stage: &mut dyn Stage, out: &Path, session: Duration) -> Result<()> {
        let params = stage.params();
        let write = || save_weights(params, &out.join(FINAL));
        match &mut self.ema {
            Some(ema) => ema.with_average(write)?,
            None => write()?,
        }
        self.log.summary(&json!({
            "steps": self.standing.step,
            "epochs": self.standing.epoch,
            "images": self.images,
            "training_seconds": self.seconds,
            "session_seconds": session.as_secs_f64(),
            "skipped_steps": self.adam.skipped(),
            "best_dice": self.standing.best,
            "last_dice": self.last_dice,
            "config_sha256": self.standing.config_hash,
            "config": self.standing.config,
        }))
    }
}

/// All weights of a network under Meta's names, as `uniultra-tools export` reads them, and the
/// ranges of a training for 8 bits.
fn save_weights(params: &Params, path: &Path) -> Result<()> {
    let mut tensors: BTreeMap<String, Tensor> =
        params.iter().map(|(name, tensor)| (name.to_string(), tensor.detach())).collect();
    tensors.extend(params.quantization());
    Ok(tensor_file::save_weights(path, &tensors, tensor_file::Precision::F32)?)
}
