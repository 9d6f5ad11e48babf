//! The report of an estimate: JSON for programs, a document for people.

mod contents;

pub use contents::document as estimate_document;

use crate::{
    Assumptions, BudgetLine, Calibration, Estimate, InstructionCounts, PackWork, Validation,
    Verdict,
};
use serde::Serialize;
use uniultra_manifest::{Board, BoardFile, Budget, Tier};
use uniultra_schema::ModelIdentity;

/// Everything that is said of an estimate. No figure in it is measured on the board.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// The board.
    pub board: BoardFacts,
    /// The model. In JSON it is in the envelope.
    #[serde(skip)]
    pub model: ModelIdentity,
    /// Where the model is not what the profile asks for, a sentence each.
    pub misfits: Vec<String>,
    /// Date and emulator of the counted instructions.
    pub counted: [String; 2],
    /// Kinds of core that others have timed networks on: those whose estimates are calibrated.
    pub measured_cores: Vec<String>,
    /// What is believed.
    pub assumptions: Assumptions,
    /// What the model computes and moves.
    pub work: PackWork,
    /// The estimate.
    pub estimate: Estimate,
    /// Each budget of the board.
    pub budgets: Vec<BudgetLine>,
    /// Whether the whole range is within every budget.
    pub held: bool,
    /// The same machine measured; `null` without `--validate`.
    pub validation: Option<Validation>,
}

/// What says which board it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BoardFacts {
    /// Short name.
    pub id: String,
    /// Name.
    pub name: String,
    /// What is behind the profile.
    pub tier: Tier,
    /// SHA-256 of the profile's file.
    pub sha256: String,
    /// What the profile asks for.
    pub budget: Budget,
}

impl uniultra_schema::Report for Report {
    const SCHEMA: &'static str = "uniultra-estimate";
    const SCHEMA_VERSION: u32 = 2;
}

impl BoardFacts {
    /// The facts in a profile's file.
    #[must_use]
    pub fn new(file: &BoardFile) -> Self {
        let BoardFile { board, sha256 } = file;
        Self {
            id: board.id.clone(),
            name: board.name.clone(),
            tier: board.tier,
            sha256: sha256.to_string(),
            budget: board.budget,
        }
    }
}

impl Report {
    /// A report of an estimate.
    #[must_use]
    pub fn new(
        file: &BoardFile,
        model: ModelIdentity,
        (counts, calibration): (&InstructionCounts, &Calibration),
        assumptions: Assumptions,
        work: PackWork,
        estimate: Estimate,
        validation: Option<Validation>,
    ) -> Self {
        let budgets = BudgetLine::all(&file.board.budget, &estimate);
        Self {
            board: BoardFacts::new(file),
            misfits: misfits(&file.board, &model),
            model,
            counted: [counts.date.clone(), counts.emulator.clone()],
            measured_cores: calibration.cores.iter().map(|fit| fit.core.clone()).collect(),
            assumptions,
            work,
            estimate,
            held: budgets.iter().all(|line| line.verdict == Verdict::Held),
            budgets,
            validation,
        }
    }

    /// Budgets that the range does not hold as a whole, each with limit and range; empty if all are held.
    #[must_use]
    pub fn not_held(&self) -> String {
        let lines = self.budgets.iter().filter(|line| line.verdict != Verdict::Held);
        let lines = lines.map(|BudgetLine { name, limit, estimate, verdict }| {
            let verdict = verdict.to_string().to_lowercase();
            match estimate {
                Some(range) => format!(
                    "{name} {verdict}: expected at most {limit}, estimated {:.1} to {:.1}",
                    range.low, range.high
                ),
                None => format!("{name} {verdict}: expected at most {limit}"),
            }
        });
        lines.collect::<Vec<_>>().join("; ")
    }
}

fn misfits(board: &Board, model: &ModelIdentity) -> Vec<String> {
    let mut misfits = Vec::new();
    if model.image_size != board.run.image_size_px {
        let (expected, found) = (board.run.image_size_px, model.image_size);
        misfits.push(format!("expected a model of {expected} px, found {found} px"));
    }
    let precision = board.run.precision.to_string();
    if model.precision != precision {
        let found = &model.precision;
        misfits.push(format!("expected a model of precision {precision}, found {found}"));
    }
    misfits
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::tests::{counts, estimate, facts, work};

    pub(crate) fn report(board: &str) -> Report {
        let path = format!("{}/../../boards/{board}.toml", env!("CARGO_MANIFEST_DIR"));
        let file = BoardFile::open(path.as_ref()).unwrap();
        let assumptions = Assumptions::default();
        let mut report = Report::new(
            &file,
            facts(),
            (&counts(), &Calibration::default()),
            assumptions,
            work(),
            estimate(board),
            None,
        );
        report.measured_cores.push("cortex-a72".to_string());
        report
    }

    #[test]
    fn the_json_says_what_it_is_and_what_it_rests_on() {
        let report = report("am62x");
        let json: serde_json::Value = serde_json::to_value(&report).unwrap();
        assert_eq!(json["board"]["id"], "am62x");
        assert_eq!(json["board"]["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(json["estimate"]["basis"]["counted"]["core"], "cortex-a53");
        assert_eq!(json["estimate"]["setting"]["slowest"]["integer_path"], "SMULL");
        assert_eq!(json["assumptions"]["memory_efficiency"]["low"], 0.4);
        assert_eq!(json["estimate"]["encode"]["instructions"]["low"], 3e9);
        assert!(json["validation"].is_null() && json["misfits"].as_array().unwrap().is_empty());
    }

    #[test]
    fn held_means_all_of_every_range() {
        let mut report = report("am62x");
        for line in &mut report.budgets {
            line.verdict = Verdict::Held;
        }
        assert_eq!(report.not_held(), "");
        report.budgets[0].verdict = Verdict::Open;
        assert!(report.not_held().starts_with("encode_ms open: expected at most 1500, estimated "));
    }

    #[test]
    fn a_model_that_the_profile_does_not_expect_is_named() {
        let report = report("am62x");
        let model =
            ModelIdentity { precision: "f32".to_string(), image_size: 1024, ..report.model };
        let found = misfits(&crate::model::tests::board("am62x"), &model);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].ends_with("512 px, found 1024 px") && found[1].contains("int8, found f32")
        );
    }
}
