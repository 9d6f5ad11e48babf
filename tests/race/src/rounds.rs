//! The race itself: every entrant is admitted with its best forms, then all lanes take turns.

use super::agreement::{Agreement, Outputs};
use super::field::{Entrant, Form, Precision, Runner};
use super::figures::Times;
use super::files::{Files, PEERS};
use super::lane::{Lane, Loaded};
use super::trials::Trials;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

/// How long the race goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) threads: usize,
    pub(super) rounds: usize,
    /// Timed runs of a turn, encoder and decoder; one more before them is not timed.
    pub(super) runs: [usize; 2],
}

/// Where and with what lanes run.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) python: &'a Path,
    pub(super) files: &'a Files,
    /// Folder for logs and outputs.
    pub(super) folder: PathBuf,
    pub(super) plan: Plan,
}

/// What came of one entrant.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) loaded: Loaded,
    /// What the encoder and the decoder ran.
    pub(super) forms: [String; 2],
    pub(super) agreement: Agreement,
    pub(super) encoder: Times,
    pub(super) decoder: Times,
    pub(super) peak_mib: Option<f64>,
}

/// An entrant's line: how it finished, or the one line of why it did not.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) entrant: Entrant,
    pub(super) outcome: std::result::Result<Finish, String>,
    /// Trials of the encoder's and the decoder's forms; empty where there was no choice.
    pub(super) trials: [Trials; 2],
}

/// A lane on the track.
struct Racer {
    lane: Lane,
    finish: Finish,
}

