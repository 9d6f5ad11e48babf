//! `cargo xtask cross --count --by-class` and `--by-operation`: what the instructions of an encode and a click
//! are, and where.

use super::counter::{Counter, Detail};
use super::counts::{CLASSES, Counts};
use super::functions::{Functions, module, operation};
use super::steps::{self, Counted, Step};
use super::{Toolchain, folder};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{screen, whole};

/// Functions that are listed one by one.
const LISTED: usize = 25;

/// Cores with dot products and halves. Others take three instructions for sixteen products of bytes.
const WITH_DOT_AND_HALVES: [&str; 1] = ["cortex-a76"];
/// The operation that is computed in halves there, whatever the pack's precision.
const IN_HALVES: &str = "uniultra.Attention";

/// What a shipped pack takes on a core.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The core.
    pub core: String,
    /// `int8` or `f32`.
    pub precision: String,
    /// Of one encode.
    pub encode: Counts,
    /// Of one click.
    pub click: Counts,
}

/// Sums of an operation or a function: all instructions, and each class.
type Sums = BTreeMap<String, [u64; CLASSES.len() + 1]>;

/// Counts the shipped models, and prints what was asked for; the `.json` of both goes to the target folder.
pub(super) fn run(
    workspace: &Workspace,
    toolchain: &Toolchain,
    cores: &[&str],
    detail: Detail,
) -> Result<()> {
    let counter = Counter::setup(workspace)?;
    let program = steps::build(workspace, toolchain)?;
    let functions = if detail.places { Some(Functions::read(&program)?) } else { None };
    let counted = steps::count_shipped(workspace, &counter, &program, cores, detail)?;
    let mut values = Vec::new();
    if detail.classes && !detail.places {
        screen::line(&format!("\n{}", by_class(&counted)));
    }
    for (core, of) in &counted {
        for (name, step) in [("encode", &of.encode), ("click", &of.click)] {
            let mut value = json!({
                "core": core, "model": of.model, "precision": of.precision, "step": name,
                "counts": step.counts.as_json(),
            });
            if let Some(functions) = &functions {
                let sums = sums(step, functions);
                let title = format!("{core}, {}, {name}", of.model);
                screen::line(&format!("\n{}", by_operation(&title, core, step, &sums)));
                value["operations"] = as_json(&sums[0]);
                value["functions"] = as_json(&sums[1]);
            }
            values.push(value);
        }
    }
    let name = if detail.places { "by-operation.json" } else { "by-class.json" };
    let file = folder(workspace).join("counted").join(name);
    keep(workspace, &file, &values)
}

/// Counts the shipped models for the race.
pub fn count_shipped(
    workspace: &Workspace,
    toolchain: &Toolchain,
    cores: &[&str],
    detail: Detail,
) -> Result<Vec<Shipped>> {
    let counter = Counter::setup(workspace)?;
    let program = steps::build(workspace, toolchain)?;
    let counted = steps::count_shipped(workspace, &counter, &program, cores, detail)?;
    let shipped = counted.into_iter().map(|(core, of)| Shipped {
        core: core.to_string(),
        precision: of.precision,
        encode: of.encode.counts,
        click: of.click.counts,
    });
    Ok(shipped.collect())
}

fn keep(workspace: &Workspace, file: &Path, values: &[Value]) -> Result<()> {
    let text = format!("{}\n", serde_json::to_string_pretty(values)?);
    whole::write(file, text.as_bytes())?;
    screen::line(&format!("wrote {}", workspace.shown(file)));
    Ok(())
}

/// Heads of columns for the classes of instructions, for a Markdown table.
pub fn class_heads() -> [String; 2] {
    [format!("{} |", CLASSES.join(" | ")), " ---: |".repeat(CLASSES.len())]
}

/// Cells: all instructions, each class, in millions.
pub fn class_cells(all: u64, classes: &[u64]) -> String {
    let cell = |count: &u64| match *count as f64 / 1e6 {
        millions if millions >= 0.05 => format!(" {millions:.1} |"),
        _ => " |".to_string(),
    };
    std::iter::once(&all).chain(classes).map(cell).collect()
}

/// Cells: misses of both caches in millions, traffic of memory in MB.
pub fn cache_cells(counts: &Counts) -> String {
    let [first, second] = counts.misses.map(|misses| misses as f64 / 1e6);
    format!(" {first:.2} | {second:.2} | {:.1} |", counts.memory_bytes as f64 / 1e6)
}

