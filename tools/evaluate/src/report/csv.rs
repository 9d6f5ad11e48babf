//! `images.csv`: one row an image, prompt and model.

use super::{Report, Row};

/// Column names. Those of single clicks, `dice_click_1` and on, follow.
const COLUMNS: [&str; 17] = [
    "set",
    "stem",
    "model",
    "precision",
    "prompt",
    "objects",
    "truth_px",
    "prediction_px",
    "dice",
    "iou",
    "hd95_px",
    "hd95_mm",
    "head_circumference_mm",
    "head_circumference_error_mm",
    "object_score",
    "noc_85_sum",
    "noc_90_sum",
];

/// The rows as CSV (RFC 4180); a figure that does not apply is an empty cell.
pub(super) fn csv(report: &Report) -> String {
    let clicks = report.rows.iter().map(|row| row.click_dice.len()).max().unwrap_or_default();
    let mut header: Vec<String> = COLUMNS.map(str::to_string).to_vec();
    header.extend((1..=clicks).map(|click| format!("dice_click_{click}")));
    let mut text = header.join(",");
    text.push('\n');
    for row in &report.rows {
        text.push_str(&line(row, report.precision_of(&row.model), clicks));
        text.push('\n');
    }
    text
}

fn line(row: &Row, precision: &str, clicks: usize) -> String {
    let figure = |value: Option<f32>| value.map_or_else(String::new, |v| format!("{v:.6}"));
    let count = |value: Option<usize>| value.map_or_else(String::new, |v| v.to_string());
    let mut cells: Vec<String> =
        [&row.set, &row.stem, &row.model, precision, &row.prompt].map(quoted).to_vec();
    cells.extend([row.objects, row.truth_px, row.prediction_px].map(|v| v.to_string()));
    cells.extend(
        [
            row.dice,
            row.iou,
            row.hd95_px,
            row.hd95_mm,
            row.head_circumference_mm,
            row.head_circumference_error_mm,
            row.object_score,
        ]
        .map(figure),
    );
    cells.extend([row.noc_85, row.noc_90].map(count));
    cells.extend((0..clicks).map(|click| figure(row.click_dice.get(click).copied())));
    cells.join(",")
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_names_are_quoted() {
        assert_eq!(quoted("plain-1"), "plain-1");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
