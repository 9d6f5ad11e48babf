//! `images.csv`: one row an image, prompt and model.

use super::{Report, Row};
use crate::{INSIDE_COUNTS, IouPair};
use uniultra_report::{ReportError, csv_text};

/// Column names; an infinite distance is `inf`, `predicted_iou` and `object_iou` are means over objects. Those of single clicks, `dice_click_1` and on, follow,
/// and of clicks inside, `dice_inside_1`, `dice_inside_3` and on.
const COLUMNS: [&str; 28] = [
    "protocol",
    "set",
    "stem",
    "model",
    "precision",
    "prompt",
    "objects",
    "truth_px",
    "prediction_px",
    "truth_mm2",
    "prediction_mm2",
    "dice",
    "iou",
    "hd95_px",
    "hd95_mm",
    "hausdorff_1024_px",
    "perimeter_ratio",
    "parts",
    "truth_parts",
    "holes",
    "truth_holes",
    "head_circumference_mm",
    "head_circumference_error_mm",
    "predicted_iou",
    "object_iou",
    "object_score",
    "noc_85_sum",
    "noc_90_sum",
];

/// The rows as CSV (RFC 4180); a figure that does not apply is an empty cell.
///
/// # Errors
/// [`ReportError::Csv`] never, since rows are as wide as the header.
pub(super) fn csv(report: &Report) -> Result<String, ReportError> {
    let clicks = report.rows.iter().map(|row| row.click_dice.len()).max().unwrap_or_default();
    let any_inside = report.rows.iter().any(|row| !row.inside_dice.is_empty());
    let inside = if any_inside { INSIDE_COUNTS.as_slice() } else { &[] };
    let mut header: Vec<String> = COLUMNS.map(str::to_string).to_vec();
    header.extend((1..=clicks).map(|click| format!("dice_click_{click}")));
    header.extend(inside.iter().map(|count| format!("dice_inside_{count}")));
    csv_text(&header, report.rows.iter().map(|row| line(report, row, clicks, inside.len())))
}

fn line(report: &Report, row: &Row, clicks: usize, inside: usize) -> Vec<String> {
    let protocol = report.settings.protocol.name();
    let precision = report.precision_of(&row.model);
    let figure = |value: Option<f32>| value.map_or_else(String::new, |v| format!("{v:.6}"));
    let count = |value: Option<usize>| value.map_or_else(String::new, |v| v.to_string());
    let mut cells: Vec<String> =
        [protocol, &row.set, &row.stem, &row.model, precision, &row.prompt]
            .map(str::to_string)
            .to_vec();
    cells.extend([row.objects, row.truth_px, row.prediction_px].map(|v| v.to_string()));
    cells.extend([row.truth_mm2, row.prediction_mm2].map(figure));
    cells.extend([row.dice, row.iou, row.hd95_px, row.hd95_mm].map(figure));
    let infinite = row.hausdorff_infinite.then(|| "inf".to_string());
    cells.push(infinite.unwrap_or_else(|| figure(row.hausdorff_1024_px)));
    cells.push(figure(row.edges.and_then(|edges| edges.perimeter_ratio)));
    let edges = row.edges.map(|e| [e.parts, e.truth_parts, e.holes, e.truth_holes].map(Some));
    cells.extend(edges.unwrap_or_default().map(count));
    cells.extend(
        [
            row.head_circumference_mm,
            row.head_circumference_error_mm,
            mean(row, |pair| pair.predicted),
            mean(row, |pair| pair.reached),
            row.object_score,
        ]
        .map(figure),
    );
    cells.extend([row.noc_85, row.noc_90].map(count));
    cells.extend((0..clicks).map(|click| figure(row.click_dice.get(click).copied())));
    cells.extend((0..inside).map(|place| figure(row.inside_dice.get(place).copied())));
    cells
}

/// Mean over the objects of an image.
fn mean(row: &Row, of: fn(&IouPair) -> f32) -> Option<f32> {
    let sum: f32 = row.iou_pairs.iter().map(of).sum();
    (!row.iou_pairs.is_empty()).then(|| sum / row.iou_pairs.len() as f32)
}
