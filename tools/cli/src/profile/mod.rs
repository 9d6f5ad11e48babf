//! `uniultra-tools profile`: on this machine, or on a device through ssh.

mod args;
mod device;
mod here;

pub(crate) use args::Args;

use crate::json;
use uniultra_report::check_free;

/// Profiles and writes the report.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    json::check(args.json.as_ref())?;
    if let Some(folder) = args.out.as_deref().filter(|_| !args.force) {
        check_free(folder)?;
    }
    match &args.device.ssh {
        Some(host) => device::run(args, host),
        None => here::run(args),
    }
}
