//! The results as Markdown.

use super::agreement::Agreement;
use super::field::{OURS, Precision, name};
use super::figures::Times;
use super::machine::Machine;
use super::rounds::{Finish, Line, Plan};

/// Everything that a race found.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) size: u32,
    pub(super) quick: bool,
    pub(super) plan: Plan,
    pub(super) machine: Machine,
    pub(super) lines: Vec<Line>,
}

impl Results {
    /// How our runtime finished in one precision.
    pub(super) fn ours(&self, precision: Precision) -> Option<&Finish> {
        let wanted = name(OURS, precision);
        let line = self.lines.iter().find(|line| line.entrant.name == wanted)?;
        line.outcome.as_ref().ok()
    }

    /// `512 px, 1 thread`.
    pub(super) fn title(&self) -> String {
        let Plan { threads, .. } = self.plan;
        let plural = if threads == 1 { "thread" } else { "threads" };
        format!("{} px, {threads} {plural}", self.size)
    }

    /// Both tables, and what they were measured on.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        for part in [self.conditions(), self.times(), self.runners()] {
            text += &part;
            text.push('\n');
        }
        text
    }

    fn conditions(&self) -> String {
        let Machine { cpu, cores, system, commit, date } = &self.machine;
        let features = self.ours(Precision::F32).and_then(|ours| ours.loaded.cpu_features.clone());
        let features = features.unwrap_or_default().join(" ");
        let Plan { rounds, runs: [encodes, clicks], .. } = self.plan;
        let warning = if self.quick {
            "A quick run of the dev profile: its times mean nothing.\n\n"
        } else {
            ""
        };
        format!(
            "{warning}{date}, {cpu} ({cores} cores seen; {features}), {system}, commit {commit}. \
             Rounds: {rounds}; in each, every lane in turn: timed encodes {encodes}, clicks \
             {clicks}.\n"
        )
    }

    fn times(&self) -> String {
        let mut text = String::from(
            "| lane | encoder ms (10-90 %) | / ours f32 | / ours int8 | click ms (10-90 %) | / ours f32 | / ours int8 | load ms | peak MiB | features | logits | Dice |\n\
             | --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let rivals = [Precision::F32, Precision::Int8].map(|precision| self.ours(precision));
        for Line { entrant, outcome, .. } in &self.lines {
            let cells = match outcome {
                Ok(finish) => cells(finish, &rivals),
                // A bar would end the cell.
                Err(why) => format!("does not run: {}{}", why.replace('|', "/"), " | ".repeat(10)),
            };
            text += &format!("| {} | {cells} |\n", entrant.name);
        }
        text
    }

    fn runners(&self) -> String {
        let mut text = String::from(
            "| lane | engine | encoder | decoder | setting |\n| --- | --- | --- | --- | --- |\n",
        );
        for Line { entrant, outcome, .. } in &self.lines {
            if let Ok(Finish { loaded, forms: [encoder, decoder], .. }) = outcome {
                let (engine, setting) = (&loaded.engine, &loaded.setting);
                text += &format!(
                    "| {} | {engine} | {encoder} | {decoder} | {setting} |\n",
                    entrant.name
                );
            }
        }
        text
    }
}

