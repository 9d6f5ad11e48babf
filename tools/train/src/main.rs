//! `uniultra-train`: the command line of the trainer.
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use uniultra_train::build::{StageKind, stage};
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

A run's folder gets last.safetensors (the state to resume from), best.safetensors and
final.safetensors (weights for `uniultra-tools export`), log.csv, val.csv, curves.svg and
summary.json. Exit codes: 0 done, 1 failed, 2 wrong usage.";

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
    /// Where to compute: cpu, cuda, cuda:N or auto.
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
    let (kind, args) = match &cli.command {
        Command::Finetune(args) => (StageKind::Finetune, args),
        Command::Distill(args) => (StageKind::Distill, args),
        Command::Joint(args) => (StageKind::Joint, args),
    };
    match run(kind, args) {
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
        out: &args.out,
        base,
        resume: args.resume,
        stop_after: args.stop_after,
        interval: Duration::from_secs(30),
    };
    fit(kind, &config, stage, &start)?;
    // Beside the figures, so that a run's folder says how it came about.
    std::fs::write(args.out.join("config.toml"), text)
        .with_context(|| format!("cannot write into {}", args.out.display()))
}
