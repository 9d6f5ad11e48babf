//! Tables that the Markdown report and the page show alike.

use super::{Aggregate, Group, InsideSummary, Overview, Report};
use crate::markup::{html_text, markdown_cell};
use crate::{INSIDE_COUNTS, Protocol};
use std::fmt::Write;

/// Heads that every table begins with; these columns are text, the others figures.
const NAMES: [&str; 3] = ["prompt", "model", "precision"];

/// A table with a line above it.
pub(super) struct Table {
    title: String,
    /// Heads after [`NAMES`].
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(title: &str, heads: &[&str]) -> Self {
        let heads = heads.iter().map(ToString::to_string).collect();
        Self { title: title.to_string(), heads, rows: Vec::new() }
    }

    /// The table, if it has a row.
    fn unless_empty(self) -> Option<Self> {
        (!self.rows.is_empty()).then_some(self)
    }

    pub(super) fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n{}\n", self.title)?;
        writeln!(text, "| {} | {} |", NAMES.join(" | "), self.heads.join(" | "))?;
        writeln!(text, "| --- | --- | --- |{}", " ---: |".repeat(self.heads.len()))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|text| markdown_cell(text)).collect();
            writeln!(text, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }

    pub(super) fn write_html(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "<p>{}</p>", html_text(&self.title))?;
        let heads = self.heads.join("</th><th>");
        writeln!(text, "<table><tr><th>{}</th><th>{heads}</th></tr>", NAMES.join("</th><th>"))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|text| html_text(text)).collect();
            writeln!(text, "<tr><td>{}</td></tr>", cells.join("</td><td>"))?;
        }
        writeln!(text, "</table>")
    }
}

/// Of one set: edges, and clicks inside.
pub(super) fn of_set(report: &Report, lines: &[&Aggregate]) -> Vec<Table> {
    let mut edges = Table::new(
        "Edges, means; in brackets those of the truth:",
        &["perimeter over the truth's", "parts", "holes"],
    );
    let mut inside = inside_table();
    for line in lines {
        let names = || names(report, &line.prompt, &line.model);
        if let Some(found) = line.edges {
            let ratio = figure(found.perimeter_ratio.map(|stats| stats.mean), 3);
            let parts = format!("{:.2} ({:.2})", found.parts, found.truth_parts);
            let holes = format!("{:.2} ({:.2})", found.holes, found.truth_holes);
            edges.rows.push([names(), vec![ratio, parts, holes]].concat());
        }
        if let Some(found) = &line.inside {
            inside.rows.push([names(), inside_cells(found)].concat());
        }
    }
    [edges, inside].into_iter().filter_map(Table::unless_empty).collect()
}

/// Over all sets, each group with its heading: means, clicks inside, predicted IoU.
pub(super) fn of_groups(report: &Report) -> Vec<(String, Vec<Table>)> {
    let of = |group| {
        let mine = report.overviews.iter().filter(|line| line.group == group);
        let lines: Vec<&Overview> = mine.collect();
        let most = lines.iter().map(|line| line.sets).max()?;
        let tables = [means(report, group, &lines), inside(report, &lines), ious(report, &lines)];
        let tables = tables.into_iter().filter_map(Table::unless_empty).collect();
        Some((format!("Mean over {most} {group}"), tables))
    };
    [Group::Sets, Group::Transfer].into_iter().filter_map(of).collect()
}

fn means(report: &Report, group: Group, lines: &[&Overview]) -> Table {
    let published = report.settings.protocol == Protocol::Published;
    let title = match group {
        Group::Sets => "Every set counts the same:".to_string(),
        Group::Transfer => {
            format!("{}, which are in no other mean:", report.settings.transfer.join(", "))
        }
    };
    let heads: &[&str] = if published {
        &["sets", "Dice", "IoU", "Hausdorff px of 1024", "infinite"]
    } else {
        &["sets", "Dice", "IoU", "HD95 px", "perimeter over the truth's"]
    };
    let mut table = Table::new(&title, heads);
    for line in lines {
        let [dice, iou] = [line.dice, line.iou].map(|value| figure(Some(value), 4));
        let rest = if published {
            [figure(line.hausdorff_1024_px, 2), line.hausdorff_infinite.to_string()]
        } else {
            [figure(line.hd95_px, 2), figure(line.perimeter_ratio, 3)]
        };
        let figures = [vec![line.sets.to_string(), dice, iou], rest.to_vec()].concat();
        table.rows.push([names(report, &line.prompt, &line.model), figures].concat());
    }
    table
}

fn inside(report: &Report, lines: &[&Overview]) -> Table {
    let mut table = inside_table();
    for line in lines {
        if let Some(found) = &line.inside {
            let names = names(report, &line.prompt, &line.model);
            table.rows.push([names, inside_cells(found)].concat());
        }
    }
    table
}

fn inside_table() -> Table {
    let mut table =
        Table::new("Dice by the number of clicks inside the object, all given at once:", &[]);
    table.heads.extend(INSIDE_COUNTS.iter().map(ToString::to_string));
    table.heads.push("largest fall against 1".to_string());
    table
}

fn inside_cells(found: &InsideSummary) -> Vec<String> {
    let figures = found.dice.iter().copied().chain([found.largest_fall]);
    figures.map(|value| figure(Some(value), 4)).collect()
}

fn ious(report: &Report, lines: &[&Overview]) -> Table {
    let mut table = Table::new(
        "Predicted IoU against the IoU that each object's mask reached:",
        &["objects", "predicted", "reached", "expected calibration error"],
    );
    for line in lines {
        let Some(found) = &line.calibration else { continue };
        let figures = [found.predicted, found.reached, found.expected_calibration_error];
        let figures = figures.map(|value| figure(Some(value), 4)).to_vec();
        let names = names(report, &line.prompt, &line.model);
        table.rows.push([names, vec![found.objects.to_string()], figures].concat());
    }
    table
}

fn names(report: &Report, prompt: &str, model: &str) -> Vec<String> {
    [prompt, model, report.precision_of(model)].map(ToString::to_string).to_vec()
}

/// A figure with that many digits; an absent one is an empty cell.
fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}
