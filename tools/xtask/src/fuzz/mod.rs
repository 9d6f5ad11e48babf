//! `cargo xtask fuzz`: builds the fuzz targets with coverage counters and runs each for some minutes.
//!
//! libFuzzer needs no nightly compiler. cargo-fuzz asks for one because of the address sanitizer, which finds
//! nothing in safe Rust. The counters are a pass of LLVM, which stable Rust can be told to run.

mod seeds;

use anyhow::{Context, Result, ensure};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};

/// Targets, the quick ones first. The last two need tract.
const TARGETS: [&str; 11] = [
    "board",
    "manifest",
    "prompts",
    "mask_prompt",
    "frame_decode",
    "checkpoint",
    "dicom",
    "igtl",
    "volume",
    "quantize_graph",
    "onnx_load",
];

const NEED_TRACT: [&str; 2] = ["quantize_graph", "onnx_load"];

/// What libFuzzer reads: a counter for every edge, and the operands of comparisons.
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

const MANIFEST: &str = "tests/fuzz/Cargo.toml";
const SEEDS: &str = "tests/fuzz/seeds";

/// Limits of one input: more memory or time than this is a fault.
const MEMORY_MIB: u32 = 2048;
const INPUT_SECONDS: u32 = 30;

const EXAMPLES: &str = "\
Examples:
  cargo xtask fuzz frame_decode --minutes 10
  cargo xtask fuzz --minutes 30                  # every target, one after the other
  cargo xtask fuzz checkpoint --minutes 5 --keep # new inputs become seeds

An input that breaks a target is written to target/fuzz/artifacts, and the command fails. Make a test of it
beside the reader, correct the reader, and copy the input to tests/fuzz/seeds/TARGET.";

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Targets to run; all of them if none is named.
    #[arg(value_name = "TARGET", value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
    /// Minutes for each target, 1 to 10000.
    #[arg(long, value_name = "M", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    minutes: u32,
    /// Copy the small inputs that reach most new code to tests/fuzz/seeds; a target has at most 40.
    #[arg(long)]
    keep: bool,
}

/// Builds and runs; fails after the last target if one of them broke.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let named = |target: &&str| args.targets.is_empty() || args.targets.iter().any(|t| t == target);
    let targets: Vec<_> = TARGETS.into_iter().filter(named).collect();
    let host = host(workspace)?;
    build(workspace, &targets, &host)?;
    let broken: Vec<_> = targets
        .iter()
        .filter(|target| {
            let outcome = fuzz(workspace, target, &host, args);
            if let Err(error) = &outcome {
                screen::error(&format!("{target}: {error:#}"));
            }
            outcome.is_err()
        })
        .copied()
        .collect();
    ensure!(broken.is_empty(), "broken: {}; see target/fuzz/artifacts", broken.join(", "));
    Ok(())
}

/// The triple of this machine. Naming it keeps the coverage flags away from build scripts.
fn host(workspace: &Workspace) -> Result<String> {
    let text = workspace::output(workspace.command("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("expected `host:` in the output of rustc -vV")?.to_string())
}

fn build(workspace: &Workspace, targets: &[&str], host: &str) -> Result<()> {
    let folder = workspace.target.join("fuzz");
    let mut cargo = workspace.cargo(&["build", "--locked", "--manifest-path", MANIFEST]);
    cargo.args(["--target", host, "--no-default-features", "--features"]);
    let tract = targets.iter().any(|target| NEED_TRACT.contains(target));
    cargo.arg(if tract { "libfuzzer,onnx" } else { "libfuzzer" });
    cargo.arg("--target-dir").arg(&folder);
    for target in targets {
        cargo.args(["--bin", target]);
    }
    workspace::run(cargo.env("RUSTFLAGS", COVERAGE.join(" ")))
        .context("the fuzz targets need a C++ compiler (Debian: apt-get install g++)")
}

fn fuzz(workspace: &Workspace, target: &str, host: &str, args: &Args) -> Result<()> {
    let folder = workspace.target.join("fuzz");
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|name| folder.join(name).join(target));
    let seeds = workspace.root.join(SEEDS).join(target);
    for folder in [&corpus, &artifacts, &seeds] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let binary = folder.join(host).join("debug").join(target);
    let mut command = workspace.command(&binary);
    command.arg(&corpus).arg(&seeds);
    command.arg(format!("-max_total_time={}", args.minutes * 60));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB}")).arg(format!("-timeout={INPUT_SECONDS}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-print_final_stats=1", "-verbosity=1"]);
    workspace::run(&mut command)?;
    if args.keep {
        let scratch = folder.join("merge").join(target);
        let kept = seeds::keep(workspace, &binary, &corpus, &seeds, &scratch)?;
        screen::line(&format!("{target}: {kept} new seeds"));
    }
    Ok(())
}
