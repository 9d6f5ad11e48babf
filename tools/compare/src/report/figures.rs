//! Figures as they stand in tables.

/// Bytes with groups of three digits, e.g. `12 345 678`.
pub(super) fn grouped(value: u64) -> String {
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

/// A difference with its sign; nothing but zero is without one.
pub(super) fn signed(value: f64, digits: usize) -> String {
    let text = format!("{value:+.digits$}");
    let is_zero = !text.contains(|c: char| ('1'..='9').contains(&c));
    if is_zero { format!("{:.digits$}", 0.0) } else { text }
}

/// Difference B less A of two counts.
pub(super) fn difference(a: usize, b: usize) -> String {
    match b.cmp(&a) {
        std::cmp::Ordering::Less => format!("-{}", a - b),
        std::cmp::Ordering::Equal => "0".to_string(),
        std::cmp::Ordering::Greater => format!("+{}", b - a),
    }
}

/// A over B, where B is not zero.
pub(super) fn ratio(a: u64, b: u64) -> String {
    if b == 0 { String::new() } else { format!("{:.2}", a as f64 / b as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn signs_are_shown_but_for_zero() {
        assert_eq!(
            [0.5, -0.5, 0.0, -0.0, -0.001].map(|v| signed(v, 2)),
            ["+0.50", "-0.50", "0.00", "0.00", "0.00"]
        );
        assert_eq!([(1, 3), (3, 1), (2, 2)].map(|(a, b)| difference(a, b)), ["+2", "-2", "0"]);
        assert_eq!([ratio(1, 4), ratio(1, 0)], ["0.25", ""]);
    }
}