impl Track<'_> {
    /// The reference's outputs: ONNX Runtime in f32 on the simplified export.
    pub(super) fn reference(&self, entrant: &Entrant) -> Result<Outputs> {
        let mut lane = self.start("reference", entrant, None)?;
        lane.load()?;
        self.outputs(&mut lane, "reference")
    }

    /// Tries every form, then races.
    pub(super) fn race(&self, field: Vec<Entrant>, reference: &Outputs) -> Vec<Line> {
        let base = |engine: &str| {
            field.iter().find_map(|entrant| match &entrant.runner {
                Runner::Peer { engine: other, encoders, decoders } if *other == engine => {
                    Some([encoders.first()?.clone(), decoders.first()?.clone()])
                }
                _ => None,
            })
        };
        let mut lines = Vec::new();
        let mut racers = Vec::new();
        for entrant in &field {
            let (racer, trials) = self.admit(entrant, &base, reference);
            if let Err(why) = &racer {
                screen::line(&format!("{}: {why}", entrant.name));
            }
            racers.push(racer);
            lines.push((entrant.clone(), trials));
        }
        for round in 1..=self.plan.rounds {
            screen::line(&format!("round {round} of {}", self.plan.rounds));
            for racer in &mut racers {
                let outcome = racer.as_mut().ok().map(|racer| racer.turn(self.plan.runs));
                if let Some(Err(error)) = outcome {
                    *racer = Err(format!("round {round}: {error:#}"));
                }
            }
        }
        let ended = racers.into_iter().map(|racer| {
            racer.and_then(|Racer { lane, mut finish }| match lane.quit() {
                Ok(peak_mib) => {
                    finish.peak_mib = peak_mib;
                    Ok(finish)
                }
                Err(error) => Err(format!("at its end: {error:#}")),
            })
        });
        lines
            .into_iter()
            .zip(ended)
            .map(|((entrant, trials), outcome)| Line { entrant, outcome, trials })
            .collect()
    }

    /// Finds the entrant's best forms, loads and warms it, and checks what it computes.
    fn admit(
        &self,
        entrant: &Entrant,
        base: &impl Fn(&str) -> Option<[Form; 2]>,
        reference: &Outputs,
    ) -> (std::result::Result<Racer, String>, [Trials; 2]) {
        if let Some(why) = &entrant.unfit {
            return (Err(why.clone()), Default::default());
        }
        let mut trials: [Trials; 2] = Default::default();
        let chosen = match &entrant.runner {
            Runner::Ours { .. } => None,
            Runner::Peer { engine, encoders, decoders } => {
                let Some(base) = base(engine) else {
                    return (Err("it has no network to run".to_string()), trials);
                };
                let mut chosen = base.clone();
                for (which, forms) in [encoders, decoders].into_iter().enumerate() {
                    match self.best(entrant, &base, which, forms, reference, &mut trials[which]) {
                        Ok(form) => chosen[which] = form,
                        Err(why) => return (Err(why), trials),
                    }
                }
                Some(chosen)
            }
        };
        let racer = self.line_up(entrant, chosen, reference).map_err(|error| format!("{error:#}"));
        (racer, trials)
    }

    fn line_up(
        &self,
        entrant: &Entrant,
        chosen: Option<[Form; 2]>,
        reference: &Outputs,
    ) -> Result<Racer> {
        let mut lane = self.start(&entrant.name, entrant, chosen.as_ref())?;
        let loaded = lane.load()?;
        let agreement = self.outputs(&mut lane, &entrant.name)?.against(reference)?;
        agreement.check(entrant.precision == Precision::F32)?;
        let forms = match (chosen, &entrant.runner) {
            (Some(forms), _) => forms.map(|form| form.label),
            (None, Runner::Ours { pack }) => {
                let pack = self.workspace.shown(pack).to_string();
                [pack.clone(), pack]
            }
            (None, Runner::Peer { .. }) => Default::default(),
        };
        let (encoder, decoder) = (Times::default(), Times::default());
        let finish = Finish { loaded, forms, agreement, encoder, decoder, peak_mib: None };
        Ok(Racer { lane, finish })
    }

    /// Runs both networks once, which also warms them.
    pub(super) fn outputs(&self, lane: &mut Lane, name: &str) -> Result<Outputs> {
        lane.encode(1)?;
        lane.click(1)?;
        lane.outputs(&self.folder.join("outputs").join(name.replace(' ', "-")))
    }

    /// A lane with the chosen forms, or with the entrant's first ones.
    pub(super) fn start(
        &self,
        name: &str,
        entrant: &Entrant,
        chosen: Option<&[Form; 2]>,
    ) -> Result<Lane> {
        let mut command = match &entrant.runner {
            Runner::Ours { pack } => {
                let mut command = Command::new(&self.files.lane);
                command.arg("--pack").arg(pack);
                command
            }
            Runner::Peer { engine, encoders, decoders } => {
                let first = [encoders.first(), decoders.first()];
                let [encoder, decoder] = match chosen {
                    Some([encoder, decoder]) => [Some(encoder), Some(decoder)],
                    None => first,
                };
                let mut command = Command::new(self.python);
                command.arg("-B").arg(format!("{PEERS}/lane.py")).args(["--engine", engine]);
                for (network, form) in [("encoder", encoder), ("decoder", decoder)] {
                    let form = form.context("it has no network to run")?;
                    command.arg(format!("--{network}")).arg(&form.file);
                    command.args([format!("--{network}-precision").as_str(), form.precision]);
                }
                command
            }
        };
        command.current_dir(&self.workspace.root).arg("--inputs").arg(&self.files.inputs);
        command.args(["--threads", &self.plan.threads.to_string()]);
        let logs = self.folder.join("logs");
        std::fs::create_dir_all(&logs)
            .with_context(|| format!("cannot make {}", logs.display()))?;
        Lane::start(&mut command, logs.join(format!("{}.txt", name.replace(' ', "-"))))
    }
}

impl Racer {
    /// One turn: what the others left in the caches is run off first.
    fn turn(&mut self, runs: [usize; 2]) -> Result<()> {
        self.lane.encode(1)?;
        self.finish.encoder.0.push(self.lane.encode(runs[0])?);
        self.lane.click(1)?;
        self.finish.decoder.0.push(self.lane.click(runs[1])?);
        Ok(())
    }
}