fn cells(finish: &Finish, rivals: &[Option<&Finish>; 2]) -> String {
    let network = |of: fn(&Finish) -> &Times| {
        let [low, middle, high] = of(finish).spread();
        let ratios = rivals.map(|rival| {
            rival.map_or("-".to_string(), |rival| format!("{:.2}", of(finish).ratio(of(rival))))
        });
        format!("{middle:.1} ({low:.1}-{high:.1}) | {}", ratios.join(" | "))
    };
    let memory = match (finish.peak_mib, finish.loaded.before_mib) {
        (Some(peak), Some(before)) => format!("{peak:.0} ({:.0})", peak - before),
        (Some(peak), None) => format!("{peak:.0}"),
        _ => "-".to_string(),
    };
    let Agreement { features, logits, dice, .. } = finish.agreement;
    format!(
        "{} | {} | {:.0} | {memory} | {features:.0e} | {logits:.0e} | {dice:.4}",
        network(|finish| &finish.encoder),
        network(|finish| &finish.decoder),
        finish.loaded.load_ms,
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::field::{Entrant, Runner};
    use super::super::lane::Loaded;
    use super::*;
    use std::path::PathBuf;

    fn line(engine: &str, precision: Precision, outcome: Result<[f64; 2], &str>) -> Line {
        let runner = Runner::Ours { pack: PathBuf::new() };
        let name = name(engine, precision);
        let finish = |[encoder, click]: [f64; 2]| Finish {
            loaded: Loaded {
                load_ms: 12.4,
                engine: format!("{engine} 1.0"),
                setting: "threads 1".to_string(),
                before_mib: (engine != OURS).then_some(28.0),
                cpu_features: (engine == OURS).then(|| vec!["avx2".to_string()]),
            },
            forms: ["simplified f32".to_string(), "literal f32".to_string()],
            agreement: Agreement { features: 1.2e-6, logits: 2e-3, iou: 0.0, dice: 0.99996 },
            encoder: Times(vec![vec![encoder]]),
            decoder: Times(vec![vec![click]]),
            peak_mib: Some(100.0),
        };
        Line {
            entrant: Entrant { name, precision, runner, unfit: None },
            outcome: outcome.map(finish).map_err(str::to_string),
            trials: Default::default(),
        }
    }

    pub(in super::super) fn results() -> Results {
        Results {
            size: 512,
            quick: false,
            plan: Plan { threads: 1, rounds: 1, runs: [1, 1] },
            machine: Machine {
                cpu: "A CPU".to_string(),
                cores: 2,
                system: "linux x86_64".to_string(),
                commit: "abc".to_string(),
                date: "2026-01-02".to_string(),
            },
            lines: vec![
                line(OURS, Precision::F32, Ok([50.0, 10.0])),
                line(OURS, Precision::Int8, Ok([40.0, 5.0])),
                line("peer", Precision::F32, Ok([60.0, 20.0])),
                line("other", Precision::F32, Err("no layer for a|b")),
            ],
        }
    }

    fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let begin = format!("| {name} |");
        let line = text.lines().find(|line| line.starts_with(&begin)).unwrap();
        line.split('|').map(str::trim).collect()
    }

    #[test]
    fn every_lane_has_a_row_with_ratios() {
        let text = results().times();
        let cells = [
            "peer f32",
            "60.0 (60.0-60.0)",
            "1.20",
            "1.50",
            "20.0 (20.0-20.0)",
            "2.00",
            "4.00",
            "12",
            "100 (72)",
            "1e-6",
            "2e-3",
            "1.0000",
        ];
        assert_eq!(row(&text, "peer f32")[1..13], cells);
        assert_eq!(row(&text, "ours f32")[3..5], ["1.00", "1.25"]);
        assert_eq!(row(&text, "ours int8")[9], "100");
        // As many cells in each row, also in that of the lane that does not run.
        let counts: Vec<_> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(counts, [13; 6]);
        assert_eq!(row(&text, "other f32")[2], "does not run: no layer for a/b");
    }

    #[test]
    fn conditions_and_settings_are_told() {
        let mut results = results();
        let text = results.markdown();
        for said in [
            "2026-01-02, A CPU (2 cores seen; avx2), linux x86_64, commit abc",
            "| peer f32 | peer 1.0 | simplified f32 | literal f32 | threads 1 |",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
        assert!(!text.contains("mean nothing"));
        results.quick = true;
        assert!(results.markdown().contains("times mean nothing"));
        assert_eq!(results.title(), "512 px, 1 thread");
        results.plan.threads = 2;
        assert_eq!(results.title(), "512 px, 2 threads");
    }

    #[test]
    fn ratios_are_absent_where_ours_is() {
        let mut results = results();
        results.lines[1].outcome = Err("ended".to_string());
        assert_eq!(row(&results.times(), "peer f32")[3..5], ["1.20", "-"]);
    }
}
