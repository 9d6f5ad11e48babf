//! What a report says, section by section.

use super::Comparison;
use super::document::{Block, Table};
use super::figures::signed;
use super::tables::{identity, nodes, sizes, speed, weights};
use crate::summary::LOSSES;
use crate::{Line, Sides, Timing};
use std::collections::BTreeSet;

/// The report's sections.
pub(super) fn contents(comparison: &Comparison) -> Vec<Block<'_>> {
    let mut blocks = vec![Block::Text(summary(comparison))];
    if comparison.one_model {
        let text = "A and B are one model: every difference but that of speed should be zero.";
        blocks.push(Block::Text(text.to_string()));
    }
    blocks.push(Block::Heading("Packs"));
    let packs = &comparison.packs;
    blocks.extend([identity(packs), sizes(packs), weights(packs)].map(Block::Table));
    speed_section(&mut blocks, comparison.timing.as_ref());
    accuracy_section(&mut blocks, &comparison.lines);
    agreement_section(&mut blocks, comparison);
    if !comparison.pictures.is_empty() {
        blocks.push(Block::Heading("Largest disagreements"));
        blocks.push(Block::Pictures(&comparison.pictures));
    }
    blocks.extend([Block::Heading("Nodes"), Block::Table(nodes(packs))]);
    if !comparison.problems.is_empty() {
        blocks.push(Block::Heading("Problems"));
        let problems = comparison.problems.iter();
        blocks.push(Block::List(problems.map(ToString::to_string).collect()));
    }
    blocks
}

/// What was run, in a sentence.
fn summary(comparison: &Comparison) -> String {
    let settings = &comparison.settings;
    let images: BTreeSet<_> =
        comparison.images.iter().map(|pair| (&pair.set, &pair.stem)).collect();
    let source = match settings.phantom_seed {
        Some(seed) => format!("simulated phantoms of seed {seed}"),
        None => format!("images, split `{}`, of {}", settings.split, settings.sets.join(", ")),
    };
    format!(
        "{} {source}; prompts {}; mask choice {}; {}; protocol {}. Differences are B less A.",
        images.len(),
        settings.prompts.join(", "),
        settings.mask_choice,
        comparison.engine,
        comparison.protocol,
    )
}

fn speed_section(blocks: &mut Vec<Block<'_>>, timing: Option<&Timing>) {
    blocks.push(Block::Heading("Speed on this machine"));
    let Some(timing) = timing else {
        blocks.push(Block::Text("Not measured.".to_string()));
        return;
    };
    let Timing { runs, warm_up_runs, cpu, cpu_features, .. } = timing;
    blocks.push(Block::Table(speed(timing)));
    blocks.push(Block::Text(format!(
        "One thread, {runs} runs of each in turn (A, B, A, B) after {warm_up_runs} to warm up. \
         A / B above 1: B is faster. CPU: {cpu}, {}.",
        if cpu_features.is_empty() { "no SIMD".to_string() } else { cpu_features.join(" ") },
    )));
}

fn accuracy_section(blocks: &mut Vec<Block<'_>>, lines: &[Line]) {
    blocks.push(Block::Heading("Accuracy"));
    let mut means = Table::new(
        2,
        &[
            "set",
            "prompt",
            "n",
            "Dice A",
            "Dice B",
            "B - A",
            "IoU A",
            "IoU B",
            "B - A",
            "HD95 A px",
            "HD95 B px",
            "B - A",
        ],
    );
    let mut losses = Table::new(
        3,
        &["set", "prompt", "worst image", "Dice A", "Dice B", "drop", "n", "> 0.01", "> 0.05"],
    );
    for line in lines {
        let (Some(Sides { a, b }), Some(more), Some(lost)) =
            (&line.means, &line.difference, &line.losses)
        else {
            continue;
        };
        let names = || [line.set.clone(), line.prompt.clone()].into_iter();
        let overlap =
            |a: f64, b: f64, more| [format!("{a:.4}"), format!("{b:.4}"), signed(more, 4)];
        let hd95 = [a.hd95_px, b.hd95_px].map(|px| format!("{px:.2}"));
        let cells = [line.images.to_string()]
            .into_iter()
            .chain(overlap(a.dice, b.dice, more.dice))
            .chain(overlap(a.iou, b.iou, more.iou))
            .chain(hd95)
            .chain([signed(more.hd95_px, 2)]);
        means.row(names().chain(cells));
        let worst = match &lost.worst {
            Some(worst) => {
                let figures = [worst.dice.a, worst.dice.b, worst.drop].map(|v| format!("{v:.4}"));
                let [a, b, drop] = figures;
                [worst.stem.clone(), a, b, drop]
            }
            None => ["none loses", "", "", ""].map(str::to_string),
        };
        let counts = [line.images, lost.over_0_01, lost.over_0_05].map(|n| n.to_string());
        losses.row(names().chain(worst).chain(counts));
    }
    if means.rows.is_empty() {
        blocks.push(Block::Text("No image has an object.".to_string()));
        return;
    }
    let [some, much] = LOSSES;
    let text = format!(
        "The image whose Dice drops most from A to B, and how many drop by more than {some} and \
         {much}:"
    );
    blocks.extend([Block::Table(means), Block::Text(text), Block::Table(losses)]);
}

fn agreement_section(blocks: &mut Vec<Block<'_>>, comparison: &Comparison) {
    blocks.push(Block::Heading("Agreement"));
    blocks.push(Block::Text("Dice of A's mask with B's, whatever the truth is:".to_string()));
    let mut table = Table::new(2, &["set", "prompt", "n", "mean", "min", "image of the min"]);
    for line in &comparison.lines {
        let of = &line.agreement;
        let (mean, min) = (format!("{:.4}", of.mean), format!("{:.4}", of.min));
        let names = [line.set.clone(), line.prompt.clone()];
        table.row(names.into_iter().chain([of.images.to_string(), mean, min, of.min_stem.clone()]));
    }
    blocks.push(Block::Table(table));
    let sizes = comparison.packs.map(|pack| pack.image_size_px);
    if sizes.a != sizes.b {
        blocks.push(Block::Text(format!(
            "Embeddings are not compared: their shapes differ, since A takes {} px and B {} px.",
            sizes.a, sizes.b
        )));
        return;
    }
    let text = "Distance of the encoders' `image_embed`, as a share of the larger norm (L2):";
    blocks.push(Block::Text(text.to_string()));
    let mut table = Table::new(1, &["set", "n", "mean", "max", "image of the max"]);
    for line in &comparison.embeddings {
        let figures = [format!("{:.2e}", line.mean), format!("{:.2e}", line.max)];
        let names = [line.set.clone(), line.images.to_string()];
        table.row(names.into_iter().chain(figures).chain([line.max_stem.clone()]));
    }
    blocks.push(Block::Table(table));
}
