//! Datasets on disk: layout, determinism, and refusals that leave everything as it was.

mod files;

use files::read_all;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use uniultra_phantom::{DatasetConfig, PhantomConfig, PhantomError, Split, write_dataset};

fn config(count: u32) -> DatasetConfig {
    DatasetConfig {
        seed: 5,
        count,
        set_name: "phantom".to_string(),
        phantom: PhantomConfig { size_px: Some([160, 128]), ..Default::default() },
        force: false,
        threads: Some(2),
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let out = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for threads in [1, 3] {
        let folder = out.path().join(threads.to_string());
        let config = DatasetConfig { threads: Some(threads), ..config(5) };
        write_dataset(&folder, &config, &|| {}).unwrap();
        written.push(read_all(&folder).unwrap());
    }
    assert_eq!(written[0].len(), 5 * 2 + 2);
    assert!(written[0].contains_key(Path::new("phantom/image/phantom_000004.png")));
    assert!(written[0].contains_key(Path::new("phantom/mask/phantom_000004.png")));
    assert!(written[0] == written[1], "files differ between 1 and 3 threads");
}

#[test]
fn the_split_is_disjoint_and_complete_and_descriptions_match_the_files() {
    let out = tempfile::tempdir().unwrap();
    let summary = write_dataset(out.path(), &config(11), &|| {}).unwrap();
    assert_eq!(summary.split, [9, 1, 1]);
    let set = out.path().join("phantom");
    let split: Split =
        serde_json::from_slice(&fs::read(set.join("data_split.json")).unwrap()).unwrap();
    let parts = [&split.train, &split.val, &split.test];
    let all: BTreeSet<&String> = parts.into_iter().flatten().collect();
    assert_eq!(all.len(), 11, "a stem is in two parts");
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(set.join("phantom.json")).unwrap()).unwrap();
    let frames = record["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 11);
    for (index, frame) in frames.iter().enumerate() {
        let stem = frame["stem"].as_str().unwrap();
        assert_eq!(frame["index"], index);
        assert!(all.contains(&stem.to_string()));
        let mask = image::open(set.join(format!("mask/{stem}.png"))).unwrap().into_luma8();
        assert_eq!(mask.dimensions(), (160, 128));
        assert!(mask.pixels().all(|p| p.0[0] == 0 || p.0[0] == 255));
        assert!(mask.pixels().any(|p| p.0[0] == 255), "{stem} has no target");
    }
    let listed: usize = summary.targets.values().sum();
    let described: usize = frames.iter().map(|f| f["targets"].as_array().unwrap().len()).sum();
    assert_eq!(listed, described);
}

#[test]
fn an_existing_dataset_is_replaced_only_by_force() {
    let out = tempfile::tempdir().unwrap();
    write_dataset(out.path(), &config(2), &|| {}).unwrap();
    let before = read_all(out.path()).unwrap();
    let error = write_dataset(out.path(), &config(3), &|| {}).unwrap_err();
    assert!(matches!(error, PhantomError::Exists { .. }) && error.is_output(), "{error}");
    assert!(read_all(out.path()).unwrap() == before);
    let forced = DatasetConfig { force: true, ..config(3) };
    write_dataset(out.path(), &forced, &|| {}).unwrap();
    assert_eq!(read_all(out.path()).unwrap().len(), 3 * 2 + 2);
}

#[test]
fn force_never_replaces_what_is_not_a_phantom_dataset() {
    let out = tempfile::tempdir().unwrap();
    let precious = out.path().join("phantom");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("patient.png"), b"keep").unwrap();
    let forced = DatasetConfig { force: true, ..config(1) };
    let error = write_dataset(out.path(), &forced, &|| {}).unwrap_err();
    assert!(matches!(error, PhantomError::NotAPhantom { .. }) && error.is_output(), "{error}");
    assert_eq!(fs::read(precious.join("patient.png")).unwrap(), b"keep");
    assert_eq!(read_all(out.path()).unwrap().len(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_output_error() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    fs::write(&file, b"in the way").unwrap();
    let error = write_dataset(&file.join("below"), &config(1), &|| {}).unwrap_err();
    assert!(matches!(error, PhantomError::Write { .. }) && error.is_output(), "{error}");
    assert_eq!(read_all(out.path()).unwrap().len(), 1);
}

#[test]
fn a_failure_midway_leaves_nothing_behind() {
    let out = tempfile::tempdir().unwrap();
    // Pull the rug after the first frame: the staging folder's masks vanish.
    let sabotage = || {
        for entry in fs::read_dir(out.path()).unwrap() {
            let _ = fs::remove_dir_all(entry.unwrap().path().join("set").join("mask"));
        }
    };
    let config = DatasetConfig { threads: Some(1), ..config(3) };
    let error = write_dataset(out.path(), &config, &sabotage).unwrap_err();
    assert!(matches!(error, PhantomError::Png { .. }) && error.is_output(), "{error}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn requests_that_make_no_sense_are_refused_before_anything_is_made() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("new");
    let names = ["", "..", "a/b", ".hidden", "-x", "caf\u{e9}"];
    let mut bad: Vec<DatasetConfig> =
        names.map(|name| DatasetConfig { set_name: name.to_string(), ..config(1) }).into();
    bad.push(config(0));
    let size = PhantomConfig { size_px: Some([16, 16]), ..Default::default() };
    bad.push(DatasetConfig { phantom: size, ..config(1) });
    for config in bad {
        let error = write_dataset(&folder, &config, &|| {}).unwrap_err();
        assert!(!error.is_output(), "{error}");
    }
    assert!(!folder.exists());
}
