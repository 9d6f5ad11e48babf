//! Where results are kept: `target/race` for every run, `tests/peers/RESULTS.md` on request.

use super::field::Runner;
use super::figures::Times;
use super::rounds::{Finish, Line, Plan};
use super::table::Results;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{screen, whole};

const RESULTS: &str = "tests/peers/RESULTS.md";

/// What the first line of that file is.
const HEAD: &str = "# Results of the race";

/// Writes `SIZE-THREADS.json` and `.md` below `folder`.
pub(super) fn keep(workspace: &Workspace, folder: &Path, results: &Results) -> Result<()> {
    let name = format!("{}-{}", results.size, results.plan.threads);
    let name = if results.quick { format!("{name}-quick") } else { name };
    keep_as(workspace, folder, &name, &as_json(results), &results.markdown())
}

/// Writes `NAME.json` and `NAME.md` below `folder`.
pub(super) fn keep_as(
    workspace: &Workspace,
    folder: &Path,
    name: &str,
    value: &Value,
    markdown: &str,
) -> Result<()> {
    let json = serde_json::to_string_pretty(value)? + "\n";
    for (suffix, text) in [("json", json.as_str()), ("md", markdown)] {
        let file = folder.join(format!("{name}.{suffix}"));
        whole::write(&file, text.as_bytes())?;
        screen::line(&format!("wrote {}", workspace.shown(&file)));
    }
    Ok(())
}

/// Puts the results into the file of recorded ones, in the place of those of the same size, threads
/// and processor.
pub(super) fn record(workspace: &Workspace, results: &Results) -> Result<()> {
    let heading = format!("## {}, {}", results.title(), results.machine.cpu);
    record_as(workspace, &heading, &results.markdown())
}

/// Puts a section into that file, in the place of the one with this heading.
pub(super) fn record_as(workspace: &Workspace, heading: &str, markdown: &str) -> Result<()> {
    let file = workspace.root.join(RESULTS);
    let old = std::fs::read_to_string(&file).with_context(|| format!("cannot read {RESULTS}"))?;
    if !old.starts_with(HEAD) {
        bail!("{RESULTS}: expected `{HEAD}` in the first line");
    }
    whole::write(&file, with_section(&old, heading, markdown).as_bytes())?;
    screen::line(&format!("recorded in {RESULTS}"));
    Ok(())
}

/// `text` with the section of this heading replaced, or added at its end.
fn with_section(text: &str, heading: &str, content: &str) -> String {
    let mut kept = String::new();
    let mut placed = false;
    let mut skipping = false;
    let section = format!("{heading}\n\n{}\n", content.trim_end());
    for line in text.lines() {
        if line.starts_with("## ") {
            skipping = line == heading;
            if skipping && !placed {
                kept += &format!("{section}\n");
                placed = true;
            }
        }
        if !skipping {
            kept += &format!("{line}\n");
        }
    }
    let kept = kept.trim_end();
    if placed { format!("{kept}\n") } else { format!("{kept}\n\n{section}") }
}

fn as_json(results: &Results) -> Value {
    let Plan { threads, rounds, runs: [encodes, clicks] } = results.plan;
    let machine = &results.machine;
    let lanes: Vec<Value> = results.lines.iter().map(|line| lane(results, line)).collect();
    json!({
        "image_size": results.size, "threads": threads, "rounds": rounds, "quick": results.quick,
        "encodes_a_round": encodes, "clicks_a_round": clicks, "date": machine.date,
        "cpu": machine.cpu, "cores": machine.cores, "system": machine.system,
        "commit": machine.commit, "lanes": lanes,
    })
}

fn lane(results: &Results, line: &Line) -> Value {
    let Line { entrant, outcome, trials } = line;
    let peer = matches!(entrant.runner, Runner::Peer { .. });
    let [encoders, decoders] = trials.each_ref().map(|trials| {
        trials
            .iter()
            .map(|(label, outcome)| match outcome {
                Ok(ms) => json!({ "form": label, "least_ms": ms }),
                Err(why) => json!({ "form": label, "error": why }),
            })
            .collect::<Vec<_>>()
    });
    let mut value = json!({
        "lane": entrant.name, "precision": entrant.precision.name(), "peer": peer,
        "trials": { "encoder": encoders, "decoder": decoders },
    });
    match outcome {
        Ok(finish) => value["result"] = result(results, finish),
        Err(why) => value["error"] = json!(why),
    }
    value
}

fn result(results: &Results, finish: &Finish) -> Value {
    use super::field::Precision::{F32, Int8};
    let network = |of: fn(&Finish) -> &Times, form: &str| {
        let [p10, median, p90] = of(finish).spread();
        let ratio = |precision| results.ours(precision).map(|ours| of(finish).ratio(of(ours)));
        json!({
            "form": form, "median_ms": median, "p10_ms": p10, "p90_ms": p90,
            "ratio_to_ours_f32": ratio(F32), "ratio_to_ours_int8": ratio(Int8),
            "rounds_ms": of(finish).0,
        })
    };
    let Finish { loaded, forms, agreement, peak_mib, .. } = finish;
    json!({
        "engine": loaded.engine, "setting": loaded.setting, "load_ms": loaded.load_ms,
        "peak_mib": peak_mib, "before_engine_mib": loaded.before_mib,
        "encoder": network(|finish| &finish.encoder, &forms[0]),
        "click": network(|finish| &finish.decoder, &forms[1]),
        "relative_error": {
            "features": agreement.features, "logits": agreement.logits,
            "predicted_iou": agreement.iou,
        },
        "dice": agreement.dice,
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::results;
    use super::*;

    #[test]
    fn a_section_is_replaced_in_its_place() {
        let text = "# Results\n\nWords.\n\n## a\n\nold\n### x\nold\n\n## b\n\nkept\n";
        let replaced = with_section(text, "## a", "new\n\n");
        assert_eq!(replaced, "# Results\n\nWords.\n\n## a\n\nnew\n\n## b\n\nkept\n");
        assert_eq!(with_section(&replaced, "## a", "new"), replaced);
        let last = with_section(text, "## b", "new");
        assert_eq!(last, "# Results\n\nWords.\n\n## a\n\nold\n### x\nold\n\n## b\n\nnew\n");
    }

    #[test]
    fn a_new_section_comes_last() {
        let text = "# Results\n\n## 512 px, 1 thread, A CPU\n\nold\n";
        let found = with_section(text, "## 512 px, 1 thread, A", "new");
        assert_eq!(found, format!("{text}\n## 512 px, 1 thread, A\n\nnew\n"));
    }

    #[test]
    fn json_holds_every_lane() {
        let value = as_json(&results());
        let lanes = value["lanes"].as_array().unwrap();
        let names: Vec<_> = lanes.iter().filter_map(|lane| lane["lane"].as_str()).collect();
        assert_eq!(names, ["ours f32", "ours int8", "peer f32", "other f32"]);
        assert_eq!(lanes[2]["result"]["encoder"]["ratio_to_ours_int8"], 1.5);
        assert_eq!(lanes[2]["result"]["click"]["median_ms"], 20.0);
        assert_eq!(lanes[3]["error"], "no layer for a|b");
    }
}
