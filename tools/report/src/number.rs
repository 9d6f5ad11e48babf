//! Figures as they stand in tables.

use std::cmp::Ordering;

/// A value with that many decimals.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

/// The same of a value that may be absent; an absent one is an empty cell.
#[must_use]
pub fn fixed_or_empty(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| fixed(value, decimals))
}

/// The same; an absent one is `unknown`.
#[must_use]
pub fn fixed_or_unknown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "unknown".to_string(), |value| fixed(value, decimals))
}

/// A difference with its sign; zero has no sign.
#[must_use]
pub fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:+.decimals$}");
    let is_zero = !text.contains(|c: char| ('1'..='9').contains(&c));
    if is_zero { fixed(0.0, decimals) } else { text }
}

/// A share from 0 to 1 in percent.
#[must_use]
pub fn percent(share: f64, decimals: usize) -> String {
    format!("{:.decimals$} %", share * 100.0)
}

/// A value as a power of ten, e.g. `1.25e-3`.
#[must_use]
pub fn scientific(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$e}")
}

/// A count in groups of three digits, e.g. `12 345 678`.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Difference B less A of two counts.
#[must_use]
pub fn difference(a: usize, b: usize) -> String {
    match b.cmp(&a) {
        Ordering::Less => format!("-{}", a - b),
        Ordering::Equal => "0".to_string(),
        Ordering::Greater => format!("+{}", b - a),
    }
}

/// A over B with two decimals; empty where B is zero.
#[must_use]
pub fn ratio(a: u64, b: u64) -> String {
    if b == 0 { String::new() } else { format!("{:.2}", a as f64 / b as f64) }
}

/// The first 12 digits of a hash: enough to tell files apart by eye.
#[must_use]
pub fn short_hash(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn only_zero_has_no_sign() {
        assert_eq!(
            [0.5, -0.5, 0.0, -0.0, -0.001].map(|v| signed(v, 2)),
            ["+0.50", "-0.50", "0.00", "0.00", "0.00"]
        );
        assert_eq!([(1, 3), (3, 1), (2, 2)].map(|(a, b)| difference(a, b)), ["+2", "-2", "0"]);
        assert_eq!([ratio(1, 4), ratio(1, 0)], ["0.25", ""]);
    }

    #[test]
    fn absent_figures_are_said_to_be_absent() {
        assert_eq!([fixed_or_empty(None, 1), fixed_or_unknown(None, 1)], ["", "unknown"]);
        assert_eq!([fixed_or_empty(Some(0.25), 1), percent(0.571, 1)], ["0.2", "57.1 %"]);
    }
}
