//! `--dry-run`: what a run would cost, measured on its first batches.

use crate::build::StageKind;
use crate::config::Config;
use crate::parts::Parts;
use crate::stage::Stage;
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use uniultra_dataset::{Dataset, Loader, Plan};

/// Batches that are timed, after one that is not.
const BATCHES: usize = 3;

/// Prints sizes, steps, memory and time.
///
/// # Errors
/// As the training itself.
pub fn dry_run(
    kind: StageKind,
    config: &Config,
    stage: &mut dyn Stage,
    base: &Path,
    say: &mut dyn FnMut(String),
) -> Result<()> {
    let dataset = Arc::new(Dataset::open(&config.data, base)?);
    let plan = Plan::new(&dataset, config.train.samples_per_epoch, config.seed)?;
    let trained = stage.params_mut().train(config.model.trainable.unwrap_or(kind.trainable()));
    let count = |numbers: &mut dyn Iterator<Item = usize>| numbers.sum::<usize>();
    let all = count(&mut stage.params().iter().map(|(_, tensor)| tensor.numel()));
    let some = count(&mut trained.iter().map(|(_, tensor)| tensor.numel()));
    let steps = plan.samples_per_epoch().div_ceil(config.train.batch);
    say(format!("stage            {}", kind.name()));
    say(format!("network          {}, {} px", stage.params().spec.architecture, config.image_size));
    say(format!(
        "parameters       {all}, trained {some} ({:.2} %)",
        100.0 * some as f64 / all as f64
    ));
    for (set, name) in dataset.set_names().iter().enumerate() {
        say(format!("set              {name}: {} images", dataset.len(set)));
    }
    say(format!("left out         {} images", dataset.problems().len()));
    say(format!(
        "steps            {steps} an epoch of {} images, {} in all",
        plan.samples_per_epoch(),
        steps * config.train.epochs
    ));
    let loader = Loader::start(
        Arc::clone(&dataset),
        plan.epoch(0),
        config.train.batch,
        config.image_size,
        config.augment.clone(),
        config.seed,
        0,
        config.data.threads,
    );
    let mut parts = Parts::new(stage, &trained, config.train.parts)?;
    let mut seconds = Vec::new();
    for (step, batch) in loader.take(BATCHES + 1).enumerate() {
        let examples = batch?;
        let began = Instant::now();
        let (value, _) = parts.step(stage, &examples, step as u64, config.seed)?;
        parts.follow_ranges(stage);
        // The first batch pays for the allocator and the library's own start.
        if step > 0 {
            seconds.push(began.elapsed().as_secs_f64());
        }
        say(format!(
            "batch {step}          loss {value:.4}, {:.2} s",
            began.elapsed().as_secs_f64()
        ));
    }
    seconds.sort_by(f64::total_cmp);
    if let Some(median) = seconds.get(seconds.len() / 2) {
        let epoch_min = median * steps as f64 / 60.0;
        say(format!(
            "time             {epoch_min:.1} min an epoch, {:.1} h in all, without validation",
            epoch_min * config.train.epochs as f64 / 60.0
        ));
    }
    if let Some(peak) = peak_rss_mib() {
        say(format!(
            "peak memory      {peak} MiB of the process so far (optimiser's moments: {} MiB more)",
            (8 * some) >> 20
        ));
    }
    Ok(())
}

/// Largest resident memory of this process, where the system tells.
fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
}
