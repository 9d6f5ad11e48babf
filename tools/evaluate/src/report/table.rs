//! Tables of the report. The first columns are words: prompt, model and its precision.

use super::{Aggregate, Group, InsideSummary, Overview, Report};
use crate::{INSIDE_COUNTS, NOC_CAP, Protocol, Stats};
use uniultra_report::Table;
use uniultra_report::number::{fixed, fixed_or_empty};

/// Heads that tables of figures begin with.
const NAMES: [&str; 3] = ["prompt", "model", "precision"];

/// A line above a table, and the table.
pub(super) type Titled = (String, Table);

/// A table whose rows begin with [`NAMES`].
fn named<H: Into<String>>(heads: impl IntoIterator<Item = H>) -> Table {
    let names = NAMES.map(str::to_string).into_iter();
    Table::new(NAMES.len(), names.chain(heads.into_iter().map(Into::into)))
}

fn titled(title: impl Into<String>, table: Table) -> Option<Titled> {
    (!table.is_empty()).then(|| (title.into(), table))
}

/// The models; with both hashes in full, or the first digits of the encoder's.
pub(super) fn models(report: &Report, in_full: bool) -> Table {
    let heads = ["model", "id", "version", "input", "precision", "encoder sha256"];
    let heads = heads.into_iter().chain(in_full.then_some("decoder sha256"));
    let mut table = Table::new(3, heads).words_in(4).words_in(5).words_in(6);
    for model in &report.models {
        let encoder = model.identity.image_encoder_sha256.chars();
        let digits = if in_full { usize::MAX } else { 16 };
        let mut cells =
            [&model.label, &model.identity.id, &model.identity.version].map(String::clone).to_vec();
        cells.extend([
            format!("{} px", model.identity.image_size),
            model.identity.precision.clone(),
        ]);
        cells.push(encoder.take(digits).collect());
        cells.push(model.identity.mask_decoder_sha256.clone());
        table.row(cells);
    }
    table
}

/// Of one set: how masks overlap with the truth.
pub(super) fn overlap(report: &Report, lines: &[&Aggregate]) -> Table {
    let published = report.settings.protocol == Protocol::Published;
    let mut table = if published {
        let heads =
            ["n", "Dice mean", "IoU mean", "Hausdorff mean px of 1024", "finite", "infinite"];
        named(heads)
    } else {
        named([
            "n",
            "Dice mean",
            "Dice median",
            "Dice p5",
            "IoU mean",
            "HD95 mean px",
            "HD95 mean mm",
            "HC error mean mm",
        ])
    };
    let figure = |stats: Option<Stats>, pick: fn(&Stats) -> f64, decimals: usize| {
        fixed_or_empty(stats.as_ref().map(pick), decimals)
    };
    let mean: fn(&Stats) -> f64 = |stats| stats.mean;
    let count = |stats: Option<Stats>| stats.map_or(0, |stats| stats.n).to_string();
    for line in lines.iter().filter(|line| line.dice.is_some()) {
        let mut cells = names(report, &line.prompt, &line.model);
        cells.extend([count(line.dice), figure(line.dice, mean, 4)]);
        if published {
            cells.extend([figure(line.iou, mean, 4), figure(line.hausdorff_1024_px, mean, 2)]);
            cells.extend([count(line.hausdorff_1024_px), line.hausdorff_infinite.to_string()]);
        } else {
            cells.extend([
                figure(line.dice, |stats| stats.median, 4),
                figure(line.dice, |stats| stats.p5, 4),
                figure(line.iou, mean, 4),
                figure(line.hd95_px, mean, 2),
                figure(line.hd95_mm, mean, 2),
                figure(line.head_circumference_error_mm, mean, 2),
            ]);
        }
        table.row(cells);
    }
    table
}

