//! The commit that is packed: its time is every file's time, so that two builds of it are equal.

use anyhow::{Context, Result};
use uniultra_checkout::workspace::{self, Workspace};

/// Where the time comes from before git is asked, as reproducible-builds.org has it.
const EPOCH_VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// What is packed.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    /// Seconds since 1970, UTC.
    pub(super) time_s: u64,
    /// Hash; none outside git.
    pub(super) id: Option<String>,
    /// Whether files differ from the commit's.
    pub(super) dirty: bool,
}

impl Commit {
    pub(super) fn find(workspace: &Workspace) -> Result<Self> {
        let git = |args: &[&str]| workspace::output(workspace.command("git").args(args));
        let id = git(&["rev-parse", "HEAD"]).ok().map(|text| text.trim().to_string());
        let dirty = git(&["status", "--porcelain"]).is_ok_and(|text| !text.trim().is_empty());
        let (text, of) = match std::env::var(EPOCH_VARIABLE) {
            Ok(text) => (text, EPOCH_VARIABLE),
            Err(_) => {
                let text = git(&["log", "-1", "--format=%ct"]).with_context(|| {
                    format!("the files' time: expected a git checkout or {EPOCH_VARIABLE}")
                })?;
                (text, "git's commit time")
            }
        };
        Ok(Self { time_s: seconds(&text).with_context(|| of.to_string())?, id, dirty })
    }

    /// As `2026-11-28T07:37:00Z`.
    pub(super) fn time(&self) -> Result<String> {
        let seconds = i64::try_from(self.time_s)?;
        Ok(jiff::Timestamp::from_second(seconds).context("the commit's time")?.to_string())
    }
}

/// A time that archives can hold: tar's classic field ends in the year 2242.
fn seconds(text: &str) -> Result<u64> {
    const LAST: u64 = 0o77_777_777_777;
    let found = text.trim();
    let value = found.parse().ok().filter(|seconds| *seconds <= LAST);
    value.with_context(|| format!("expected seconds since 1970, found `{found}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_and_become_text() {
        let commit = Commit { time_s: seconds("1764315420\n").unwrap(), id: None, dirty: false };
        assert_eq!(commit.time().unwrap(), "2025-11-28T07:37:00Z");
        for bad in ["", "-1", "yesterday", "99999999999999"] {
            let error = seconds(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("found `{bad}`")), "{error}");
        }
    }
}
