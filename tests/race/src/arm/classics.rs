//! `cargo xtask race --classics`: networks that others have timed on boards, counted as our own are.
//!
//! `uniultra-tools estimate` is calibrated with them. Each is ncnn's wheel on a network that
//! `tests/peers/classics` writes, on one thread.

use super::super::files::PEERS;
use super::super::lane::Lane;
use super::system::{self, System};
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{python, screen, whole};
use uniultra_cross::{Counter, Counts, Detail, noted};

/// What `uniultra-tools estimate` reads.
const FILE: &str = "tools/estimate/data/classics.json";
/// What the file says that it is.
const KIND: &str = "uniultra-classics";
/// The file descriptor that the lane answers on.
const ANSWERS: u32 = 100;
/// Classes, for constants may come to depend on them; caches, for they do.
const DETAIL: Detail = Detail { classes: true, places: false, caches: true };

/// A network's file and the side of its input in pixels.
struct Network {
    name: String,
    file: PathBuf,
    side: u64,
}

/// Counts networks, all if none is named, on each core, and prints a line for each; with `record`, keeps them in
/// place of what the file had for the same.
pub(in super::super) fn run(
    workspace: &Workspace,
    cores: &[&str],
    names: &[String],
    record: bool,
) -> Result<()> {
    let folder = std::path::absolute(workspace.target.join("race/classics"))?;
    let networks = write_networks(workspace, &folder, names)?;
    let counter = Counter::setup(workspace)?;
    let system = system::for_classics(workspace)?;
    let emulator = counter.version(workspace)?;
    for core in cores {
        for network in &networks {
            let (counts, engine) = count(workspace, &counter, &system, (core, network), &folder)?;
            let [first, second] = counts.misses.map(|misses| misses as f64 / 1e6);
            screen::line(&format!(
                "{core}, {}: {:.1} M instructions, {first:.2} M and {second:.2} M misses",
                network.name,
                counts.instructions as f64 / 1e6,
            ));
            if record {
                keep(
                    workspace,
                    &[emulator.as_str(), &engine[0], &engine[1]],
                    core,
                    network,
                    &counts,
                )?;
            }
        }
    }
    Ok(())
}

/// Has Python write the networks' files, and picks those that are asked for.
fn write_networks(workspace: &Workspace, folder: &Path, names: &[String]) -> Result<Vec<Network>> {
    let mut writer = workspace.command(python::system_python(workspace)?);
    writer.args(["-B", "-m", "classics"]).arg(folder);
    writer.env("PYTHONPATH", std::path::absolute(workspace.root.join(PEERS))?);
    let printed = workspace::output(&mut writer).context("cannot write the networks")?;
    let sides: Value = serde_json::from_str(&printed).context("expected JSON of the networks")?;
    let sides = sides.as_object().context("expected the networks' sides")?;
    let known: Vec<_> = sides.keys().map(String::as_str).collect();
    if let Some(name) = names.iter().find(|name| !sides.contains_key(*name)) {
        bail!("--network: expected one of {}, found {name}", known.join(", "));
    }
    let wanted = |name: &&String| names.is_empty() || names.contains(*name);
    let network = |name: &String| {
        let side = sides.get(name).and_then(Value::as_u64).context("expected a side in pixels")?;
        Ok(Network { name: name.clone(), file: folder.join(format!("{name}.param")), side })
    };
    sides.keys().filter(wanted).map(network).collect()
}

/// One run of a network, and the engine's version and setting.
fn count(
    workspace: &Workspace,
    counter: &Counter,
    system: &System,
    (core, network): (&str, &Network),
    folder: &Path,
) -> Result<(Counts, [String; 2])> {
    let name = format!("{core}-{}", network.name);
    uniultra_cross::dress(&system.root, core)?;
    let notes = folder.join(format!("{name}.notes"));
    let noting = (DETAIL, notes.as_path(), ANSWERS);
    let mut command = counter.command(workspace, core, &system.root, noting)?;
    // Without what the interpreter reads of packages: that takes longer than the small networks.
    command.arg(&system.python).args(["-S", "-B"]).arg(format!("{PEERS}/classic_lane.py"));
    command.arg(&network.file).arg(network.side.to_string()).arg("1");
    command.env("PYTHONPATH", &system.wheels);
    let mut lane = Lane::start(&mut command, folder.join(format!("{name}.txt")))?;
    let loaded = lane.load().with_context(|| name.clone())?;
    // The first run makes the buffers; a question for none is what a question costs.
    for runs in [1, 0, 1] {
        lane.encode(runs).with_context(|| name.clone())?;
    }
    lane.finish()?;
    let counts = of_a_run(&notes).with_context(|| name)?;
    Ok((counts, [loaded.engine, loaded.setting]))
}

fn of_a_run(notes: &Path) -> Result<Counts> {
    let notes = noted(notes)?;
    // Loaded; three of a run; the end.
    let [_, warm, asked, ran, _] = notes.as_slice() else {
        bail!("expected 5 answers of the lane, found {}", notes.len());
    };
    let question = asked.counts.since(&warm.counts)?;
    let answered = ran.counts.since(&asked.counts)?;
    answered.since(&question).context("expected a run to cost more than none")
}

