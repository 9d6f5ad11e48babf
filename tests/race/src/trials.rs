//! Which form of a network suits a peer best.

use super::agreement::Outputs;
use super::field::{Entrant, Form, Precision};
use super::rounds::Track;
use anyhow::{Context, Result};
use uniultra_checkout::screen;

/// Runs of a trial, of which the fastest counts: encoder and decoder.
const RUNS: [usize; 2] = [5, 10];

/// Forms up to this many times as slow as the fastest are tried again: the machine may have been
/// busy with something else.
const SECOND_TRIAL: f64 = 1.4;

/// Every form that was tried: its label, and the least ms or why it is out.
pub(super) type Trials = Vec<(String, std::result::Result<f64, String>)>;

impl Track<'_> {
    /// The form of one network (0 encoder, 1 decoder) that runs fastest while the other network is
    /// the base's.
    pub(super) fn best(
        &self,
        entrant: &Entrant,
        base: &[Form; 2],
        which: usize,
        forms: &[Form],
        reference: &Outputs,
        trials: &mut Trials,
    ) -> std::result::Result<Form, String> {
        if let [only] = forms {
            return Ok(only.clone());
        }
        let attempt = |form: &Form| {
            let mut pair = base.clone();
            pair[which] = form.clone();
            let outcome = self
                .attempt(entrant, &pair, which, reference)
                .map_err(|error| format!("{error:#}"));
            let said = match &outcome {
                Ok(ms) => format!("{ms:.1} ms"),
                Err(why) => why.clone(),
            };
            let network = ["encoder", "decoder"][which];
            screen::line(&format!("{}: {network} {}: {said}", entrant.name, form.label));
            outcome
        };
        *trials = forms.iter().map(|form| (form.label.clone(), attempt(form))).collect();
        for at in near(trials) {
            let again = attempt(&forms[at]);
            if let (Ok(first), Ok(second)) = (&mut trials[at].1, again) {
                *first = first.min(second);
            }
        }
        let fastest = ranked(trials).first().map(|&(at, _)| forms[at].clone());
        fastest.ok_or_else(|| {
            let why = trials.iter().find_map(|(_, outcome)| outcome.clone().err());
            why.unwrap_or_else(|| "it has no network to run".to_string())
        })
    }

    /// Least time of one network of a pair, ms; an error also where the pair computes something
    /// else.
    fn attempt(
        &self,
        entrant: &Entrant,
        pair: &[Form; 2],
        which: usize,
        reference: &Outputs,
    ) -> Result<f64> {
        let mut lane = self.start("trial", entrant, Some(pair))?;
        lane.load()?;
        let agreement = self.outputs(&mut lane, "trial")?.against(reference)?;
        agreement.check(entrant.precision == Precision::F32)?;
        let ms = match which {
            0 => lane.encode(RUNS[0])?,
            _ => lane.click(RUNS[1])?,
        };
        lane.quit()?;
        ms.into_iter().min_by(f64::total_cmp).context("no trial ran")
    }
}

/// Which forms ran, and their ms, the fastest first.
fn ranked(trials: &Trials) -> Vec<(usize, f64)> {
    let ran = trials.iter().enumerate();
    let mut ran: Vec<_> = ran.filter_map(|(at, (_, ms))| Some((at, *ms.as_ref().ok()?))).collect();
    ran.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    ran
}

/// Forms that may be the fastest: none where only one may.
fn near(trials: &Trials) -> Vec<usize> {
    let ranked = ranked(trials);
    let limit = ranked.first().map_or(0.0, |(_, least)| least * SECOND_TRIAL);
    let near: Vec<_> =
        ranked.into_iter().filter(|(_, ms)| *ms <= limit).map(|(at, _)| at).collect();
    if near.len() > 1 { near } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(list: &[Option<f64>]) -> Trials {
        let outcome = |ms: &Option<f64>| ms.ok_or_else(|| "out".to_string());
        list.iter().map(|ms| (String::new(), outcome(ms))).collect()
    }

    #[test]
    fn the_near_ones_are_tried_again() {
        let found = trials(&[Some(20.0), None, Some(10.0), Some(13.9), Some(14.1)]);
        assert_eq!(near(&found), [2, 3]);
        assert_eq!(ranked(&found)[0], (2, 10.0));
    }

    #[test]
    fn a_clear_winner_is_not() {
        assert_eq!(near(&trials(&[Some(10.0), None, Some(30.0)])), [] as [usize; 0]);
        assert_eq!(near(&trials(&[None])), [] as [usize; 0]);
        assert!(ranked(&trials(&[None])).is_empty());
    }
}
