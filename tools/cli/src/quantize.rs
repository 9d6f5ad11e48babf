//! `uniultra-tools quantize`.

use crate::compare;
use crate::export::{metric, metrics};
use crate::failure::out;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use uniultra_dataset::SplitPart;
use uniultra_quantize::{
    FrameSource, Frames, Observer, Progress, QuantizeConfig, QuantizeError, Quantized, Request,
    SourcePack, quantize, report_overview, write_report,
};

const EXAMPLES: &str = "\
Examples:
  uniultra-tools quantize --model models/a --out models/a-int8
      calibrates on 64 simulated frames: works with nothing else
  uniultra-tools quantize --model models/a --calibration ../shared/data --split train --out a-int8 --report report
      calibrates on real images of every set; report/quantization.{md,html,json}, and report/comparison of both packs
  uniultra-tools quantize --model models/a --calibration data --max-dice-drop 0.003 --out a-int8 --report report
      tries each layer alone on images of the val split and keeps the fewest layers in float that
      hold the mean Dice of every set and prompt within 0.003

Weights that were trained for 8 bits (model.toml has [qat]) bring the ranges of activations with them:
layers trained in 8 bits are, the others are not, and nothing is equalised or corrected.

The pack follows from the model, the frames and the configuration alone: the same bytes every time.";

/// Seed of the phantoms that trials are made on: others than those of the calibration.
const TRIAL_SEED_OFFSET: u64 = 1_000_000;

/// What to quantize.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The f32 model pack.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Folder of the sets' folders with calibration images; simulated frames if not given.
    #[arg(long, value_name = "DATA")]
    calibration: Option<PathBuf>,
    /// Set to calibrate and try on; again for more. All sets if not given.
    #[arg(long = "set", value_name = "NAME", requires = "calibration")]
    sets: Vec<String>,
    /// Part of each set to calibrate on: train, val, test or all.
    #[arg(long, value_name = "PART", default_value_t = SplitPart::Train)]
    split: SplitPart,
    /// Calibration frames, evenly spaced.
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    /// Prompts of the decoder's calibration.
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    prompts: Option<Vec<String>>,
    /// Ranges of activations: minmax, percentile, mse or entropy.
    #[arg(long, value_name = "NAME")]
    observer: Option<Observer>,
    /// Whether the image encoder's attention is in 8-bit integers, too; as the weights were trained if
    /// not given.
    #[arg(long, value_name = "BOOL")]
    integer_attention: Option<bool>,
    /// Layer, or part of the graph, that stays in float; again for more.
    #[arg(long, value_name = "NODE")]
    exclude: Vec<String>,
    /// Configuration; options given here win. `report/quantization.md` shows one in full.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Largest drop of the mean Dice of any set and prompt on the trial frames; the most sensitive
    /// layers are kept in float to stay within.
    #[arg(long, value_name = "DROP")]
    max_dice_drop: Option<f32>,
    /// Try each layer alone, also without --max-dice-drop.
    #[arg(long)]
    sensitivity: bool,
    /// Frames of a trial, of --trial-split or simulated; 0 for no trial.
    #[arg(long, value_name = "N", default_value_t = 24)]
    trial_images: u32,
    /// Part of each set that trials are made on.
    #[arg(long, value_name = "PART", default_value_t = SplitPart::Val)]
    trial_split: SplitPart,
    /// Measured figure that the int8 pack states, NAME=VALUE; again for more. Those of the f32 pack
    /// are not taken over.
    #[arg(long = "metric", value_name = "NAME=VALUE", value_parser = metric)]
    metrics: Vec<(String, f64)>,
    /// Folder of the int8 pack.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the report: quantization.{md,html,json}, and below it, in comparison/, what
    /// `compare` says of both packs on at most --trial-images of each set.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Packs tried at once; all cores if not given. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Replace a pack that is already in the folder.
    #[arg(long)]
    force: bool,
}

