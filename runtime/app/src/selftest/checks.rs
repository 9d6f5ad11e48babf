//! The checks: what was expected and what was found.

use serde::Serialize;
use std::fmt::Display;

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    /// A stable name for programs.
    pub(super) name: &'static str,
    /// Whether it passed.
    pub(super) ok: bool,
    /// What was expected.
    pub(super) expected: String,
    /// What was found.
    pub(super) found: String,
}

/// All checks, in order.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// A measure between 0 and 1 that must reach a limit.
    pub(super) fn at_least(&mut self, name: &'static str, limit: f32, found: f32) {
        let expected = format!("at least {limit}");
        self.0.push(Check { name, ok: found >= limit, expected, found: format!("{found:.4}") });
    }

    /// Two values that must be the same.
    pub(super) fn equal<T: Display + PartialEq>(
        &mut self,
        name: &'static str,
        expected: &T,
        found: &T,
    ) {
        let ok = expected == found;
        self.0.push(Check { name, ok, expected: expected.to_string(), found: found.to_string() });
    }

    /// Memory in MiB. If the system does not say how much was used, the check fails.
    pub(super) fn memory(&mut self, name: &'static str, limit: u32, found: Option<f32>) {
        let ok = found.is_some_and(|found| f64::from(found) <= f64::from(limit));
        let found = found.map_or_else(|| "unknown".to_string(), |mib| format!("{mib:.1}"));
        self.0.push(Check { name, ok, expected: format!("at most {limit}"), found });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Check> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(make: impl FnOnce(&mut Checks)) -> Check {
        let mut checks = Checks::default();
        make(&mut checks);
        checks.iter().next().unwrap().clone()
    }

    #[test]
    fn limits_themselves_pass() {
        assert!(one(|c| c.at_least("a", 0.9, 0.9)).ok);
        assert!(one(|c| c.memory("a", 48, Some(48.0))).ok);
        assert!(one(|c| c.equal("a", &1, &1)).ok);
    }

    #[test]
    fn beyond_them_nothing_does_and_both_sides_are_named() {
        let low = one(|c| c.at_least("dice", 0.9, 0.89));
        assert_eq!((low.ok, low.found.as_str()), (false, "0.8900"));
        assert_eq!(low.expected, "at least 0.9");
        assert!(!one(|c| c.at_least("a", 0.9, f32::NAN)).ok);
        assert!(!one(|c| c.memory("a", 48, Some(48.1))).ok);
        let unknown = one(|c| c.memory("a", 48, None));
        assert_eq!((unknown.ok, unknown.found.as_str()), (false, "unknown"));
        let unequal = one(|c| c.equal("a", &"x", &"y"));
        assert_eq!((unequal.ok, unequal.expected, unequal.found), (false, "x".into(), "y".into()));
    }
}
