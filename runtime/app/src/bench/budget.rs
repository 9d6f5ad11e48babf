//! Compares the budgets of a board's profile with what was measured.

use serde::Serialize;
use std::fmt::{self, Write};
use uniultra_manifest::Budget;

/// All budgets of a profile.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Budgets {
    /// Whether all of them are held.
    ok: bool,
    /// The encoder's p90, in milliseconds.
    encode_ms: BudgetCheck,
    /// The p90 of first or further clicks, whichever is longer, in milliseconds.
    click_ms: BudgetCheck,
    /// The slowest frame, from its pixels to its first mask, in milliseconds.
    watchdog_ms: BudgetCheck,
    /// The largest resident set of the process, in MiB.
    rss_mib: BudgetCheck,
}

/// One budget.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct BudgetCheck {
    /// The limit in the profile.
    limit: u32,
    /// What was measured; `null` if the system does not say, which counts as not held.
    found: Option<f64>,
    /// Whether the budget is held.
    ok: bool,
}

/// The measurements that budgets limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) encode_ms: f64,
    pub(super) click_ms: f64,
    pub(super) slowest_ms: f64,
    pub(super) rss_mib: Option<f64>,
}

impl BudgetCheck {
    fn new(limit: u32, found: Option<f64>) -> Self {
        Self { limit, found, ok: found.is_some_and(|found| found <= f64::from(limit)) }
    }
}

impl Budgets {
    pub(super) fn new(budget: &Budget, found: Measured) -> Self {
        let encode_ms = BudgetCheck::new(budget.encode_ms, Some(found.encode_ms));
        let click_ms = BudgetCheck::new(budget.click_ms, Some(found.click_ms));
        let watchdog_ms = BudgetCheck::new(budget.watchdog_ms, Some(found.slowest_ms));
        let rss_mib = BudgetCheck::new(budget.rss_mib, found.rss_mib);
        let ok = [encode_ms, click_ms, watchdog_ms, rss_mib].iter().all(|check| check.ok);
        Self { ok, encode_ms, click_ms, watchdog_ms, rss_mib }
    }

    fn each(&self) -> [(&'static str, BudgetCheck); 4] {
        [
            ("encode_ms", self.encode_ms),
            ("click_ms", self.click_ms),
            ("watchdog_ms", self.watchdog_ms),
            ("rss_mib", self.rss_mib),
        ]
    }

    /// The budgets that are not held, with limit and measurement; empty if all are held.
    pub(super) fn missed(&self) -> String {
        let missed = self.each().into_iter().filter(|(_, check)| !check.ok);
        let missed = missed.map(|(name, check)| {
            format!("{name}: expected at most {}, found {}", check.limit, number(check.found))
        });
        missed.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n{:<15}{:>10}{:>10}", "budget", "limit", "found")?;
        for (name, check) in self.each() {
            let verdict = if check.ok { "held" } else { "MISSED" };
            writeln!(text, "{name:<15}{:>10}{:>10}  {verdict}", check.limit, number(check.found))?;
        }
        Ok(())
    }
}

fn number(found: Option<f64>) -> String {
    found.map_or_else(|| "unknown".to_string(), |found| format!("{found:.1}"))
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
        let mut text = String::new();
        budgets.write(&mut text).unwrap();
        assert_eq!(text.matches("held").count(), 4, "{text}");
    }

    #[test]
    fn what_is_missed_is_named_with_both_sides() {
        let found = Measured { encode_ms: 100.1, rss_mib: None, ..FOUND };
        let budgets = Budgets::new(&BUDGET, found);
        let expected = "encode_ms: expected at most 100, found 100.1; \
                        rss_mib: expected at most 64, found unknown";
        assert_eq!((budgets.ok, budgets.missed().as_str()), (false, expected));
        let nan = Budgets::new(&BUDGET, Measured { click_ms: f64::NAN, ..FOUND });
        assert!(nan.missed().contains("click_ms"));
    }
}
