//! The counts as Markdown and JSON.

use super::super::machine::Machine;
use super::lanes::{Line, Outcome};
use serde_json::{Value, json};
use uniultra_cross::{Counts, Detail, cache_cells, class_cells, class_heads};

/// Everything that was counted.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) machine: &'a Machine,
    pub(super) emulator: String,
    pub(super) detail: Detail,
    pub(super) lines: &'a [Line],
}

const STEPS: [&str; 2] = ["encode", "click"];

impl Table<'_> {
    /// A table of counts for each core, what they are made of, and what ran.
    pub(super) fn markdown(&self) -> String {
        let Machine { commit, date, .. } = self.machine;
        let mut text = format!(
            "{date}, {}, commit {commit}. Millions of instructions of one encode and one click on one \
             thread; a peer in whichever of the exports takes fewer, for each network.\n\n",
            self.emulator
        );
        text += &self.counts();
        text += "\nBy class, millions";
        if self.detail.caches {
            text += "; misses of the modelled caches, millions; traffic of memory, MB";
        }
        text += ".\n\n";
        text += &self.classes();
        text += &self.runners();
        text
    }

    /// The counts of our lane on a core with the fewest instructions, for each step.
    fn rivals(&self, core: &str) -> [Option<u64>; 2] {
        [0, 1].map(|step| {
            let ours = self.lines.iter().filter_map(|line| match &line.outcome {
                Outcome::Ours(counts) if line.core == core => Some(counts[step].instructions),
                _ => None,
            });
            ours.min()
        })
    }

    fn counts(&self) -> String {
        let mut text = String::from(
            "| core | lane | encode | / our best | click | / our best | features | logits | Dice |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for line in self.lines {
            let rivals = self.rivals(&line.core);
            let cells = match &line.outcome {
                Outcome::Ours(counts) => format!("{} |  |  |  |", steps(counts, rivals)),
                Outcome::Peer { counts, agreement, .. } => format!(
                    "{} | {:.0e} | {:.0e} | {:.4} |",
                    steps(counts, rivals),
                    agreement.features,
                    agreement.logits,
                    agreement.dice
                ),
                // A bar would end the cell.
                Outcome::Failed(why) => {
                    format!(" does not run: {}{}", why.replace('|', "/"), " |".repeat(7))
                }
            };
            text += &format!("| {} | {} |{cells}\n", line.core, line.name);
        }
        text
    }

    fn classes(&self) -> String {
        let [heads, rule] = class_heads();
        let caches = self.detail.caches;
        let (more, more_rule) = if caches {
            (" L1 misses | L2 misses | memory |", " ---: | ---: | ---: |")
        } else {
            ("", "")
        };
        let mut text =
            format!("| core, lane, step | all | {heads}{more}\n| --- | ---: |{rule}{more_rule}\n");
        for line in self.lines {
            let Some(counts) = line.outcome.counts() else { continue };
            for (name, step) in STEPS.iter().zip(counts) {
                let mut cells = class_cells(step.instructions, &step.classes);
                if caches {
                    cells += &cache_cells(step);
                }
                text += &format!("| {}, {}, {name} |{cells}\n", line.core, line.name);
            }
        }
        text
    }

    fn runners(&self) -> String {
        let mut text = String::from(
            "\n| core | lane | engine | encoder | decoder | setting |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for Line { core, name, outcome } in self.lines {
            if let Outcome::Peer { forms: [encoder, decoder], engine, setting, .. } = outcome {
                text += &format!(
                    "| {core} | {name} | {engine} | {encoder} | {decoder} | {setting} |\n"
                );
            }
        }
        text
    }

    pub(super) fn as_json(&self) -> Value {
        let Machine { commit, date, .. } = self.machine;
        let lines: Vec<_> = self.lines.iter().map(as_json).collect();
        json!({
            "kind": "uniultra-arm-race", "version": 1, "date": date, "commit": commit,
            "emulator": self.emulator, "caches": self.detail.caches, "lanes": lines,
        })
    }
}