fn by_class(counted: &[(&str, Counted)]) -> String {
    let [heads, rule] = class_heads();
    let mut text = format!(
        "| core, model, step | all | {heads} L1 misses | L2 misses | memory, MB |\n\
         | --- | ---: |{rule} ---: | ---: | ---: |\n"
    );
    for (core, of) in counted {
        for (name, Step { counts, .. }) in [("encode", &of.encode), ("click", &of.click)] {
            let cells = class_cells(counts.instructions, &counts.classes);
            text += &format!("| {core}, {}, {name} |{cells}{}\n", of.model, cache_cells(counts));
        }
    }
    text
}

/// By operation and by function.
fn sums(step: &Step, functions: &Functions) -> [Sums; 2] {
    let mut sums = [Sums::new(), Sums::new()];
    for block in &step.blocks {
        let function = functions.at(block.offset);
        for (sums, name) in sums.iter_mut().zip([operation(function), function.to_string()]) {
            let sum = sums.entry(name).or_insert([0; CLASSES.len() + 1]);
            let each = std::iter::once(&block.instructions).chain(&block.classes);
            for (sum, count) in sum.iter_mut().zip(each) {
                *sum += count * block.executions;
            }
        }
    }
    sums
}

/// The fewest instructions for the products of an operation: four of floats in an FMLA or eight of halves,
/// sixteen of bytes in a dot product or in three of SMULL, SMLAL2 and SADALP.
fn floor(core: &str, op: &str, [real, integer]: [u64; 2]) -> u64 {
    match WITH_DOT_AND_HALVES.contains(&core) {
        true => real / if op == IN_HALVES { 8 } else { 4 } + integer / 16,
        false => real / 4 + integer * 3 / 16,
    }
}

fn by_operation(
    title: &str,
    core: &str,
    step: &Step,
    [operations, functions]: &[Sums; 2],
) -> String {
    let mut floors: BTreeMap<&str, u64> = BTreeMap::new();
    for (op, macs) in &step.ops {
        if let Some(module) = module(op) {
            *floors.entry(module).or_default() += floor(core, op, *macs);
        }
    }
    let [heads, rule] = class_heads();
    let mut text =
        format!("{title}\n\n| operation | products | all | {heads}\n| --- | ---: | ---: |{rule}\n");
    for (name, [all, classes @ ..]) in largest(operations) {
        let floor = floors.get(name.as_str());
        let floor = floor.map_or(String::new(), |count| format!(" {:.1}", *count as f64 / 1e6));
        text += &format!("| {name} |{floor} |{}\n", class_cells(*all, classes));
    }
    text += &format!("\n| function | all | {heads}\n| --- | ---: |{rule}\n");
    for (name, [all, classes @ ..]) in largest(functions).into_iter().take(LISTED) {
        // A bar would end the cell.
        let name = name.replace('|', "/");
        text += &format!("| `{name}` |{}\n", class_cells(*all, classes));
    }
    text
}

fn largest(sums: &Sums) -> Vec<(&String, &[u64; CLASSES.len() + 1])> {
    let mut sums: Vec<_> = sums.iter().collect();
    sums.sort_by_key(|(name, [all, ..])| (std::cmp::Reverse(*all), *name));
    sums
}

fn as_json(sums: &Sums) -> Value {
    let of = |[all, classes @ ..]: &[u64; CLASSES.len() + 1]| json!({ "instructions": all, "classes": classes });
    sums.iter().map(|(name, sum)| (name.clone(), of(sum))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_of_the_core() {
        let found = ["cortex-a53", "cortex-a76"]
            .map(|core| ["uniultra.Linear", IN_HALVES].map(|op| floor(core, op, [40, 160])));
        assert_eq!(found, [[40, 40], [20, 15]]);
    }

    #[test]
    fn the_largest_operation_comes_first_beside_its_floor() {
        let mut sums = Sums::new();
        for (name, millions) in [("gelu", 1), ("linear", 3)] {
            let mut counts = [0; CLASSES.len() + 1];
            [counts[0], counts[1]] = [millions * 1_000_000; 2];
            sums.insert(name.to_string(), counts);
        }
        let step = Step {
            counts: Counts::default(),
            blocks: Vec::new(),
            macs: [0; 2],
            ops: vec![("uniultra.Linear".to_string(), [8_000_000, 0])],
        };
        let text = by_operation("t", "cortex-a53", &step, &[sums.clone(), sums]);
        let rows: Vec<_> = text.lines().collect();
        assert!(rows[4].starts_with("| linear | 2.0 | 3.0 | 3.0 | |"), "{text}");
        assert!(rows[5].starts_with("| gelu | | 1.0 | 1.0 | |"), "{text}");
        assert!(rows[9].starts_with("| `linear` | 3.0 |"), "{text}");
    }
}
