//! Counts of the gate: our own lanes on two cores, held against what boards/instructions.json has.

use super::Toolchain;
use super::count::FILE;
use super::counter::{Counter, Detail};
use super::steps::{self, OURS};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::Workspace;

/// Without dot products and halves, and with.
const CORES: [&str; 2] = ["cortex-a53", "cortex-a76"];

/// A count may be off by this many per cent of the recorded one. The compiler's version moves it, too.
const ALLOWED: u64 = 2;

/// One number that is guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Guarded {
    core: String,
    model: String,
    /// `encode` or `click`.
    step: &'static str,
    instructions: u64,
}

/// Counts, and fails where a count is too high.
pub(super) fn run(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    let counter = Counter::setup(workspace)?;
    let program = steps::build(workspace, toolchain)?;
    let lanes = steps::count_shipped(workspace, &counter, &program, &CORES, Detail::default())?;
    let guarded = lanes.iter().flat_map(|(core, of)| {
        [("encode", &of.encode), ("click", &of.click)].map(|(step, taken)| Guarded {
            core: (*core).to_string(),
            model: of.model.clone(),
            step,
            instructions: taken.counts.instructions,
        })
    });
    let counted: Vec<_> = guarded.collect();
    let path = workspace.root.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let recorded: Value =
        serde_json::from_str(&text).with_context(|| format!("{FILE}: expected JSON"))?;
    let lines = compare(&counted, &recorded)?;
    screen::line(&lines.join("\n"));
    Ok(())
}

/// A line for each count; an error that names every count that is too high.
fn compare(counted: &[Guarded], recorded: &Value) -> Result<Vec<String>> {
    let (mut lines, mut slower, mut faster) = (Vec::new(), Vec::new(), false);
    for found in counted {
        let Guarded { core, model, step, instructions } = found;
        let expected = expected(recorded, found).with_context(|| {
            format!("{FILE} has no `{step}` of {model} on {core}: run `cargo xtask cross --count`")
        })?;
        let line = format!(
            "{core}, {model}, {step}: expected {:.1} M instructions, found {:.1} M ({:+.1} %)",
            expected as f64 / 1e6,
            *instructions as f64 / 1e6,
            (*instructions as f64 / expected as f64 - 1.0) * 100.0
        );
        if instructions * 100 > expected * (100 + ALLOWED) {
            slower.push(line.clone());
        }
        faster |= instructions * 100 < expected * (100 - ALLOWED);
        lines.push(line);
    }
    if !slower.is_empty() {
        bail!(
            "more than {ALLOWED} % above what {FILE} records:\n{}\nif that is meant, record anew: \
             `cargo xtask cross --count`",
            slower.join("\n")
        );
    }
    if faster {
        lines.push(format!(
            "more than {ALLOWED} % below what {FILE} records: keep it by `cargo xtask cross --count`"
        ));
    }
    Ok(lines)
}

/// The recorded count.
fn expected(recorded: &Value, found: &Guarded) -> Option<u64> {
    let Guarded { core, model, step, .. } = found;
    let models = recorded["models"].as_array()?;
    let of = models.iter().find(|of| {
        of["graph"] == OURS && of["core"] == core.as_str() && of["model"] == model.as_str()
    });
    of?[*step]["instructions"].as_u64().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recorded() -> Value {
        let model = |graph: &str, encode: u64| {
            json!({ "core": "a", "graph": graph, "model": "m",
                    "encode": { "instructions": encode }, "click": { "instructions": 1_000_000 } })
        };
        json!({ "models": [model("tract", 9_000_000), model(OURS, 2_000_000)] })
    }

    fn counted(step: &'static str, instructions: u64) -> Guarded {
        Guarded { core: "a".into(), model: "m".into(), step, instructions }
    }

    #[test]
    fn two_per_cent_more_are_let_through_and_no_more() {
        let good = [counted("encode", 2_040_000), counted("click", 980_000)];
        let lines = compare(&good, &recorded()).unwrap();
        let expected = "a, m, encode: expected 2.0 M instructions, found 2.0 M (+2.0 %)";
        assert_eq!((lines.len(), lines[0].as_str()), (2, expected));

        let bad = [counted("encode", 2_050_000), counted("click", 1_000_000)];
        let error = compare(&bad, &recorded()).unwrap_err().to_string();
        assert!(error.contains("a, m, encode: expected 2.0 M instructions, found 2.0 M (+2.5 %)"));
        assert!(error.contains("cross --count") && !error.contains("click"), "{error}");
    }

    #[test]
    fn much_less_is_told() {
        let lines = compare(&[counted("encode", 1_900_000)], &recorded()).unwrap();
        assert!(lines[1].starts_with("more than 2 % below"), "{lines:?}");
        assert!(lines[1].contains("cross --count"));
    }

    #[test]
    fn what_is_not_recorded_is_an_error() {
        let mut other = counted("encode", 1);
        other.model = "n".into();
        let error = compare(&[other], &recorded()).unwrap_err().to_string();
        assert!(error.contains("no `encode` of n on a"), "{error}");
        assert!(compare(&[counted("click", 1)], &json!({})).is_err());
    }
}
