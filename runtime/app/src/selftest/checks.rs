//! The checks: what was expected and what was found.

use std::fmt::Display;
use uniultra_schema::Check;

/// All checks, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// A measure between 0 and 1 that must reach a limit.
    pub(super) fn at_least(&mut self, name: &str, limit: f32, found: f32) {
        let expected = format!("at least {limit}");
        self.add(name, found >= limit, expected, format!("{found:.4}"));
    }

    /// Two values that must be the same.
    pub(super) fn equal<T: Display + PartialEq>(&mut self, name: &str, expected: &T, found: &T) {
        let ok = expected == found;
        self.add(name, ok, expected.to_string(), found.to_string());
    }

    /// Memory in MiB. If the system does not say how much was used, the check fails.
    pub(super) fn memory(&mut self, name: &str, limit: u32, found: Option<f32>) {
        let ok = found.is_some_and(|found| f64::from(found) <= f64::from(limit));
        let found = found.map_or_else(|| "unknown".to_string(), |mib| format!("{mib:.1}"));
        self.add(name, ok, format!("at most {limit}"), found);
    }

    /// The checks, in order.
    pub(super) fn list(self) -> Vec<Check> {
        self.0
    }

    fn add(&mut self, name: &str, ok: bool, expected: String, found: String) {
        self.0.push(Check { name: name.to_string(), ok, expected, found });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(make: impl FnOnce(&mut Checks)) -> Check {
        let mut checks = Checks::default();
        make(&mut checks);
        checks.list().remove(0)
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
