//! Every profile in `boards/` is valid, says where its figures come from, and claims no more than
//! was done.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use uniultra_manifest::{Board, BoardFile, Pack, Tier};
use uniultra_tests::cli::root;

/// Kinds of core that `cargo xtask cross --emulate` runs the program as.
const EMULATED: [&str; 3] = ["cortex-a53", "cortex-a72", "cortex-a76"];
/// Memory of the system that `cargo xtask cross --boot` boots as on each of them.
const BOOTED_MIB: u32 = 128;

/// Least profiles that there must be: a loop over none would pass.
const PROFILES: usize = 9;

fn profiles() -> Vec<(PathBuf, Board)> {
    let entries = fs::read_dir(root().join("boards")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(paths.len() >= PROFILES, "{paths:?}");
    let open = |path: PathBuf| {
        let file = BoardFile::open(&path).map_err(|error| format!("{}: {error}", path.display()));
        (path, file.unwrap().board)
    };
    paths.into_iter().map(open).collect()
}

#[test]
fn every_profile_is_valid_and_named_as_its_file() {
    for (path, board) in profiles() {
        assert_eq!(path.file_stem().unwrap(), board.id.as_str());
        assert_eq!(Board::parse(&board.to_toml().unwrap()).unwrap(), board);
    }
}

#[test]
fn no_profile_claims_more_than_was_done() {
    for (_, board) in profiles() {
        let pins = board.pins();
        let used: Vec<_> = if pins.is_empty() {
            board.cores.iter().collect()
        } else {
            pins.iter().map(|&cpu| board.cores_of(cpu).unwrap()).collect()
        };
        let emulated = used.iter().all(|cores| EMULATED.contains(&cores.kind.as_str()));
        match board.tier {
            Tier::Estimated => {}
            Tier::Emulated => assert!(emulated, "{}: {used:?}", board.id),
            Tier::Booted => {
                let fits = board.memory.limit_mib >= BOOTED_MIB;
                assert!(emulated && fits, "{}: {used:?}, {:?}", board.id, board.memory);
            }
            Tier::Measured => assert_eq!(board.id, "host"),
        }
    }
}

#[test]
fn every_board_can_run_the_default_model() {
    let pack = Pack::open(&root().join("models/uniultra-mini-int8")).unwrap();
    let model = &pack.manifest().model;
    for (_, board) in profiles() {
        let run = &board.run;
        let asked = (run.image_size_px, run.precision);
        assert_eq!(asked, (model.image_size, model.precision), "{}", board.id);
    }
}

#[test]
fn the_readme_lists_every_board_with_its_tier() {
    let text = fs::read_to_string(root().join("boards/README.md")).unwrap();
    for (_, board) in profiles() {
        let id = &board.id;
        let link = format!("[{id}]({id}.toml)");
        let line = text.lines().find(|line| line.starts_with('|') && line.contains(&link));
        let line = line.ok_or(format!("{id} is not in boards/README.md")).unwrap();
        let memory = format!("{} GB/s", board.memory.bandwidth_gb_s);
        assert!(line.contains(board.tier.name()) && line.contains(&memory), "{line}");
    }
}

#[test]
fn the_readme_has_every_counted_model_as_the_file_has_it() {
    let text = fs::read_to_string(root().join("boards/README.md")).unwrap();
    let file = fs::read(root().join("boards/instructions.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let mut cores = Vec::new();
    for model in file["models"].as_array().unwrap() {
        let word = |key: &str| model[key].as_str().unwrap();
        let millions = |phase: &str| {
            format!("{:.1} M", model[phase]["instructions"].as_u64().unwrap() as f64 / 1e6)
        };
        let cells = [word("core"), word("precision"), word("graph")];
        // Older counts stand between the two.
        let row = format!("| {} | {} |", cells.join(" | "), millions("encode"));
        let click = format!("| {} |", millions("click"));
        let found = text.lines().any(|line| line.starts_with(&row) && line.contains(&click));
        assert!(found, "{row} .. {click} is not in boards/README.md");
        cores.push(word("core"));
    }
    assert!(EMULATED.iter().all(|core| cores.contains(core)), "{cores:?}");
    assert!(text.contains(file["date"].as_str().unwrap()));
}
