//! Parts of the Rust toolchain that a minimal install lacks.

use anyhow::{Context, Result};
use uniultra_checkout::workspace::{self, Workspace};

/// Makes `cargo <subcommand>` available, by installing the rustup component where it is missing.
pub(crate) fn component(workspace: &Workspace, subcommand: &str, component: &str) -> Result<()> {
    if workspace::output(&mut workspace.cargo(&[subcommand, "--version"])).is_ok() {
        return Ok(());
    }
    let mut rustup = workspace.command("rustup");
    workspace::run(rustup.args(["component", "add", component])).with_context(|| {
        format!("`cargo {subcommand}` is missing; install the `{component}` of your Rust toolchain")
    })
}
