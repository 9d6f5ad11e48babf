//! `cargo xtask cross` starts this program.

use clap::Parser;
use std::process::ExitCode;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

fn main() -> ExitCode {
    let args = uniultra_cross::Args::parse();
    screen::exit_code(
        Workspace::find().and_then(|workspace| uniultra_cross::run(&workspace, &args)),
    )
}