/// Quantizes and writes the pack.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let (config, metrics) = (resolve(args)?, metrics(&args.metrics)?);
    let source = SourcePack::open(&args.model, &config)?;
    let frames_of = |split, seed| match &args.calibration {
        Some(folder) => FrameSource::Data { folder, sets: &args.sets, split },
        None => FrameSource::Phantoms { seed },
    };
    let calibration_source = frames_of(args.split, config.seed);
    let calibration = Frames::find(&calibration_source, config.images)?;
    let wants_trial = args.sensitivity || args.max_dice_drop.is_some();
    if wants_trial && args.trial_images == 0 {
        let what = "trial-images: expected at least 1 for trials, found 0".to_string();
        return Err(QuantizeError::Config(what).into());
    }
    let trial_seed = config.seed.wrapping_add(TRIAL_SEED_OFFSET);
    let trial = (args.trial_images > 0)
        .then(|| Frames::find(&frames_of(args.trial_split, trial_seed), args.trial_images as usize))
        .transpose()?;
    let request = Request {
        source: &source,
        config: &config,
        calibration: &calibration,
        calibration_source: &calibration_source.to_string(),
        trial: trial.as_ref(),
        sensitivity: args.sensitivity,
        max_dice_drop: args.max_dice_drop,
    };
    let threads = args.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let bars = Bars::default();
    let Quantized { mut pack, report } = pool.install(|| quantize(&request, &bars))?;
    pack.manifest.metrics = metrics;
    pack.write(&args.out, args.force)?;
    if let Some(folder) = &args.report {
        write_report(folder, &report)?;
    }
    let seconds = start.elapsed().as_secs_f32();
    let overview = report_overview(&report).to_markdown();
    out(&format!("{overview}\nwrote {}, {seconds:.0} s\n", args.out.display()))?;
    let Some(folder) = args.report.as_deref().filter(|_| args.trial_images > 0) else {
        return Ok(());
    };
    compare::run(&compare::Args::for_quantized(
        [&args.model, &args.out],
        args.calibration.as_deref(),
        &args.sets,
        args.trial_split,
        args.trial_images,
        folder.join("comparison"),
    ))
}

/// The file's configuration with the command line's on top.
fn resolve(args: &Args) -> Result<QuantizeConfig, QuantizeError> {
    let mut config = match &args.config {
        Some(path) => QuantizeConfig::parse(&read(path)?)?,
        None => QuantizeConfig::default(),
    };
    config.images = args.images.unwrap_or(config.images);
    config.observer = args.observer.unwrap_or(config.observer);
    config.integer_attention = args.integer_attention.or(config.integer_attention);
    if let Some(prompts) = &args.prompts {
        config.prompts.clone_from(prompts);
    }
    config.exclude.extend(args.exclude.iter().cloned());
    config.validate()?;
    Ok(config)
}

fn read(path: &Path) -> Result<String, QuantizeError> {
    std::fs::read_to_string(path)
        .map_err(|source| QuantizeError::Read { path: path.to_path_buf(), source })
}

/// A bar for each stage, on stderr and only where that is a terminal.
#[derive(Default)]
struct Bars(Mutex<Option<ProgressBar>>);

impl Bars {
    fn with(&self, work: impl FnOnce(&mut Option<ProgressBar>)) {
        // A broken bar must not fail the command: it is not drawn any more.
        if let Ok(mut bar) = self.0.lock() {
            work(&mut bar);
        }
    }
}

impl Progress for Bars {
    fn start(&self, stage: &str, steps: usize) {
        let bar = ProgressBar::new(steps as u64).with_message(stage.to_string());
        if let Ok(style) = ProgressStyle::with_template("{msg:16} {bar:40} {pos}/{len}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        self.with(|current| *current = Some(bar));
    }

    fn step(&self) {
        self.with(|current| current.iter().for_each(|bar| bar.inc(1)));
    }

    fn finish(&self) {
        self.with(|current| current.take().iter().for_each(ProgressBar::finish_and_clear));
    }
}
