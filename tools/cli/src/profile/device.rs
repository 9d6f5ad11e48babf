//! A profile of a device, through ssh.

use super::Args;
use super::args::DeviceArgs;
use crate::failure::Missed;
use crate::json;
use anyhow::Context;
use std::path::PathBuf;
use uniultra_manifest::BoardFile;
use uniultra_profile::{
    BenchOptions, SshTarget, Upload, device_document, profile_device, write_device_profile,
};
use uniultra_report::json_text;

/// Profiles there, writes the report, and fails if a budget of the board is missed.
pub(super) fn run(args: &Args, host: &str) -> anyhow::Result<()> {
    let DeviceArgs { ssh_options, board, binary, .. } = &args.device;
    let target = SshTarget::new(host, ssh_options).map_err(anyhow::Error::msg)?;
    let (Some(board), Some(binary)) = (board, binary) else {
        anyhow::bail!("--ssh needs --board and --binary");
    };
    // What is wrong with the profile is better said before anything is copied.
    let id = BoardFile::open(board).with_context(|| board.display().to_string())?.board.id;
    let upload = Upload { binary: binary.clone(), model: args.model.clone(), board: board.clone() };
    let options = BenchOptions { threads: args.threads, warm_up: args.warm_up, runs: args.runs };
    let report = profile_device(&target, &upload, options)?;
    if let Some(folder) = &args.out {
        write_device_profile(folder, &report)?;
    }
    let tables = || {
        let text = device_document(&report).to_markdown();
        let wrote = |folder: &PathBuf| format!("\nwrote {}\n", folder.join("stages.svg").display());
        text + &args.out.as_ref().map(wrote).unwrap_or_default()
    };
    json::print(args.json.as_ref(), || json_text(report.model(), &report), tables)?;
    match report.missed() {
        missed if missed.is_empty() => Ok(()),
        missed => Err(Missed(format!("board {id}: {missed}")).into()),
    }
}
