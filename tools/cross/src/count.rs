//! `cargo xtask cross --count`: how many instructions one encode and one click take on each kind of core,
//! and what the runtime's own operations save of them.

use super::counter::{Counter, Detail, X86_64};
use super::steps::{self, Counted, Lane, OURS, Step};
use super::{Toolchain, folder};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::{Value, json};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{screen, whole};

/// Where the counts are kept; `uniultra-tools estimate` and the gate read them.
pub(super) const FILE: &str = "boards/instructions.json";
/// Version of that file's layout.
const VERSION: u32 = 1;

/// Counts on each core, writes the file, and prints the table of boards/README.md.
pub(super) fn run(workspace: &Workspace, toolchain: &Toolchain, cores: &[&str]) -> Result<()> {
    let counter = Counter::setup(workspace)?;
    let lanes = lanes(workspace)?;
    let on_arm = steps::build(workspace, toolchain)?;
    let mut jobs: Vec<_> =
        cores.iter().flat_map(|core| lanes.iter().map(|lane| (*core, &on_arm, lane))).collect();
    // What `estimate --validate` checks its model of a core with.
    let here = match std::env::consts::ARCH {
        "x86_64" => Some(steps::build_here(workspace)?),
        _ => None,
    };
    if let Some(here) = &here {
        let ours = lanes.iter().filter(|lane| !lane.plain);
        jobs.extend(ours.map(|lane| (X86_64, here, lane)));
    }
    // A count does not depend on what else runs.
    let models = jobs
        .into_par_iter()
        .map(|(core, program, lane)| {
            let on = (core, program.as_path());
            // Boards are estimated with the misses of our own graphs, too.
            let caches = core != X86_64 && !lane.plain;
            let detail = Detail { caches, ..Detail::default() };
            let counted = steps::count(workspace, &counter, on, lane, detail)?;
            Ok(model(core, lane.graph, &counted, caches))
        })
        .collect::<Result<Vec<_>>>()?;
    let file = json!({
        "kind": "uniultra-instructions",
        "version": VERSION,
        "date": Timestamp::now().strftime("%F").to_string(),
        "emulator": counter.version(workspace)?,
        "models": models,
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&file)?);
    whole::write(&workspace.root.join(FILE), text.as_bytes())?;
    screen::line(&format!("\n{}\nwrote {FILE}", table(&models)?));
    Ok(())
}

/// The shipped models in the runtime, and the f32 one as its definitions say in tract alone.
fn lanes(workspace: &Workspace) -> Result<Vec<Lane>> {
    let args = ["build", "--locked", "--release", "--workspace", "--bins"];
    workspace::run(&mut workspace.cargo(&args))?;
    let literal = folder(workspace).join("counted/literal");
    let _ = std::fs::remove_dir_all(&literal);
    let mut export = workspace.command(workspace.release_binary("uniultra-tools"));
    export.args(["export", "--checkpoint", "models/uniultra-mini/weights.safetensors"]);
    export.args(["--image-size", "512", "--no-simplify", "--model-id", "uniultra-mini", "--out"]);
    workspace::run(export.arg(&literal))?;
    let mut lanes = Vec::from(steps::shipped(workspace));
    lanes.push(Lane { graph: "tract, literal", pack: literal, plain: true });
    Ok(lanes)
}

/// One model on one core, as the file has it.
fn model(core: &str, graph: &str, counted: &Counted, caches: bool) -> Value {
    let phase = |Step { counts, macs: [real_macs, integer_macs], .. }: &Step| {
        let mut value = json!({
            "instructions": counts.instructions,
            "real_macs": real_macs,
            "integer_macs": integer_macs,
        });
        if caches {
            value["misses"] = json!(counts.misses);
        }
        value
    };
    let Counted { model, precision, image_size, encode, click } = counted;
    let millions = |step: &Step| step.counts.instructions as f64 / 1e6;
    screen::line(&format!(
        "{core}, {graph}, {model}: {:.1} M instructions an encode, {:.1} M a click",
        millions(encode),
        millions(click)
    ));
    json!({
        "core": core,
        "graph": graph,
        "model": model,
        "precision": precision,
        "image_size_px": image_size,
        "encode": phase(encode),
        "click": phase(click),
    })
}

/// Rows for boards/README.md: millions of instructions, and how many times fewer than the last lane's.
fn table(models: &[Value]) -> Result<String> {
    let mut text = String::from(
        "| core | precision | graph | encode | click | encode, of tract's | click, of tract's |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: |\n",
    );
    let count = |model: &Value, phase: &str| {
        model[phase]["instructions"].as_u64().context("expected a count").map(|count| count as f64)
    };
    for model in models {
        let name = |key: &str| model[key].as_str().unwrap_or_default();
        let plain =
            models.iter().find(|other| other["core"] == model["core"] && other["graph"] != OURS);
        let share = |phase: &str| -> Result<String> {
            let Some(plain) = plain else { return Ok(String::new()) };
            Ok(format!("{:.3}", count(model, phase)? / count(plain, phase)?))
        };
        text += &format!(
            "| {} | {} | {} | {:.1} M | {:.1} M | {} | {} |\n",
            name("core"),
            name("precision"),
            name("graph"),
            count(model, "encode")? / 1e6,
            count(model, "click")? / 1e6,
            share("encode")?,
            share("click")?
        );
    }
    ensure!(!models.is_empty(), "expected counts, found none");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compares_with_tract_on_the_same_core() {
        let model = |core: &str, graph: &str, encode: u64| {
            json!({ "core": core, "graph": graph, "precision": "f32",
                    "encode": { "instructions": encode }, "click": { "instructions": 1_000_000 } })
        };
        let models = [
            model("a", "ours", 3_000_000),
            model("a", "tract, literal", 12_000_000),
            model("b", "ours", 1_000_000),
        ];
        let text = table(&models).unwrap();
        assert!(text.contains("| a | f32 | ours | 3.0 M | 1.0 M | 0.250 | 1.000 |"), "{text}");
        assert!(text.contains("| b | f32 | ours | 1.0 M | 1.0 M |  |  |"), "{text}");
        assert!(table(&[]).is_err());
    }
}
