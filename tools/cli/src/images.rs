//! What the commands that go through many images share.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;
use uniultra_evaluate::{Problem, PromptKind};

/// Images at once if --threads is not given: more take more memory than many machines have.
const DEFAULT_THREADS: usize = 4;

/// Problems listed on stderr; the report has all of them.
const LISTED_PROBLEMS: usize = 10;

/// Images at once.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    asked.map_or_else(|| cores().min(DEFAULT_THREADS), usize::from)
}

/// Each prompt as often as it counts: once.
pub(crate) fn each_once(prompts: &[PromptKind]) -> Vec<PromptKind> {
    let mut once = Vec::new();
    for prompt in prompts {
        if !once.contains(prompt) {
            once.push(*prompt);
        }
    }
    once
}

/// Names problems on stderr.
pub(crate) fn list(problems: &[Problem]) {
    for problem in problems.iter().take(LISTED_PROBLEMS) {
        log::warn!("{problem}");
    }
    if problems.len() > LISTED_PROBLEMS {
        log::warn!("{} more problems are in the report", problems.len() - LISTED_PROBLEMS);
    }
}

/// Drawn on stderr, and only where that is a terminal.
pub(crate) fn progress_bar(count: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let template = format!("{{bar:40}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_given_twice_is_done_once() {
        let prompts = [PromptKind::Box, PromptKind::Point, PromptKind::Box];
        assert_eq!(each_once(&prompts), [PromptKind::Box, PromptKind::Point]);
    }
}
