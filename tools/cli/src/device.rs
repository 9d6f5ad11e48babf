//! `uniultra-tools profile --ssh`.

use crate::failure::{Missed, out};
use crate::profile::Args;
use anyhow::Context;
use std::path::{Path, PathBuf};
use uniultra_evaluate::check_free;
use uniultra_manifest::BoardFile;
use uniultra_profile::{
    BenchOptions, ProfileError, SshTarget, Upload, device_markdown, profile_device,
    write_device_profile,
};
use uniultra_sink::{check_writable, write_atomically};

/// Where to, and what beside the model.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    /// Profile on this machine instead, `user@host`: copies program, pack and board profile to a temporary
    /// folder there, runs `uniultra bench`, fetches its report and removes the folder.
    #[arg(long, value_name = "HOST", value_parser = host, requires_all = ["board", "binary"], conflicts_with_all = ["frame", "compare", "top"])]
    pub(crate) ssh: Option<String>,
    /// An option for ssh, as its -o takes it, e.g. Port=2222; may be repeated.
    #[arg(long = "ssh-option", value_name = "NAME=VALUE", requires = "ssh")]
    ssh_options: Vec<String>,
    /// Profile of the board.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    board: Option<PathBuf>,
    /// `uniultra`, built for that machine: see `cargo xtask cross`.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    binary: Option<PathBuf>,
}

fn host(text: &str) -> Result<String, String> {
    SshTarget::new(text, &[]).map(|target| target.host)
}

/// Profiles there, writes the report, and fails if a budget of the board is missed.
pub(crate) fn run(args: &Args, host: &str) -> anyhow::Result<()> {
    let DeviceArgs { ssh_options, board, binary, .. } = &args.device;
    let target = SshTarget::new(host, ssh_options).map_err(anyhow::Error::msg)?;
    let (Some(board), Some(binary)) = (board, binary) else {
        anyhow::bail!("--ssh needs --board and --binary");
    };
    // What is wrong with the profile is better said before anything is copied.
    let id = BoardFile::open(board).with_context(|| board.display().to_string())?.board.id;
    let json_file = args.json.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = json_file {
        check_writable(path).map_err(ProfileError::from)?;
    }
    if let Some(folder) = args.out.as_deref().filter(|_| !args.force) {
        check_free(folder)?;
    }
    let upload = Upload { binary: binary.clone(), model: args.model.clone(), board: board.clone() };
    let options = BenchOptions { threads: args.threads, warm_up: args.warm_up, runs: args.runs };
    let report = profile_device(&target, &upload, options)?;

    if let Some(folder) = &args.out {
        write_device_profile(folder, &report)?;
    }
    if let Some(path) = json_file {
        let json = report.to_json()?;
        write_atomically(path, |file| file.write_all(json.as_bytes()))
            .map_err(ProfileError::from)?;
    }
    if args.json.is_some() && json_file.is_none() {
        out(&report.to_json()?)?;
    } else {
        let mut text = device_markdown(&report);
        if let Some(folder) = &args.out {
            text += &format!("\nwrote {}\n", folder.join("stages.svg").display());
        }
        out(&text)?;
    }
    match report.missed() {
        missed if missed.is_empty() => Ok(()),
        missed => Err(Missed(format!("board {id}: {missed}")).into()),
    }
}
