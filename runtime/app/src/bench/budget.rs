//! What a board's profile asks the runtime to hold, against what was measured.

use serde::Serialize;
use std::fmt::{self, Write};
use uniultra_manifest::Budget;

/// Each budget of a profile.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Budgets {
    /// Whether all of them are held.
    ok: bool,
    /// The encoder's p90, in milliseconds.
    encode_ms: Held,
    /// The p90 of first or further clicks, whichever is longer, in milliseconds.
    click_ms: Held,
    /// The slowest frame, from its pixels to its first mask, in milliseconds.
    watchdog_ms: Held,
    /// The largest resident set of the process, in MiB.
    rss_mib: Held,
}

/// One of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Held {
    /// What the profile allows.
    limit: u32,
    /// What was measured; `null` where the system does not tell, and then it is not held.
    found: Option<f64>,
    /// Whether it is held.
    ok: bool,
}

/// What was measured of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) encode_ms: f64,
    pub(super) click_ms: f64,
    pub(super) slowest_ms: f64,
    pub(super) rss_mib: Option<f64>,
}

impl Held {
    fn new(limit: u32, found: Option<f64>) -> Self {
        Self { limit, found, ok: found.is_some_and(|found| found <= f64::from(limit)) }
    }
}

impl Budgets {
    pub(super) fn new(budget: &Budget, found: Found) -> Self {
        let encode_ms = Held::new(budget.encode_ms, Some(found.encode_ms));
        let click_ms = Held::new(budget.click_ms, Some(found.click_ms));
        let watchdog_ms = Held::new(budget.watchdog_ms, Some(found.slowest_ms));
        let rss_mib = Held::new(budget.rss_mib, found.rss_mib);
        let ok = [encode_ms, click_ms, watchdog_ms, rss_mib].iter().all(|held| held.ok);
        Self { ok, encode_ms, click_ms, watchdog_ms, rss_mib }
    }

    fn each(&self) -> [(&'static str, Held); 4] {
        [
            ("encode_ms", self.encode_ms),
            ("click_ms", self.click_ms),
            ("watchdog_ms", self.watchdog_ms),
            ("rss_mib", self.rss_mib),
        ]
    }

    /// What is not held: what was expected and what was found. Empty if all is.
    pub(super) fn missed(&self) -> String {
        let missed = self.each().into_iter().filter(|(_, held)| !held.ok);
        let missed = missed.map(|(name, held)| {
            format!("{name}: expected at most {}, found {}", held.limit, number(held.found))
        });
        missed.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n{:<15}{:>10}{:>10}", "budget", "limit", "found")?;
        for (name, held) in self.each() {
            let verdict = if held.ok { "held" } else { "MISSED" };
            writeln!(text, "{name:<15}{:>10}{:>10}  {verdict}", held.limit, number(held.found))?;
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
    const FOUND: Found =
        Found { encode_ms: 100.0, click_ms: 20.0, slowest_ms: 500.0, rss_mib: Some(64.0) };

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
        let found = Found { encode_ms: 100.1, rss_mib: None, ..FOUND };
        let budgets = Budgets::new(&BUDGET, found);
        let expected = "encode_ms: expected at most 100, found 100.1; \
                        rss_mib: expected at most 64, found unknown";
        assert_eq!((budgets.ok, budgets.missed().as_str()), (false, expected));
        let nan = Budgets::new(&BUDGET, Found { click_ms: f64::NAN, ..FOUND });
        assert!(nan.missed().contains("click_ms"));
    }
}
