//! What the race ran on and when.

use uniultra_checkout::workspace::{self, Workspace};

/// The machine, the state of the code and the day.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) system: String,
    pub(super) commit: String,
    /// Year-month-day, UTC.
    pub(super) date: String,
}

impl Machine {
    pub(super) fn find(workspace: &Workspace) -> Self {
        let mut git = workspace.command("git");
        git.args(["describe", "--always", "--dirty=, changed", "--exclude", "*"]);
        let commit = workspace::output(&mut git)
            .map_or_else(|_| "unknown".to_string(), |text| text.trim().to_string());
        Self {
            cpu: cpuinfo("model name").unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            commit,
            date: jiff::Timestamp::now().strftime("%F").to_string(),
        }
    }
}

/// Whether the processor has instructions for bf16 products.
pub(super) fn computes_in_bf16() -> bool {
    let flags = cpuinfo("flags").or_else(|| cpuinfo("Features")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag.ends_with("bf16"))
}

/// The first value of a field of Linux's list of processors.
fn cpuinfo(field: &str) -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == field).then(|| value.trim().to_string())
    })
}
