//! Arguments of `uniultra-tools profile`.

use std::path::PathBuf;
use uniultra_engine::MAX_THREADS;
use uniultra_profile::SshTarget;
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools profile --model models/uniultra-mini-int8 --out report
      where a frame and a click spend their time, one thread, on a simulated frame
  uniultra-tools profile --model my-pack --frame frame.png --threads 2 --runs 50 --top 30
  uniultra-tools profile --model models/a --compare models/a-int8
      both packs by turns, A B A B: kinds and blocks side by side
  uniultra-tools profile --model models/a --compare before/report.json
      the same next to the report of another build: not by turns, and labelled so
  uniultra-tools profile --model models/a --ssh root@board --board boards/rk3588.toml \\
    --binary target/cross/static-device/uniultra --out report
      `uniultra bench` on a device: stages, cold start, memory, budgets

Writes report.json, report.md, report.html and flame.svg (with --ssh stages.svg) to --out. A quantile is one of the
times, by nearest rank; that of a block or a kind of operation is of its sum, run by run. Gop/s are
GFLOP/s in f32, GOP/s in int8: two a multiply-accumulate. The roof is the shortest time for an operation's work at the peaks
that are measured in the same run; above 100 % its bytes come from a cache. Ratios are A over B: above
1 where B is faster. Times are those of this machine at this moment.";

/// What to profile, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model pack.
    #[arg(long, value_name = "DIR")]
    pub(super) model: PathBuf,
    /// Frame to run on; a simulated one of 640 x 480 px if not given.
    #[arg(long, value_name = "FILE")]
    pub(super) frame: Option<PathBuf>,
    /// Threads of the engine [default: 1; with --ssh the board's].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// Runs that count, 1 to 1000: a frame with two clicks each.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) runs: u32,
    /// Runs before those, 0 to 1000.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) warm_up: u32,
    /// Operations in the table of the slowest; report.json has all of them.
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(super) top: usize,
    /// Folder of the report; the tables are printed without one, too.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Replace a report that is already in the folder.
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    /// Write report.json to this file; `-` prints it in place of the tables.
    #[arg(long, value_name = "FILE|-")]
    pub(super) json: Option<Destination>,
    /// Another pack, run by turns with this one, or the report.json of another build.
    #[arg(long, value_name = "DIR|FILE")]
    pub(super) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
}

impl Args {
    /// Threads on this machine.
    pub(super) fn threads_here(&self) -> usize {
        self.threads.unwrap_or(1)
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MAX_THREADS) => Ok(count),
        _ => Err(format!("expected 1 to {MAX_THREADS}")),
    }
}

/// Where to, and what beside the model.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DeviceArgs {
    /// Profile on this machine instead, `user@host`: copies program, pack and board profile to a temporary
    /// folder there, runs `uniultra bench`, fetches its report and removes the folder.
    #[arg(long, value_name = "HOST", value_parser = host, requires_all = ["board", "binary"], conflicts_with_all = ["frame", "compare", "top"])]
    pub(super) ssh: Option<String>,
    /// An option for ssh, as its -o takes it, e.g. Port=2222; may be repeated.
    #[arg(long = "ssh-option", value_name = "NAME=VALUE", requires = "ssh")]
    pub(super) ssh_options: Vec<String>,
    /// Profile of the board.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    pub(super) board: Option<PathBuf>,
    /// `uniultra`, built for that machine: see `cargo xtask cross`.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    pub(super) binary: Option<PathBuf>,
}

fn host(text: &str) -> Result<String, String> {
    SshTarget::new(text, &[]).map(|target| target.host)
}