impl Outcome {
    fn counts(&self) -> Option<&[Counts; 2]> {
        match self {
            Self::Ours(counts) | Self::Peer { counts, .. } => Some(counts),
            Self::Failed(_) => None,
        }
    }
}

fn as_json(line: &Line) -> Value {
    let Line { core, name, outcome } = line;
    let mut value = json!({ "core": core, "lane": name });
    if let Some(counts) = outcome.counts() {
        for (name, step) in STEPS.iter().zip(counts) {
            value[*name] = step.as_json();
        }
    }
    match outcome {
        Outcome::Ours(_) => {}
        Outcome::Peer { forms, agreement, engine, setting, .. } => {
            value["forms"] = json!(forms);
            value["engine"] = json!(engine);
            value["setting"] = json!(setting);
            value["relative_error"] = json!({
                "features": agreement.features, "logits": agreement.logits,
                "predicted_iou": agreement.iou,
            });
            value["dice"] = json!(agreement.dice);
        }
        Outcome::Failed(why) => value["error"] = json!(why),
    }
    value
}

/// Cells of both steps: millions, and how many times our best.
fn steps(counts: &[Counts; 2], rivals: [Option<u64>; 2]) -> String {
    let cell = |(step, rival): (&Counts, Option<u64>)| {
        let instructions = step.instructions as f64;
        let ratio =
            rival.map_or(String::new(), |ours| format!("{:.2}", instructions / ours as f64));
        format!("{:.1} | {ratio}", instructions / 1e6)
    };
    let cells: Vec<_> = counts.iter().zip(rivals).map(cell).collect();
    format!(" {}", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::super::super::agreement::Agreement;
    use super::*;

    fn counts(encode: u64, click: u64) -> [Counts; 2] {
        [encode, click].map(|instructions| Counts { instructions, ..Counts::default() })
    }

    #[test]
    fn a_peer_is_compared_with_our_best_on_its_core() {
        let line = |core: &str, name: &str, outcome| Line {
            core: core.into(),
            name: name.into(),
            outcome,
        };
        let agreement = Agreement { features: 1e-3, logits: 2e-3, iou: 0.0, dice: 1.0 };
        let peer = Outcome::Peer {
            counts: counts(6_000_000, 5_000_000),
            forms: ["x".into(), "y".into()],
            agreement,
            engine: "peer 1".into(),
            setting: "s".into(),
        };
        let lines = [
            line("a", "ours f32", Outcome::Ours(counts(4_000_000, 2_000_000))),
            line("a", "ours int8", Outcome::Ours(counts(3_000_000, 2_500_000))),
            line("b", "ours int8", Outcome::Ours(counts(1_000_000, 1_000_000))),
            line("a", "peer f32", peer),
            line("a", "other", Outcome::Failed("no a|b".into())),
        ];
        let machine = Machine {
            cpu: "c".into(),
            cores: 1,
            system: "s".into(),
            commit: "abc".into(),
            date: "2026-01-01".into(),
        };
        let detail = Detail { caches: true, ..Detail::default() };
        let table = Table { machine: &machine, emulator: "q 1".into(), detail, lines: &lines };
        let text = table.markdown();
        for row in [
            "| a | ours f32 | 4.0 | 1.33 | 2.0 | 1.00 |  |  |  |\n",
            "| a | peer f32 | 6.0 | 2.00 | 5.0 | 2.50 | 1e-3 | 2e-3 | 1.0000 |\n",
            "| a | other | does not run: no a/b | | | | | | |\n",
            "| a | peer f32 | peer 1 | x | y | s |\n",
        ] {
            assert!(text.contains(row), "{row}{text}");
        }
        let value = table.as_json();
        assert_eq!(value["lanes"][3]["click"]["instructions"], 5_000_000);
        assert_eq!(value["lanes"][4]["error"], "no a|b");
    }
}
