//! What the race ran on and when.

use std::time::{SystemTime, UNIX_EPOCH};
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
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        Self {
            cpu: cpuinfo("model name").unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            commit,
            date: date(seconds / 86_400),
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

/// The Gregorian date of a day, counted from 1970-01-01.
fn date(mut day: u64) -> String {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let days = if leap(year) { 366 } else { 365 };
        if day < days {
            break;
        }
        day -= days;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_453), "2025-12-31");
        assert_eq!(date(20_454), "2026-01-01");
        // 2100 is no leap year.
        assert_eq!(date(47_540), "2100-02-28");
        assert_eq!(date(47_541), "2100-03-01");
    }
}
