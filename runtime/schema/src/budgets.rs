//! The budgets of a board's profile against what was measured.

use serde::{Deserialize, Serialize};
use uniultra_manifest::Budget;

/// All budgets of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Budgets {
    /// Whether all of them are held.
    pub ok: bool,
    /// The encoder's p90, in milliseconds.
    pub encode_ms: BudgetCheck,
    /// The p90 of first or further clicks, whichever is longer, in milliseconds.
    pub click_ms: BudgetCheck,
    /// The slowest frame, from its pixels to its first mask, in milliseconds.
    pub watchdog_ms: BudgetCheck,
    /// The largest resident set of the process, in MiB.
    pub rss_mib: BudgetCheck,
}

/// One budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct BudgetCheck {
    /// The limit in the profile.
    pub limit: u32,
    /// What was measured; `null` if the system does not say, which counts as not held.
    pub found: Option<f64>,
    /// Whether the budget is held.
    pub ok: bool,
}

/// The measurements that budgets limit.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The encoder's p90, in milliseconds.
    pub encode_ms: f64,
    /// The p90 of first or further clicks, whichever is longer, in milliseconds.
    pub click_ms: f64,
    /// The slowest frame, from its pixels to its first mask, in milliseconds.
    pub slowest_ms: f64,
    /// The largest resident set of the process, in MiB.
    pub rss_mib: Option<f64>,
}

impl BudgetCheck {
    fn new(limit: u32, found: Option<f64>) -> Self {
        Self { limit, found, ok: found.is_some_and(|found| found <= f64::from(limit)) }
    }

    /// The measurement with one decimal, or `unknown`.
    #[must_use]
    pub fn found_text(&self) -> String {
        self.found.map_or_else(|| "unknown".to_string(), |found| format!("{found:.1}"))
    }

    /// `held` or `MISSED`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.ok { "held" } else { "MISSED" }
    }
}

impl Budgets {
    /// Compares measurements with a profile's limits. A limit itself is held.
    #[must_use]
    pub fn new(budget: &Budget, found: Measured) -> Self {
        let encode_ms = BudgetCheck::new(budget.encode_ms, Some(found.encode_ms));
        let click_ms = BudgetCheck::new(budget.click_ms, Some(found.click_ms));
        let watchdog_ms = BudgetCheck::new(budget.watchdog_ms, Some(found.slowest_ms));
        let rss_mib = BudgetCheck::new(budget.rss_mib, found.rss_mib);
        let ok = [encode_ms, click_ms, watchdog_ms, rss_mib].iter().all(|check| check.ok);
        Self { ok, encode_ms, click_ms, watchdog_ms, rss_mib }
    }

    /// Each budget with its name in board profiles.
    #[must_use]
    pub fn each(&self) -> [(&'static str, BudgetCheck); 4] {
        [
            ("encode_ms", self.encode_ms),
            ("click_ms", self.click_ms),
            ("watchdog_ms", self.watchdog_ms),
            ("rss_mib", self.rss_mib),
        ]
    }

    /// The budgets that are not held, with limit and measurement; empty if all are held.
    #[must_use]
    pub fn missed(&self) -> String {
        let missed = self.each().into_iter().filter(|(_, check)| !check.ok);
        let missed = missed.map(|(name, check)| {
            format!("{name}: expected at most {}, found {}", check.limit, check.found_text())
        });
        missed.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { encode_ms: 100, click_ms: 20, watchdog_ms: 500, rss_mib: 64 };
    const FOUND: Measured =
        Measured { encode_ms: 100.0, click_ms: 20.0, slowest_ms: 500.0, rss_mib: Some(64.0) };

    #[test]
    fn limits_themselves_are_held() {
        let budgets = Budgets::new(&BUDGET, FOUND);
        assert!(budgets.ok && budgets.missed().is_empty());
        assert!(budgets.each().iter().all(|(_, check)| check.verdict() == "held"));
    }

    #[test]
    fn a_missed_budget_is_named_with_both_sides() {
        let found = Measured { encode_ms: 100.1, rss_mib: None, ..FOUND };
        let budgets = Budgets::new(&BUDGET, found);
        let expected = "encode_ms: expected at most 100, found 100.1; \
                        rss_mib: expected at most 64, found unknown";
        assert_eq!((budgets.ok, budgets.missed().as_str()), (false, expected));
        let nan = Budgets::new(&BUDGET, Measured { click_ms: f64::NAN, ..FOUND });
        assert!(nan.missed().contains("click_ms"));
    }
}
