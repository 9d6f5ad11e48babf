//! Counts of `runtime/engine/examples/steps.rs`: of one encode and one click of a pack.
//!
//! A count is the difference between two lines that it writes, when one encode, or one click, is done and
//! when the next is.

use super::counter::{Counter, Detail, Lines, X86_64};
use super::counts::{Block, Counts};
use super::{DEVICE, Link, TARGET, Toolchain, folder, static_flags};
use anyhow::{Context, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};

/// A graph whose instructions are counted.
#[derive(Debug)]
pub(super) struct Lane {
    /// `ours`, or what it is compared with.
    pub(super) graph: &'static str,
    pub(super) pack: PathBuf,
    pub(super) plain: bool,
}

/// Encodes and clicks of a count: the second of each is counted, after one that makes the buffers. More take
/// minutes on a busy machine and count the same: a third encode was within 0.02 %.
const ROUNDS: &str = "2";

/// The graph of our runtime, in files of counts.
pub(super) const OURS: &str = "ours";

/// One encode or one click.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) counts: Counts,
    pub(super) blocks: Vec<Block>,
    /// Multiply-accumulates of floats and of integers.
    pub(super) macs: [u64; 2],
    /// The same of each kind of operation.
    pub(super) ops: Vec<(String, [u64; 2])>,
}

/// A pack's name and precision, and its two steps.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) model: String,
    pub(super) precision: String,
    pub(super) image_size: i64,
    pub(super) encode: Step,
    pub(super) click: Step,
}

/// The shipped models in the runtime.
pub(super) fn shipped(workspace: &Workspace) -> [Lane; 2] {
    ["uniultra-mini-int8", "uniultra-mini"].map(|name| {
        let pack = workspace.root.join("models").join(name);
        Lane { graph: OURS, pack, plain: false }
    })
}

/// With the packages and features of the device binary: what both need of tract is built once.
pub(super) fn build(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let target = folder(workspace).join(Link::Static.name());
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    command.args(["--profile", DEVICE, "-p", "uniultra-app", "-p", "uniultra-engine"]);
    command.args([
        "--no-default-features",
        "--features",
        "uniultra-app/embedded-model,uniultra-app/live",
    ]);
    command.args(["--example", "steps"]);
    static_flags(&mut command, Link::Static);
    workspace::run(&mut command)?;
    Ok(target.join(TARGET).join(DEVICE).join("examples/steps"))
}

/// As the workspace's other release builds, which have tract already where there was a race.
pub(super) fn build_here(workspace: &Workspace) -> Result<PathBuf> {
    let args = ["build", "--locked", "--release", "--workspace", "--example", "steps"];
    workspace::run(&mut workspace.cargo(&args))?;
    Ok(workspace.release_binary("examples/steps"))
}

/// Counts the shipped models on each core.
pub(super) fn count_shipped<'c>(
    workspace: &Workspace,
    counter: &Counter,
    program: &Path,
    cores: &[&'c str],
    detail: Detail,
) -> Result<Vec<(&'c str, Counted)>> {
    let lanes = shipped(workspace);
    let jobs: Vec<_> =
        cores.iter().flat_map(|core| lanes.iter().map(move |lane| (*core, lane))).collect();
    // A count does not depend on what else runs.
    let counted = jobs
        .into_par_iter()
        .map(|(core, lane)| Ok((core, count(workspace, counter, (core, program), lane, detail)?)));
    counted.collect()
}

/// Counts a lane as on a core.
pub(super) fn count(
    workspace: &Workspace,
    counter: &Counter,
    (core, program): (&str, &Path),
    lane: &Lane,
    detail: Detail,
) -> Result<Counted> {
    let mut args = vec!["--pack".to_string(), lane.pack.display().to_string()];
    args.extend(["--rounds", ROUNDS].map(str::to_string));
    args.extend(lane.plain.then(|| "--plain".to_string()));
    let detail = if core == X86_64 { Detail::default() } else { detail };
    let mut lines = counter.run(workspace, core, (program, &args), detail)?;
    let file = lane.pack.join("model.toml");
    let manifest = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: toml::Table = toml::from_str(&manifest)?;
    let text = |key: &str| {
        let found = manifest["model"][key].as_str();
        found.map(str::to_string).with_context(|| format!("expected model.{key}"))
    };
    let (encode, click) = (step(&mut lines, "encode")?, step(&mut lines, "click")?);
    Ok(Counted {
        model: text("id")?,
        precision: text("precision")?,
        image_size: manifest["model"]["image_size"]
            .as_integer()
            .context("expected model.image_size")?,
        encode,
        click,
    })
}

