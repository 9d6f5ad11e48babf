//! Which sets are transfer sets.

use crate::EvaluateError;

/// The sets whose names fit one of the patterns, in their order. `*` stands for any characters.
///
/// # Errors
/// [`EvaluateError::NoTransfer`] if a pattern fits none: a misspelt one would leave its sets in the
/// other mean.
pub fn transfer_sets(sets: &[String], patterns: &[String]) -> Result<Vec<String>, EvaluateError> {
    if let Some(pattern) = patterns.iter().find(|p| !sets.iter().any(|set| fits(p, set))) {
        return Err(EvaluateError::NoTransfer { pattern: pattern.clone(), sets: sets.to_vec() });
    }
    Ok(sets.iter().filter(|set| patterns.iter().any(|p| fits(p, set))).cloned().collect())
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    // The first place of each part leaves most for the others.
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, name, expected) in [
            ("a_b", "a_b", true),
            ("a_b", "a_bc", false),
            ("a_*", "a_bc", true),
            ("a_*", "a_", true),
            ("*_c", "a_b_c", true),
            ("a*b*c", "a__b__b_c", true),
            ("a*b*c", "a_c", false),
            // The prefix and the end may not share a character.
            ("ab*bc", "abc", false),
            ("*", "", true),
            ("**x*", "yx", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn each_pattern_has_to_fit_a_set() {
        let sets = ["busi", "new_a", "new_b"].map(String::from);
        let chosen = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            transfer_sets(&sets, &patterns)
        };
        assert_eq!(chosen(&["new_*", "new_a"]).unwrap(), ["new_a", "new_b"]);
        assert!(chosen(&[]).unwrap().is_empty());
        let error = chosen(&["new_*", "old"]).unwrap_err().to_string();
        assert_eq!(error, "--transfer: expected one of busi, new_a, new_b, found `old`");
    }
}
