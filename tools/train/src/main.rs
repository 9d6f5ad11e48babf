//! `uniultra-train`: the command line of the trainer.
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use uniultra_train::average::average;
use uniultra_train::build::{StageKind, stage};
use uniultra_train::bundle::bundle;
use uniultra_train::config::Config;
use uniultra_train::dry_run::dry_run;
use uniultra_train::fit::{Start, fit};
use uniultra_train::run::device::{DeviceChoice, device_name, set_threads};

const EXAMPLES: &str = "\
Examples:
  uniultra-train finetune --config tools/train/configs/teacher256.toml --out runs/teacher
      CH-Adapters, prompt encoder and mask decoder of SAM 2 tiny learn ultrasound
  uniultra-train distill --config tools/train/configs/distill.toml --out runs/distill
      UniUltra-mini's encoder learns to see as the teacher does
  uniultra-train joint --config tools/train/configs/joint256.toml --out runs/joint --resume
      encoder and decoder together; goes on where it was killed
  uniultra-train bundle --stage joint --config tools/train/configs/universal512.toml --out to-send
      the same run in parts of 60 MiB for another machine, such as one with a GPU: `sh run.sh` there
  uniultra-train average models/uniultra-mini/weights.safetensors runs/joint/final.safetensors --out mean.safetensors
      the mean of old and new weights

A run's folder gets config.toml at once, then last.safetensors (the state to resume from),
best.safetensors and final.safetensors (weights for `uniultra-tools export`), log.csv, val.csv,
curves.svg and summary.json. Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Train UniUltra: CH-Adapter fine-tuning, DSKD distillation, joint tuning.
#[derive(Debug, Parser)]
#[command(name = "uniultra-train", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fine-tune CH-Adapters, prompt encoder and mask decoder on masks.
    Finetune(RunArgs),
    /// Distil a teacher's image encoder into a student's (DSKD).
    Distill(RunArgs),
    /// Train encoder and decoder together on masks, with a teacher's soft targets.
    Joint(RunArgs),
    /// Write the weighted mean of several weight files.
    Average(AverageArgs),
    /// Write a run for another machine: program, configuration, checkpoints and images in parts.
    Bundle(BundleArgs),
}

#[derive(Debug, Args)]
struct AverageArgs {
    /// Weight files with the same tensors, such as final.safetensors of two runs.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How much each file counts, such as 0.65,0.35; all the same if not given.
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',')]
    shares: Vec<f64>,
    /// File of the mean.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct BundleArgs {
    /// What the run does.
    #[arg(long, value_enum)]
    stage: StageName,
    /// The run's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// An empty or new folder for the parts and `run.sh`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Largest size of a part, MiB.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    part_mib: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StageName {
    Finetune,
    Distill,
    Joint,
}

impl From<StageName> for StageKind {
    fn from(name: StageName) -> Self {
        match name {
            StageName::Finetune => Self::Finetune,
            StageName::Distill => Self::Distill,
            StageName::Joint => Self::Joint,
        }
    }
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The run's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Folder of the run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on from the state in the folder, if there is one.
    #[arg(long)]
    resume: bool,
    /// Device to compute on: cpu, cuda, cuda:N or auto.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Threads of libtorch; all cores if not given.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Stop after this many steps, with a state to resume from.
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,
    /// Print sizes, steps, memory and time, measured on three batches, and train nothing.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_target(false)
        .init();
    let done = match &cli.command {
        Command::Finetune(args) => run(StageKind::Finetune, args),
        Command::Distill(args) => run(StageKind::Distill, args),
        Command::Joint(args) => run(StageKind::Joint, args),
        Command::Average(args) => average(&args.files, &args.shares, &args.out),
        Command::Bundle(args) => send(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(kind: StageKind, args: &RunArgs) -> Result<()> {
    let (config, text) = Config::read(&args.config)?;
    let device = args.device.resolve()?;
    let threads = set_threads(args.threads)?;
    log::info!("{} on {}, {threads} threads", kind.name(), device_name(device));
    tch::manual_seed(config.seed as i64);
    let mut stage = stage(kind, &config, &args.out, device)?;
    let base = args.config.parent().unwrap_or(Path::new("."));
    if args.dry_run {
        let mut out = std::io::stdout().lock();
        let mut say = |line: String| {
            let _ = writeln!(out, "{line}");
        };
        return dry_run(kind, &config, stage.as_mut(), base, &mut say);
    }
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let start = Start {
        config_text: &text,
        out: &args.out,
        base,
        resume: args.resume,
        stop_after: args.stop_after,
        interval: Duration::from_secs(30),
    };
    fit(kind, &config, stage, &start)
}

fn send(args: &BundleArgs) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let bundle = bundle(args.stage.into(), &args.config, &program, &args.out, args.part_mib)?;
    let mut out = std::io::stdout().lock();
    for part in &bundle.parts {
        let mib = std::fs::metadata(part)?.len() as f64 / f64::from(1 << 20);
        writeln!(out, "{} ({mib:.1} MiB)", part.display())?;
    }
    let script = bundle.script.display();
    writeln!(out, "{} files; on the other machine: sh {script}", bundle.files)?;
    Ok(())
}