/// Puts a count into the file.
fn keep(
    workspace: &Workspace,
    [emulator, engine, setting]: &[&str; 3],
    core: &str,
    network: &Network,
    counts: &Counts,
) -> Result<()> {
    let path = workspace.root.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let mut file: Value =
        serde_json::from_str(&text).with_context(|| format!("{FILE}: expected JSON"))?;
    ensure!(file["kind"] == KIND, "{FILE}: expected {KIND}, found {}", file["kind"]);
    file["date"] = json!(Timestamp::now().strftime("%F").to_string());
    file["emulator"] = json!(emulator);
    file["engine"] = json!(engine);
    file["setting"] = json!(setting);
    let list = file["counts"].as_array_mut().with_context(|| format!("{FILE}: expected counts"))?;
    put(list, core, &network.name, counts);
    whole::write(&path, text_of(&file)?.as_bytes())
}

/// In place of what there was for the same network on the same core; in order of both.
fn put(list: &mut Vec<Value>, core: &str, network: &str, counts: &Counts) {
    list.retain(|old| old["core"] != core || old["network"] != network);
    list.push(json!({
        "core": core,
        "network": network,
        "instructions": counts.instructions,
        "classes": counts.classes,
        "misses": counts.misses,
        "memory_bytes": counts.memory_bytes,
    }));
    list.sort_by_cached_key(|count| {
        [&count["core"], &count["network"]]
            .map(|word| word.as_str().unwrap_or_default().to_string())
    });
}

/// With a line for each count.
fn text_of(file: &Value) -> Result<String> {
    let mut text = String::from("{\n");
    for key in ["kind", "version", "date", "emulator", "engine", "setting"] {
        text += &format!("  \"{key}\": {},\n", file[key]);
    }
    let counts = file["counts"].as_array().context("expected counts")?;
    let lines: Vec<_> = counts.iter().map(|count| format!("    {count}")).collect();
    Ok(text + "  \"counts\": [\n" + &lines.join(",\n") + "\n  ]\n}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: u64) -> Counts {
        Counts { instructions, ..Counts::default() }
    }

    #[test]
    fn a_run_is_less_its_question_and_others_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = |all: u64| format!("note {all}{}\n", " 0".repeat(14));
        let text: String = [100, 200, 210, 260, 300].map(line).concat();
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(of_a_run(file.path()).unwrap().instructions, 40);
        std::fs::write(file.path(), line(1)).unwrap();
        assert!(of_a_run(file.path()).unwrap_err().to_string().contains("found 1"));
    }

    /// Layers and tensors of ncnn's own files for the same networks.
    const LAYERS_AND_TENSORS: [(&str, &str); 12] = [
        ("alexnet", "15 15"),
        ("mnasnet", "76 86"),
        ("mobilenet", "31 31"),
        ("mobilenet_int8", "31 31"),
        ("mobilenet_v2", "77 87"),
        ("resnet18", "50 58"),
        ("resnet18_int8", "50 58"),
        ("resnet50", "106 122"),
        ("resnet50_int8", "106 122"),
        ("shufflenet_v2", "109 125"),
        ("squeezenet", "48 56"),
        ("squeezenet_int8", "48 56"),
    ];

    #[test]
    fn networks_have_the_layers_that_were_timed() {
        let workspace = Workspace::find().unwrap();
        if python::system_python(&workspace).is_err() {
            screen::line("skipped: NO NETWORK WAS WRITTEN: expected Python, found none");
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let networks = write_networks(&workspace, scratch.path(), &[]).unwrap();
        assert_eq!(networks.len(), LAYERS_AND_TENSORS.len());
        for (name, counts) in LAYERS_AND_TENSORS {
            let network = networks.iter().find(|network| network.name == name).unwrap();
            let text = std::fs::read_to_string(&network.file).unwrap();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines[1], counts, "{name}");
            assert_eq!(format!("{}", lines.len() - 2), counts.split(' ').next().unwrap(), "{name}");
            // The input's layer says its side.
            assert!(lines[2].contains(&format!(" 0={} ", network.side)), "{name}: {}", lines[2]);
        }
        let unknown = write_networks(&workspace, scratch.path(), &["lenet".to_string()]);
        assert!(unknown.err().unwrap().to_string().contains("found lenet"));
    }

    #[test]
    fn a_count_replaces_its_own_and_no_other() {
        let mut list = Vec::new();
        put(&mut list, "b", "y", &counts(1));
        put(&mut list, "a", "y", &counts(2));
        put(&mut list, "b", "x", &counts(3));
        put(&mut list, "b", "y", &counts(4));
        let found: Vec<_> = list.iter().map(|count| count["instructions"].as_u64()).collect();
        assert_eq!(found, [Some(2), Some(3), Some(4)]);
        let file = json!({ "kind": KIND, "version": 1, "date": "d", "emulator": "e", "engine": "n",
                           "setting": "s", "counts": list });
        let text = text_of(&file).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), file);
        assert_eq!(text.lines().count(), 13);
    }
}
