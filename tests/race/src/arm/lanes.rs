//! A peer's lane under the counting emulator.

use super::super::agreement::{Agreement, Outputs};
use super::super::field::Form;
use super::super::files::{Files, PEERS};
use super::super::lane::Lane;
use super::field::Peer;
use super::system::System;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;
use uniultra_cross::{Counter, Counts, Detail, Shipped, noted};

/// The file descriptor that `lane.py` answers on.
const ANSWERS: u32 = 100;

/// Where and with what lanes run.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) counter: &'a Counter,
    pub(super) system: &'a System,
    pub(super) files: &'a Files,
    /// Folder for notes, logs and outputs.
    pub(super) folder: PathBuf,
    pub(super) detail: Detail,
    pub(super) reference: &'a Outputs,
}

/// What became of a lane: the counts of an encode and of a click.
#[derive(Debug)]
pub(super) enum Outcome {
    Ours([Counts; 2]),
    Peer {
        counts: [Counts; 2],
        forms: [String; 2],
        agreement: Agreement,
        engine: String,
        setting: String,
    },
    /// One line of why.
    Failed(String),
}

/// A line of the table.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) core: String,
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// One form's run.
struct Run {
    counts: [Counts; 2],
    agreement: Agreement,
    engine: String,
    setting: String,
}

impl Line {
    pub(super) fn ours(shipped: Shipped) -> Self {
        let Shipped { core, precision, encode, click } = shipped;
        let name = format!("ours {precision}");
        Self { core, name, outcome: Outcome::Ours([encode, click]) }
    }
}

impl Track<'_> {
    /// Counts a peer on a core, in each of its forms.
    pub(super) fn line(&self, core: &str, peer: &Peer) -> Line {
        let outcome = match &peer.unfit {
            Some(why) => Outcome::Failed(why.clone()),
            None => self.best(core, peer),
        };
        if let Outcome::Failed(why) = &outcome {
            screen::line(&format!("{core}, {}: {why}", peer.name));
        }
        Line { core: core.to_string(), name: peer.name.to_string(), outcome }
    }

    /// Each network in the form that takes the fewest instructions.
    fn best(&self, core: &str, peer: &Peer) -> Outcome {
        let mut best: Option<(Run, [String; 2])> = None;
        let mut failed = "it has no network to run".to_string();
        for [encoder, decoder] in &peer.forms {
            let run = match self.run(core, peer, [encoder, decoder]) {
                Ok(run) => run,
                Err(error) => {
                    failed = format!("{error:#}");
                    screen::line(&format!("{core}, {}, {}: {failed}", peer.name, encoder.label));
                    continue;
                }
            };
            let [encode, click] = [0, 1].map(|i| run.counts[i].instructions as f64 / 1e6);
            screen::line(&format!(
                "{core}, {}, {}: {encode:.1} M instructions an encode, {click:.1} M a click",
                peer.name, encoder.label
            ));
            let labels = [encoder.label.clone(), decoder.label.clone()];
            let Some((kept, forms)) = &mut best else {
                best = Some((run, labels));
                continue;
            };
            for (which, label) in labels.into_iter().enumerate() {
                if run.counts[which].instructions < kept.counts[which].instructions {
                    kept.counts[which] = run.counts[which].clone();
                    forms[which] = label;
                }
            }
            kept.agreement = worse(kept.agreement, run.agreement);
        }
        let Some((Run { counts, agreement, engine, setting }, forms)) = best else {
            return Outcome::Failed(failed);
        };
        Outcome::Peer { counts, forms, agreement, engine, setting }
    }

    fn run(&self, core: &str, peer: &Peer, [encoder, decoder]: [&Form; 2]) -> Result<Run> {
        let name = format!("{core}-{}-{}", peer.name.replace(' ', "-"), encoder.label);
        let folder = std::path::absolute(&self.folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        uniultra_cross::dress(&self.system.root, core)?;
        let notes = folder.join(format!("{name}.notes"));
        let noting = (self.detail, notes.as_path(), ANSWERS);
        let mut command = self.counter.command(self.workspace, core, &self.system.root, noting)?;
        command.arg(&self.system.python).arg("-B").arg(format!("{PEERS}/lane.py"));
        command.args(["--engine", peer.engine, "--threads", "1"]);
        for (network, form) in [("encoder", encoder), ("decoder", decoder)] {
            command.arg(format!("--{network}")).arg(std::path::absolute(&form.file)?);
            command.args([format!("--{network}-precision").as_str(), form.precision]);
        }
        command.arg("--inputs").arg(std::path::absolute(&self.files.inputs)?);
        command.env("PYTHONPATH", &self.system.wheels);
        let mut lane = Lane::start(&mut command, folder.join(format!("{name}.txt")))?;
        let loaded = lane.load()?;
        // The first run makes the buffers; a question for none is what a question costs.
        for runs in [1, 0, 1] {
            lane.encode(runs)?;
        }
        for runs in [1, 0, 1] {
            lane.click(runs)?;
        }
        let agreement =
            lane.outputs(&folder.join("outputs").join(&name))?.against(self.reference)?;
        agreement.check(peer.is_f32)?;
        lane.finish()?;
        Ok(Run {
            counts: counts(&notes)?,
            agreement,
            engine: loaded.engine,
            setting: loaded.setting,
        })
    }
}

/// An encode's and a click's counts from the notes of a lane.
fn counts(notes: &Path) -> Result<[Counts; 2]> {
    let notes = noted(notes)?;
    // Loaded; three of each; outputs; the end.
    ensure!(notes.len() == 9, "expected 9 answers of the lane, found {}", notes.len());
    let step = |first: usize| -> Result<Counts> {
        let question = notes[first + 1].counts.since(&notes[first].counts)?;
        let answered = notes[first + 2].counts.since(&notes[first + 1].counts)?;
        answered.since(&question).context("expected a run to cost more than none")
    };
    Ok([step(1)?, step(4)?])
}

/// The larger errors of two.
fn worse(a: Agreement, b: Agreement) -> Agreement {
    Agreement {
        features: a.features.max(b.features),
        logits: a.logits.max(b.logits),
        iou: a.iou.max(b.iou),
        dice: a.dice.min(b.dice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_run_less_the_question() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = |all: u64| format!("note {all}{}\n", " 0".repeat(14));
        let text: String = [100, 200, 210, 260, 300, 305, 325, 330, 340].map(line).concat();
        std::fs::write(file.path(), &text).unwrap();
        let found = counts(file.path()).unwrap().map(|counts| counts.instructions);
        assert_eq!(found, [40, 15]);
        std::fs::write(file.path(), line(1)).unwrap();
        assert!(counts(file.path()).unwrap_err().to_string().contains("found 1"));
    }
}
