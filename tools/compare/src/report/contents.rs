//! What the report says to people, section by section.

use super::Comparison;
use super::tables::{identity, nodes, sizes, speed, weights};
use crate::picture::{A_ONLY, B_ONLY, BOTH};
use crate::summary::LOSSES;
use crate::{Line, Picture, Sides, Timing};
use std::collections::BTreeSet;
use uniultra_evaluate::{PROMPT, TRUTH};
use uniultra_report::number::{fixed, fixed_or_empty, scientific, signed};
use uniultra_report::{Document, Gallery, LegendColor, Table, Text};

/// The report as a document; pictures are named in a table where they cannot be shown.
#[must_use]
pub fn document(comparison: &Comparison) -> Document {
    let mut document = Document::new("Comparison of two model packs");
    document.paragraph(summary(comparison));
    if comparison.one_model {
        let text = "A and B are one model: every difference but that of speed should be zero.";
        document.paragraph(text);
    }
    document.section("Packs");
    let packs = &comparison.packs;
    for table in [identity(packs), sizes(packs), weights(packs)] {
        document.table(table);
    }
    add_speed(&mut document, comparison.timing.as_ref());
    add_accuracy(&mut document, &comparison.lines);
    add_agreement(&mut document, comparison);
    if !comparison.pictures.is_empty() {
        document.section("Largest disagreements");
        document.gallery(gallery(&comparison.pictures));
    }
    document.section("Nodes");
    document.table(nodes(packs));
    if !comparison.problems.is_empty() {
        document.section("Problems");
        document.list(comparison.problems.iter().map(ToString::to_string));
    }
    document
}

/// What was run, in a sentence.
fn summary(comparison: &Comparison) -> Text {
    let settings = &comparison.settings;
    let images: BTreeSet<_> =
        comparison.images.iter().map(|pair| (&pair.set, &pair.stem)).collect();
    let count = images.len();
    let text = match settings.phantom_seed {
        Some(seed) => Text::from(format!("{count} simulated phantoms of seed {seed}")),
        None => Text::from(format!("{count} images, split "))
            .code(settings.split.to_string())
            .plain(format!(", of {}", settings.sets.join(", "))),
    };
    text.plain(format!(
        "; prompts {}; mask choice {}; {}; protocol {}. Differences are B less A.",
        settings.prompts.join(", "),
        settings.mask_choice,
        comparison.engine,
        comparison.protocol,
    ))
}

fn add_speed(document: &mut Document, timing: Option<&Timing>) {
    document.section("Speed on this machine");
    let Some(timing) = timing else {
        document.paragraph("Not measured.");
        return;
    };
    let Timing { runs, warm_up_runs, cpu, cpu_features, .. } = timing;
    document.table(speed(timing));
    document.paragraph(format!(
        "One thread, {runs} runs of each in turn (A, B, A, B) after {warm_up_runs} to warm up. \
         A / B above 1: B is faster. CPU: {cpu}, {}.",
        if cpu_features.is_empty() { "no SIMD".to_string() } else { cpu_features.join(" ") },
    ));
}

