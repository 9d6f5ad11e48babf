//! `cargo xtask cross --count`: how many instructions one encode and one click take on each kind of core,
//! and what the runtime's own operations save of them.
//!
//! What is counted is `runtime/engine/examples/steps.rs`: a count is the difference between two lines that
//! it writes, when one encode, or one click, is done and when the next is.

use super::counter::{Counter, X86_64};
use super::{DEVICE, TARGET, Toolchain, folder};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{screen, whole};

/// Where the counts are kept; `uniultra-tools estimate` reads them.
const FILE: &str = "boards/instructions.json";
/// Version of that file's layout.
const VERSION: u32 = 1;

/// A graph whose instructions are counted.
struct Lane {
    /// `ours`, or what it is compared with.
    graph: &'static str,
    pack: PathBuf,
    plain: bool,
}

/// Counts on each core, writes the file, and prints the table of boards/README.md.
pub(super) fn run(workspace: &Workspace, toolchain: &Toolchain, cores: &[&str]) -> Result<()> {
    let counter = Counter::setup(workspace)?;
    let lanes = lanes(workspace)?;
    let on_arm = build(workspace, toolchain)?;
    let mut jobs: Vec<_> =
        cores.iter().flat_map(|core| lanes.iter().map(|lane| (*core, &on_arm, lane))).collect();
    // What `estimate --validate` checks its model of a core with.
    let here = if std::env::consts::ARCH == "x86_64" { Some(build_here(workspace)?) } else { None };
    if let Some(here) = &here {
        let ours = lanes.iter().filter(|lane| !lane.plain);
        jobs.extend(ours.map(|lane| (X86_64, here, lane)));
    }
    // A count does not depend on what else runs.
    let models = jobs
        .into_par_iter()
        .map(|(core, program, lane)| count(workspace, &counter, core, program, lane))
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
fn lanes(workspace: &Workspace) -> Result<[Lane; 3]> {
    let args = ["build", "--locked", "--release", "--workspace", "--bins"];
    workspace::run(&mut workspace.cargo(&args))?;
    let literal = folder(workspace).join("counted/literal");
    let _ = std::fs::remove_dir_all(&literal);
    let mut export = workspace.command(workspace.release_binary("uniultra-tools"));
    export.args(["export", "--checkpoint", "models/uniultra-mini/weights.safetensors"]);
    export.args(["--image-size", "512", "--no-simplify", "--model-id", "uniultra-mini", "--out"]);
    workspace::run(export.arg(&literal))?;
    let shipped = |name: &str| workspace.root.join("models").join(name);
    Ok([
        Lane { graph: "ours", pack: shipped("uniultra-mini-int8"), plain: false },
        Lane { graph: "ours", pack: shipped("uniultra-mini"), plain: false },
        Lane { graph: "tract, literal", pack: literal, plain: true },
    ])
}

/// With the packages and features of the device binary: what both need of tract is built once.
fn build(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let target = folder(workspace).join("static");
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    command.args(["--profile", DEVICE, "-p", "uniultra-app", "-p", "uniultra-engine"]);
    command.args([
        "--no-default-features",
        "--features",
        "uniultra-app/embedded-model,uniultra-app/live",
    ]);
    command.args(["--example", "steps"]);
    let flags = "-C target-feature=+crt-static";
    workspace::run(command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", flags))?;
    Ok(target.join(TARGET).join(DEVICE).join("examples/steps"))
}

/// As the workspace's other release builds, which have tract already where there was a race.
fn build_here(workspace: &Workspace) -> Result<PathBuf> {
    let args = ["build", "--locked", "--release", "--workspace", "--example", "steps"];
    workspace::run(&mut workspace.cargo(&args))?;
    Ok(workspace.release_binary("examples/steps"))
}

/// One model on one core, as the file has it.
fn count(
    workspace: &Workspace,
    counter: &Counter,
    core: &str,
    program: &Path,
    lane: &Lane,
) -> Result<Value> {
    let mut args = vec!["--pack".to_string(), lane.pack.display().to_string()];
    args.extend(lane.plain.then(|| "--plain".to_string()));
    let lines = counter.run(workspace, core, program, &args)?;
    let manifest = std::fs::read_to_string(lane.pack.join("model.toml"))?;
    let manifest: toml::Table = toml::from_str(&manifest)?;
    let model = &manifest["model"];
    let phase = |what: &str| -> Result<Value> {
        let [real_macs, integer_macs] = work(&lines, what)?;
        Ok(json!({
            "instructions": last(&lines, what)?,
            "real_macs": real_macs,
            "integer_macs": integer_macs,
        }))
    };
    let (encode, click) = (phase("encode")?, phase("click")?);
    let id = model["id"].as_str().context("expected model.id")?;
    let millions = |phase: &Value| phase["instructions"].as_u64().unwrap_or_default() as f64 / 1e6;
    screen::line(&format!(
        "{core}, {}, {id}: {:.1} M instructions an encode, {:.1} M a click",
        lane.graph,
        millions(&encode),
        millions(&click)
    ));
    Ok(json!({
        "core": core,
        "graph": lane.graph,
        "model": id,
        "precision": model["precision"].as_str().context("expected model.precision")?,
        "image_size_px": model["image_size"].as_integer().context("expected model.image_size")?,
        "encode": encode,
        "click": click,
    }))
}

/// Instructions of the last step of a kind: buffers have their size by then.
fn last(lines: &[(String, u64)], what: &str) -> Result<u64> {
    let mut pairs = lines.windows(2).rev();
    let pair = pairs.find(|pair| pair[0].0 == what && pair[1].0 == what);
    let pair = pair.with_context(|| format!("expected two lines `{what}`, found {lines:?}"))?;
    let count = pair[1].1.checked_sub(pair[0].1).filter(|count| *count > 0);
    count.with_context(|| format!("{what}: expected counts that rise, found {pair:?}"))
}

/// Multiply-accumulates of a step, of floats and of integers.
fn work(lines: &[(String, u64)], what: &str) -> Result<[u64; 2]> {
    let line = lines.iter().find_map(|(line, _)| line.strip_prefix(what)?.strip_prefix(": "));
    let line = line.with_context(|| format!("expected a line `{what}: `, found {lines:?}"))?;
    let numbers: Vec<u64> =
        line.split(' ').map(str::parse).collect::<Result<_, _>>().context(line.to_string())?;
    let found = numbers.len();
    numbers.try_into().ok().with_context(|| format!("expected 2 numbers, found {found}"))
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
            models.iter().find(|other| other["core"] == model["core"] && other["graph"] != "ours");
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

    fn lines(text: &[(&str, u64)]) -> Vec<(String, u64)> {
        text.iter().map(|(line, count)| (line.to_string(), *count)).collect()
    }

    #[test]
    fn a_count_is_between_the_last_two_lines_of_a_kind() {
        let good = [("loaded", 5), ("encode", 9), ("encode", 12), ("click", 14), ("click", 15)];
        let good = lines(&good);
        assert_eq!((last(&good, "encode").unwrap(), last(&good, "click").unwrap()), (3, 1));
        let wrong: [&[(&str, u64)]; 3] =
            [&[], &[("encode", 1), ("click", 2)], &[("encode", 2), ("encode", 2)]];
        for wrong in wrong {
            assert!(last(&lines(wrong), "encode").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn work_is_read_from_its_line() {
        let good = lines(&[("click", 1), ("encode: 12 34", 2), ("click: 5 6", 3)]);
        assert_eq!(
            (work(&good, "encode").unwrap(), work(&good, "click").unwrap()),
            ([12, 34], [5, 6])
        );
        for wrong in ["", "encode", "encode: 1", "encode: a b"] {
            assert!(work(&lines(&[(wrong, 1)]), "encode").is_err(), "{wrong:?}");
        }
    }

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
