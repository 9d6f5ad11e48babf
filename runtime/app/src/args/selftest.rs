//! The command line of `uniultra selftest`.

use super::{model_help, threads};
use std::path::PathBuf;
use uniultra_manifest::Sha256Hex;
use uniultra_sink::Destination;

pub(super) const EXAMPLES: &str = "\
Examples:
  uniultra selftest
      the model and the sample frame inside this program
  uniultra selftest --max-rss-mib 48 --json -
  uniultra selftest --expect-logits 3b5d5c37...   require the bits of another machine
  uniultra selftest --model my-pack --threads 2
  uniultra selftest --board boards/raspberry-pi-5.toml    on its CPUs, within its memory

The frame is simulated, so its exact mask is known. The answers to a point and to a box must agree with
it, and a second run must give the same bits. Exit code 5 means that a check failed; a damaged model
pack is exit code 4, as for every command.";

/// `uniultra selftest`.
#[derive(Debug, clap::Args)]
pub(crate) struct SelftestArgs {
    #[arg(long, value_name = "DIR", help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// Threads of the engine [default: from --board, or 1].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Largest resident set allowed, in MiB [default: from --board, or no limit].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_rss_mib: Option<u32>,
    /// SHA-256 that the point's logits must have: `logits_sha256` of another report.
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) expect_logits: Option<Sha256Hex>,
    /// Write the report as JSON; `-` is stdout, which then carries nothing else.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<Destination>,
}

fn digest(text: &str) -> Result<Sha256Hex, String> {
    Sha256Hex::try_from(text.to_string())
}