/// The last step of a kind: buffers have their size by then.
fn step(lines: &mut Lines, what: &str) -> Result<Step> {
    let (macs, ops) = (work(lines, what)?, operations(lines, what)?);
    let mut pairs = (1..lines.len()).rev();
    let last = pairs.find(|&at| lines[at - 1].0 == what && lines[at].0 == what);
    let said = || lines.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>();
    let last = last.with_context(|| format!("expected two lines `{what}`, found {:?}", said()))?;
    let counts = lines[last].1.counts.since(&lines[last - 1].1.counts);
    let counts = counts.with_context(|| format!("{what}: expected counts that rise"))?;
    anyhow::ensure!(counts.instructions > 0, "{what}: expected instructions, found none");
    let blocks = std::mem::take(&mut lines[last].1.blocks);
    Ok(Step { counts, blocks, macs, ops })
}

/// Multiply-accumulates of a step, of floats and of integers.
fn work(lines: &Lines, what: &str) -> Result<[u64; 2]> {
    let line = lines.iter().find_map(|(line, _)| line.strip_prefix(what)?.strip_prefix(": "));
    two(line.with_context(|| format!("expected a line `{what}: `, found none"))?)
}

/// Multiply-accumulates of each kind of operation of a step.
fn operations(lines: &Lines, what: &str) -> Result<Vec<(String, [u64; 2])>> {
    let of_step = |line: &'_ str| -> Option<(String, String)> {
        let (op, numbers) = line.strip_prefix(what)?.strip_prefix(" of ")?.split_once(": ")?;
        Some((op.to_string(), numbers.to_string()))
    };
    let found = lines.iter().filter_map(|(line, _)| of_step(line));
    found.map(|(op, numbers)| Ok((op, two(&numbers)?))).collect()
}

fn two(text: &str) -> Result<[u64; 2]> {
    let numbers: Vec<u64> =
        text.split(' ').map(str::parse).collect::<Result<_, _>>().context(text.to_string())?;
    let found = numbers.len();
    numbers.try_into().ok().with_context(|| format!("expected 2 numbers, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::super::counts::Note;
    use super::*;

    fn lines(text: &[(&str, u64)]) -> Lines {
        let note = |instructions| Note {
            counts: Counts { instructions, ..Counts::default() },
            ..Note::default()
        };
        text.iter().map(|(line, count)| (line.to_string(), note(*count))).collect()
    }

    #[test]
    fn a_count_is_between_the_last_two_lines_of_a_kind() {
        let ends = [("encode: 1 2", 20), ("click: 3 4", 21)];
        let good = [("loaded", 5), ("encode", 9), ("encode", 12), ("click", 14), ("click", 15)];
        let mut good = lines(&[&good[..], &ends].concat());
        assert_eq!(step(&mut good, "encode").unwrap().counts.instructions, 3);
        assert_eq!(step(&mut good, "click").unwrap().counts.instructions, 1);
        let wrong: [&[(&str, u64)]; 3] =
            [&[], &[("encode", 1), ("click", 2)], &[("encode", 2), ("encode", 2)]];
        for wrong in wrong {
            let mut wrong = lines(&[wrong, &ends].concat());
            assert!(step(&mut wrong, "encode").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn work_is_read_from_its_lines() {
        let good =
            [("click", 1), ("encode: 12 34", 2), ("click: 5 6", 3), ("click of a.B: 7 8", 4)];
        let good = lines(&good);
        assert_eq!(work(&good, "encode").unwrap(), [12, 34]);
        assert_eq!(work(&good, "click").unwrap(), [5, 6]);
        assert_eq!(operations(&good, "click").unwrap(), [("a.B".to_string(), [7, 8])]);
        assert_eq!(operations(&good, "encode").unwrap(), []);
        for wrong in ["", "encode", "encode: 1", "encode: a b"] {
            assert!(work(&lines(&[(wrong, 1)]), "encode").is_err(), "{wrong:?}");
        }
        assert!(operations(&lines(&[("click of a: 1", 1)]), "click").is_err());
    }
}
