//! Plots of the page.

use super::{Aggregate, Report};
use crate::NOC_CAP;
use uniultra_report::{Axes, LinePlot, Series};

/// The distribution of Dice, and Dice by the number of clicks where there are any.
pub(super) fn plots_of_prompt(report: &Report, lines: &[&Aggregate]) -> Vec<LinePlot> {
    let dice = Some(distributions(report, lines));
    [dice, clicks(lines), inside(lines)].into_iter().flatten().collect()
}

fn quarters() -> Vec<f64> {
    (0..=4).map(|i| f64::from(i) / 4.0).collect()
}

fn distributions(report: &Report, lines: &[&Aggregate]) -> LinePlot {
    let series = lines.iter().map(|line| {
        let values: Vec<f32> = report.rows_of(line).filter_map(|row| row.dice).collect();
        Series { name: line.model.clone(), points: distribution(&values) }
    });
    let axes = Axes {
        x_label: "Dice".to_string(),
        y_label: "share of images at or below".to_string(),
        x_marks: quarters(),
        y_marks: quarters(),
    };
    LinePlot { title: "Dice of images".to_string(), axes, series: series.collect() }
}

/// The share of values up to each step of 0.01, as a line from 0 to 1: the empirical distribution.
fn distribution(values: &[f32]) -> Vec<[f64; 2]> {
    let count = values.len().max(1) as f64;
    let share = |limit: f64| {
        values.iter().filter(|&&value| f64::from(value) <= limit + 1e-9).count() as f64 / count
    };
    (0..=100).map(|step| f64::from(step) / 100.0).map(|x| [x, share(x)]).collect()
}

fn clicks(lines: &[&Aggregate]) -> Option<LinePlot> {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.clicks.as_ref()?))).collect();
    let most = lines.iter().map(|(_, clicks)| clicks.dice.len()).max()?;
    let series = lines.iter().map(|(line, clicks)| Series {
        name: format!(
            "{}: NoC@85 {:.2}, NoC@90 {:.2} (at most {NOC_CAP})",
            line.model, clicks.noc_85, clicks.noc_90
        ),
        points: (1..).zip(&clicks.dice).map(|(i, &dice)| [f64::from(i), dice]).collect(),
    });
    let axes = Axes {
        x_label: "clicks".to_string(),
        y_label: "mean Dice".to_string(),
        x_marks: (1..=most.max(2)).map(|click| click as f64).collect(),
        y_marks: quarters(),
    };
    let title = "Dice after each click".to_string();
    Some(LinePlot { title, axes, series: series.collect() })
}

fn inside(lines: &[&Aggregate]) -> Option<LinePlot> {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.inside.as_ref()?))).collect();
    let (_, first) = lines.first()?;
    let x_marks = first.clicks.iter().map(|&count| count as f64).collect();
    let series = lines.iter().map(|(line, inside)| Series {
        name: format!("{}: largest fall {:.4}", line.model, inside.largest_fall),
        points: inside.clicks.iter().zip(&inside.dice).map(|(&n, &d)| [n as f64, d]).collect(),
    });
    let axes = Axes {
        x_label: "clicks inside, all at once".to_string(),
        y_label: "mean Dice".to_string(),
        x_marks,
        y_marks: quarters(),
    };
    let title = "Dice by clicks inside".to_string();
    Some(LinePlot { title, axes, series: series.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_rises_to_one() {
        let line = distribution(&[0.0, 0.5, 0.5, 1.0]);
        assert_eq!((line[0], line[49], line[50]), ([0.0, 0.25], [0.49, 0.25], [0.5, 0.75]));
        assert_eq!(line[100], [1.0, 1.0]);
    }
}