fn add_accuracy(document: &mut Document, lines: &[Line]) {
    document.section("Accuracy");
    let mut means = Table::new(
        2,
        [
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
        ["set", "prompt", "worst image", "Dice A", "Dice B", "drop", "n", "> 0.01", "> 0.05"],
    );
    for line in lines {
        let (Some(Sides { a, b }), Some(more), Some(lost)) =
            (&line.means, &line.difference, &line.losses)
        else {
            continue;
        };
        let names = || [line.set.clone(), line.prompt.clone()].into_iter();
        let overlap = |a: f64, b: f64, more| [fixed(a, 4), fixed(b, 4), signed(more, 4)];
        let hd95 = [a.hd95_px, b.hd95_px].map(|px| fixed(px, 2));
        let cells = [line.images.to_string()]
            .into_iter()
            .chain(overlap(a.dice, b.dice, more.dice))
            .chain(overlap(a.iou, b.iou, more.iou))
            .chain(hd95)
            .chain([signed(more.hd95_px, 2)]);
        means.row(names().chain(cells));
        let worst = match &lost.worst {
            Some(worst) => {
                let figures =
                    [worst.dice.a, worst.dice.b, worst.drop].map(|dice| fixed(dice.into(), 4));
                let [a, b, drop] = figures;
                [worst.stem.clone(), a, b, drop]
            }
            None => ["none loses", "", "", ""].map(str::to_string),
        };
        let counts = [line.images, lost.over_0_01, lost.over_0_05].map(|n| n.to_string());
        losses.row(names().chain(worst).chain(counts));
    }
    if means.is_empty() {
        document.paragraph("No image has an object.");
        return;
    }
    let [some, much] = LOSSES;
    let text = format!(
        "The image whose Dice drops most from A to B, and how many drop by more than {some} and \
         {much}:"
    );
    document.table(means);
    document.paragraph(text);
    document.table(losses);
}

fn add_agreement(document: &mut Document, comparison: &Comparison) {
    document.section("Agreement");
    document.paragraph("Dice of A's mask with B's, whatever the truth is:");
    let heads = ["set", "prompt", "n", "mean", "min", "image of the min"];
    let mut table = Table::new(2, heads).words_in(5);
    for line in &comparison.lines {
        let of = &line.agreement;
        let (mean, min) = (fixed(of.mean, 4), fixed(of.min.into(), 4));
        let names = [line.set.clone(), line.prompt.clone()];
        table.row(names.into_iter().chain([of.images.to_string(), mean, min, of.min_stem.clone()]));
    }
    document.table(table);
    let sizes = comparison.packs.map(|pack| pack.model.image_size);
    if sizes.a != sizes.b {
        document.paragraph(format!(
            "Embeddings are not compared: their shapes differ, since A takes {} px and B {} px.",
            sizes.a, sizes.b
        ));
        return;
    }
    let text = Text::from("Distance of the encoders' ").code("image_embed");
    document.paragraph(text.plain(", as a share of the larger norm (L2):"));
    let mut table = Table::new(1, ["set", "n", "mean", "max", "image of the max"]).words_in(4);
    for line in &comparison.embeddings {
        let figures = [line.mean, f64::from(line.max)].map(|distance| scientific(distance, 2));
        let names = [line.set.clone(), line.images.to_string()];
        table.row(names.into_iter().chain(figures).chain([line.max_stem.clone()]));
    }
    document.table(table);
}

fn gallery(pictures: &[Picture]) -> Gallery {
    let legend = [
        (A_ONLY, "A only"),
        (B_ONLY, "B only"),
        (BOTH, "both"),
        (TRUTH, "outline of the truth"),
        (PROMPT, "prompt"),
    ];
    let shown = pictures.iter().map(|picture| uniultra_report::Picture {
        path: picture.path.clone(),
        caption: caption(picture),
    });
    Gallery {
        legend: legend.map(|(rgb, name)| LegendColor { rgb, name }).to_vec(),
        pictures: shown.collect(),
        in_words: Some(in_words(pictures)),
    }
}

fn caption(picture: &Picture) -> String {
    let Picture { set, prompt, stem, agreement, dice, .. } = picture;
    let dice = match (dice.a, dice.b) {
        (Some(a), Some(b)) => format!("; Dice A {a:.3}, B {b:.3}"),
        _ => String::new(),
    };
    format!("{set}/{stem}, {prompt}: agreement {agreement:.3}{dice}")
}

fn in_words(pictures: &[Picture]) -> Table {
    let heads = ["set", "prompt", "image", "picture", "agreement", "Dice A", "Dice B"];
    let mut table = Table::new(4, heads);
    for Picture { set, prompt, stem, path, agreement, dice } in pictures {
        let names = [set, prompt, stem, path].map(String::clone).into_iter();
        let dice = [dice.a, dice.b].map(|dice| fixed_or_empty(dice.map(f64::from), 4));
        table.row(names.chain([fixed(f64::from(*agreement), 4)]).chain(dice));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_with_its_figures() {
        let picture = |b| Picture {
            set: "s".to_string(),
            stem: "50%".to_string(),
            prompt: "box".to_string(),
            agreement: 0.5,
            dice: Sides { a: Some(0.75), b },
            path: "overlays/s/box/50%.png".to_string(),
        };
        let known = gallery(&[picture(Some(0.25))]);
        let expected = "s/50%, box: agreement 0.500; Dice A 0.750, B 0.250";
        assert_eq!(known.pictures[0].caption, expected);
        assert_eq!(gallery(&[picture(None)]).pictures[0].caption, "s/50%, box: agreement 0.500");
        let row = known.in_words.map(|table| table.rows()[0].clone()).unwrap();
        let row: Vec<String> = row.iter().map(Text::characters).collect();
        assert_eq!(row[3..], ["overlays/s/box/50%.png", "0.5000", "0.7500", "0.2500"]);
    }
}
