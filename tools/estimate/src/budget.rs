//! Whether a board's budgets are held, as far as a range can tell.

use crate::{Estimate, Range};
use serde::Serialize;
use std::fmt;
use uniultra_manifest::Budget;

/// What a range says of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole range is within the budget.
    Held,
    /// The budget is inside the range: it may be held or missed.
    Open,
    /// The whole range is above the budget.
    Missed,
    /// There is no estimate.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Open => "open",
            Self::Missed => "MISSED",
            Self::Unknown => "unknown",
        })
    }
}

/// One budget of a board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct BudgetLine {
    /// Its name in board profiles.
    pub name: &'static str,
    /// What the profile allows.
    pub limit: u32,
    /// The estimate; `null` if there is none.
    pub estimate: Option<Range>,
    /// What it says.
    pub verdict: Verdict,
}

impl BudgetLine {
    fn new(name: &'static str, limit: u32, estimate: Option<Range>) -> Self {
        let allowed = f64::from(limit);
        let verdict = match estimate {
            Some(range) if range.high <= allowed => Verdict::Held,
            Some(range) if range.low > allowed => Verdict::Missed,
            Some(_) => Verdict::Open,
            None => Verdict::Unknown,
        };
        Self { name, limit, estimate, verdict }
    }

    pub(crate) fn all(budget: &Budget, estimate: &Estimate) -> Vec<Self> {
        vec![
            Self::new("encode_ms", budget.encode_ms, Some(estimate.encode.ms)),
            Self::new("click_ms", budget.click_ms, Some(estimate.click.ms)),
            Self::new("watchdog_ms", budget.watchdog_ms, Some(estimate.frame_to_mask_ms)),
            Self::new("rss_mib", budget.rss_mib, estimate.rss_mib),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_range_decides() {
        let verdict = |low, high| BudgetLine::new("x", 10, Some(Range::new(low, high))).verdict;
        assert_eq!(verdict(1.0, 10.0), Verdict::Held);
        assert_eq!(verdict(1.0, 10.1), Verdict::Open);
        assert_eq!(verdict(10.0, 10.1), Verdict::Open);
        assert_eq!(verdict(10.1, 20.0), Verdict::Missed);
        assert_eq!(verdict(f64::NAN, f64::NAN), Verdict::Open);
        assert_eq!(BudgetLine::new("x", 10, None).verdict, Verdict::Unknown);
    }
}