/// Of one set: clicks, edges, clicks inside, and images without an object.
pub(super) fn tables_of_set(report: &Report, lines: &[&Aggregate]) -> Vec<Titled> {
    let mut edges = named(["perimeter over the truth's", "parts", "holes"]);
    let mut inside = inside_table();
    for line in lines {
        let names = || names(report, &line.prompt, &line.model);
        if let Some(found) = line.edges {
            let ratio = fixed_or_empty(found.perimeter_ratio.map(|stats| stats.mean), 3);
            let parts = format!("{:.2} ({:.2})", found.parts, found.truth_parts);
            let holes = format!("{:.2} ({:.2})", found.holes, found.truth_holes);
            edges.row([names(), vec![ratio, parts, holes]].concat());
        }
        if let Some(found) = &line.inside {
            inside.row([names(), inside_cells(found)].concat());
        }
    }
    let after = format!("Dice after each click; clicks needed for an IoU, at most {NOC_CAP}:");
    [
        titled(after, clicks(report, lines)),
        titled("Edges, means; in brackets those of the truth:", edges),
        titled(INSIDE_TITLE, inside),
        titled("Images without an object, asked about their centre:", empty(report, lines)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn clicks(report: &Report, lines: &[&Aggregate]) -> Table {
    let lines: Vec<_> =
        lines.iter().filter_map(|line| Some((line, line.clicks.as_ref()?))).collect();
    let most = lines.iter().map(|(_, clicks)| clicks.dice.len()).max().unwrap_or(0);
    let heads = ["NoC@85", "NoC@90"].map(str::to_string).into_iter();
    let mut table = named(heads.chain((1..=most).map(|click| click.to_string())));
    for (line, clicks) in lines {
        let needed = [clicks.noc_85, clicks.noc_90].map(|clicks| fixed(clicks, 2)).to_vec();
        let dice = clicks.dice.iter().map(|dice| fixed(*dice, 4)).collect();
        table.row([names(report, &line.prompt, &line.model), needed, dice].concat());
    }
    table
}

fn empty(report: &Report, lines: &[&Aggregate]) -> Table {
    let mut table = named(["n", "false-positive rate of the object score"]);
    // The published protocol leaves such images out.
    let is_own = report.settings.protocol != Protocol::Published;
    for line in lines.iter().filter(|_| is_own) {
        let Some(empty) = line.empty else { continue };
        let rate = empty.false_positive_rate;
        let rate = rate.map_or_else(|| "no object score".to_string(), |rate| fixed(rate, 3));
        let names = names(report, &line.prompt, &line.model);
        table.row([names, vec![empty.n.to_string(), rate]].concat());
    }
    table
}

/// Over all sets, each group with its heading: means, clicks inside, predicted IoU.
pub(super) fn tables_of_groups(report: &Report) -> Vec<(String, Vec<Titled>)> {
    let titled = |group| {
        let mine = report.overviews.iter().filter(|line| line.group == group);
        let lines: Vec<&Overview> = mine.collect();
        let most = lines.iter().map(|line| line.sets).max()?;
        let tables = [means(report, group, &lines), inside(report, &lines), ious(report, &lines)];
        let tables = tables.into_iter().flatten().collect();
        Some((format!("Mean over {most} {group}"), tables))
    };
    [Group::Sets, Group::Transfer].into_iter().filter_map(titled).collect()
}

fn means(report: &Report, group: Group, lines: &[&Overview]) -> Option<Titled> {
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
    let mut table = named(heads.iter().copied());
    for line in lines {
        let [dice, iou] = [line.dice, line.iou].map(|value| fixed(value, 4));
        let rest = if published {
            [fixed_or_empty(line.hausdorff_1024_px, 2), line.hausdorff_infinite.to_string()]
        } else {
            [fixed_or_empty(line.hd95_px, 2), fixed_or_empty(line.perimeter_ratio, 3)]
        };
        let figures = [vec![line.sets.to_string(), dice, iou], rest.to_vec()].concat();
        table.row([names(report, &line.prompt, &line.model), figures].concat());
    }
    titled(title, table)
}

fn inside(report: &Report, lines: &[&Overview]) -> Option<Titled> {
    let mut table = inside_table();
    for line in lines {
        if let Some(found) = &line.inside {
            let names = names(report, &line.prompt, &line.model);
            table.row([names, inside_cells(found)].concat());
        }
    }
    titled(INSIDE_TITLE, table)
}

const INSIDE_TITLE: &str = "Dice by the number of clicks inside the object, all given at once:";

fn inside_table() -> Table {
    let fall = "largest fall against 1".to_string();
    named(INSIDE_COUNTS.iter().map(ToString::to_string).chain([fall]))
}

fn inside_cells(found: &InsideSummary) -> Vec<String> {
    let figures = found.dice.iter().copied().chain([found.largest_fall]);
    figures.map(|value| fixed(value, 4)).collect()
}

fn ious(report: &Report, lines: &[&Overview]) -> Option<Titled> {
    let mut table = named(["objects", "predicted", "reached", "expected calibration error"]);
    for line in lines {
        let Some(found) = &line.calibration else { continue };
        let figures = [found.predicted, found.reached, found.expected_calibration_error];
        let figures = figures.map(|value| fixed(value, 4)).to_vec();
        let names = names(report, &line.prompt, &line.model);
        table.row([names, vec![found.objects.to_string()], figures].concat());
    }
    titled("Predicted IoU against the IoU that each object's mask reached:", table)
}

fn names(report: &Report, prompt: &str, model: &str) -> Vec<String> {
    [prompt, model, report.precision_of(model)].map(ToString::to_string).to_vec()
}
