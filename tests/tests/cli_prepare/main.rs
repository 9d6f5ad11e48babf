//! `prepare`: every data set in small, in its own layout; what is refused; what is left behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod draw;
mod miniature;

use image::{GrayImage, ImageReader};
use miniature::Miniature;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use uniultra_tests::cli::{Run, command, run};

/// Prepares a miniature, or another folder under its name.
fn prepare(name: &str, raw: &Path, out: &Path, more: &[&str]) -> Run {
    let [raw, out] = [raw, out].map(|path| path.to_str().unwrap());
    let words = ["prepare", name, raw, "--out", out, "--threads", "2"];
    run("uniultra-tools", words.iter().chain(more))
}

fn prepared(mini: &Miniature, more: &[&str]) -> PathBuf {
    let out = mini.scratch().join("made/data");
    let options: Vec<_> = mini.options.iter().chain(more).copied().collect();
    prepare(mini.name, &mini.raw(), &out, &options).succeeds();
    out
}

fn gray(path: &Path) -> GrayImage {
    ImageReader::open(path).unwrap().decode().unwrap().into_luma8()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The part of each stem.
fn parts(set: &Path) -> BTreeMap<String, String> {
    let split = json(&set.join("data_split.json"));
    let names = |part: &str| split[part].as_array().unwrap().clone();
    ["train", "val", "test"]
        .into_iter()
        .flat_map(|part| names(part).into_iter().map(move |name| (name, part)))
        .map(|(name, part)| (name.as_str().unwrap().to_string(), part.to_string()))
        .collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

/// Nothing is beside a data folder that was or was not made.
fn assert_nothing_left(out: &Path) {
    let Ok(entries) = fs::read_dir(out.parent().unwrap()) else { return };
    let left: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path != out).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_data_set_has_its_masks_splits_and_sizes() {
    let minis = miniature::all();
    assert_eq!(minis.len(), 12);
    for mini in minis {
        let name = mini.name;
        let out = prepared(&mini, &[]);
        assert_nothing_left(&out);
        let sets: BTreeSet<&str> = mini.expected.iter().map(|image| image.set).collect();
        let found = files(&out);
        let wanted = sets.iter().map(|set| (*set).to_string()).chain(["prepare.json".to_string()]);
        assert_eq!(found, wanted.collect(), "{name}");
        for set in sets {
            let folder = out.join(set);
            let stems: BTreeSet<String> =
                mini.expected.iter().filter(|i| i.set == set).map(|i| i.stem.clone()).collect();
            let pngs: BTreeSet<String> = stems.iter().map(|stem| format!("{stem}.png")).collect();
            assert_eq!(files(&folder.join("image")), pngs, "{name}/{set}");
            assert_eq!(files(&folder.join("mask")), pngs, "{name}/{set}");
            assert_eq!(parts(&folder).into_keys().collect::<BTreeSet<_>>(), stems, "{name}/{set}");
            let readme = fs::read_to_string(folder.join("README.md")).unwrap();
            for words in ["Licence", "Cite", "Where it comes from", "What was done"] {
                assert!(readme.contains(words), "{name}/{set}: no {words}");
            }
            let sizes = mini.sizes.iter().find(|(with, _)| *with == set);
            let table = fs::read_to_string(folder.join("pixel_size.csv")).ok();
            assert_eq!(table.as_deref(), sizes.map(|(_, table)| *table), "{name}/{set}");
        }
        for image in &mini.expected {
            let (set, what) = (out.join(image.set), format!("{name}/{}/{}", image.set, image.stem));
            let mask = gray(&set.join("mask").join(format!("{}.png", image.stem)));
            assert!(mask.pixels().all(|pixel| matches!(pixel[0], 0 | 255)), "{what}");
            let wrong = mask.pixels().zip(image.mask.pixels()).filter(|(a, b)| a != b).count();
            // JPEG blurs the outlines of TN3K's masks.
            let allowed = if name == "tn3k" { 2 } else { 0 };
            assert!(wrong <= allowed, "{what}: {wrong} pixels");
            let picture = gray(&set.join("image").join(format!("{}.png", image.stem)));
            assert_eq!(picture.dimensions(), draw::SIZE.into(), "{what}");
            if let Some(part) = image.part {
                assert_eq!(parts(&set)[&image.stem], part, "{what}");
            }
        }
        let report = json(&out.join("prepare.json"));
        assert_eq!(
            (&report["schema"], &report["data_set"]),
            (&"uniultra-prepare".into(), &name.into())
        );
    }
}

#[test]
fn pictures_without_loss_keep_every_pixel() {
    for (mini, stem, seed) in [
        (miniature::udiat(), "udiat/image/udiat_000003.png", 3),
        (miniature::camus(), "camus_lv/image/patient0002_2CH_ED.png", 2),
        (miniature::uns(6), "uns/image/uns_1_2.png", 1),
    ] {
        assert_eq!(gray(&prepared(&mini, &[]).join(stem)), draw::picture(seed), "{stem}");
    }
}

#[test]
fn subjects_stay_together_and_the_split_stays_the_same() {
    let mini = miniature::uns(60);
    let of = |out: &str, more: &[&str]| {
        let out = mini.scratch().join(out);
        prepare("uns", &mini.raw(), &out, more).succeeds();
        let mut all = parts(&out.join("uns"));
        all.extend(parts(&out.join("uns-empty")));
        all
    };
    let first = of("a", &["--val-share", "0.3", "--test-share", "0.3"]);
    assert_eq!(first.len(), 60);
    assert_eq!(first.values().collect::<BTreeSet<_>>().len(), 3);
    for subject in 1..=30 {
        assert_eq!(first[&format!("uns_{subject}_1")], first[&format!("uns_{subject}_2")]);
    }
    assert_eq!(of("b", &["--val-share", "0.3", "--test-share", "0.3"]), first);
    let all = of("c", &["--val-share", "0", "--test-share", "0"]);
    assert!(all.values().all(|part| part == "train"));
    let out = mini.scratch().join("d");
    prepare("uns", &mini.raw(), &out, &["--val-share", "0.5", "--test-share", "0.5"])
        .fails(2, &["--val-share", "0.5"]);
    // Patients instead of the published lists.
    let camus = miniature::camus();
    let out = prepared(&camus, &["--resplit", "--val-share", "0", "--test-share", "0"]);
    assert!(parts(&out.join("camus_la")).values().all(|part| part == "train"));
    assert_eq!(json(&out.join("prepare.json"))["split"]["source"], "hash");
}

#[test]
fn another_data_set_is_named() {
    let minis = miniature::all();
    for asked in ["busi", "tn3k", "hc18", "camus"] {
        for mini in minis.iter().filter(|mini| mini.name != asked) {
            let out = mini.scratch().join("wrong/data");
            let found = prepare(asked, &mini.raw(), &out, &[]);
            found.fails(3, &[&format!("expected {asked} as distributed"), "hint:"]);
            let like = found.stderr.split("it looks like ").nth(1);
            let like = like.unwrap_or_else(|| panic!("{}: {}", mini.name, found.stderr));
            let names = like.lines().next().unwrap().split(" or ").collect::<Vec<_>>();
            assert!(names.contains(&mini.name), "{}: {names:?}", mini.name);
            assert!(!mini.scratch().join("wrong").exists());
        }
    }
    let empty = tempfile::tempdir().unwrap();
    let out = empty.path().join("data");
    prepare("busi", empty.path(), &out, &[])
        .fails(3, &["found no file", "not there: `benign`, `malignant`, `normal`"]);
    prepare("busi", Path::new("/nowhere"), &out, &[]).fails(3, &["/nowhere"]);
    let half = miniature::busi();
    fs::remove_dir_all(half.raw().join("Dataset_BUSI_with_GT/malignant")).unwrap();
    prepare("busi", &half.raw(), &out, &[]).fails(3, &["not there: `malignant`"]);
}

#[test]
fn missing_masks_are_listed_and_can_be_left_out() {
    let mini = miniature::udiat();
    fs::remove_file(mini.raw().join("UDIAT/GT/000002.png")).unwrap();
    let out = mini.scratch().join("made/data");
    let refused = prepare("udiat", &mini.raw(), &out, &[]);
    refused.fails(
        3,
        &["each of 8 images", "1 without", "udiat_000002", "GT/000002.png", "--allow-missing"],
    );
    assert!(!out.parent().unwrap().exists());
    prepare("udiat", &mini.raw(), &out, &["--allow-missing"]).succeeds();
    assert_eq!(files(&out.join("udiat/image")).len(), 7);
    let report = json(&out.join("prepare.json"));
    assert_eq!(report["problems"][0]["stem"], "udiat_000002");
    // A mask of another size is found when it is read.
    let mini = miniature::udiat();
    GrayImage::new(40, 40).save(mini.raw().join("UDIAT/GT/000005.png")).unwrap();
    let out = mini.scratch().join("made/data");
    prepare("udiat", &mini.raw(), &out, &[]).fails(3, &["udiat_000005", "96x72", "40x40"]);
    assert!(!out.exists());
    assert_nothing_left(&out);
}

#[test]
fn a_truncated_image_is_refused_and_leaves_nothing() {
    for (mini, file) in [
        (miniature::udiat(), "UDIAT/original/000004.png"),
        (miniature::camus(), "database_nifti/patient0002/patient0002_2CH_ED.nii.gz"),
    ] {
        let path = mini.raw().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
        let out = mini.scratch().join("made/data");
        let name = path.file_name().unwrap().to_str().unwrap();
        prepare(mini.name, &mini.raw(), &out, &["--allow-missing"]).fails(3, &[name]);
        assert!(!out.exists());
        assert_nothing_left(&out);
    }
}

#[test]
fn what_exists_is_never_touched() {
    let mini = miniature::udiat();
    let out = mini.scratch().join("made/data");
    fs::create_dir_all(&out).unwrap();
    prepare("udiat", &mini.raw(), &out, &[]).fails(6, &["exists already", "--out"]);
    assert!(files(&out).is_empty());
    let file = mini.scratch().join("made/file");
    fs::write(&file, "mine").unwrap();
    prepare("udiat", &mini.raw(), &file, &[]).fails(6, &["exists already"]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let inside = file.join("data");
    prepare("udiat", &mini.raw(), &inside, &[]).fails(6, &["made/file"]);
}

#[test]
fn a_killed_run_leaves_all_or_nothing() {
    let mini = miniature::uns(240);
    let out = mini.scratch().join("made/data");
    let start = Instant::now();
    prepare("uns", &mini.raw(), &out, &[]).succeeds();
    let whole = start.elapsed();
    let mut killed = 0;
    for share in [1, 3, 5, 7, 9] {
        let out = mini.scratch().join(format!("made/data{share}"));
        let mut child = command("uniultra-tools")
            .args(["prepare", "uns", "--threads", "2", "--out"])
            .args([&out, &mini.raw()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep((whole * share / 10).max(Duration::from_millis(2)));
        child.kill().unwrap();
        if child.wait().unwrap().success() || out.exists() {
            let sets = ["uns", "uns-empty"].map(|set| files(&out.join(set).join("mask")).len());
            assert_eq!(sets.iter().sum::<usize>(), 240);
            assert!(out.join("prepare.json").is_file());
        } else {
            killed += 1;
        }
    }
    assert!(killed > 0, "each run was over before it was killed");
    // The next run removes what killed ones left.
    prepare("uns", &mini.raw(), &mini.scratch().join("made/last"), &[]).succeeds();
    let hidden = files(&mini.scratch().join("made"));
    assert!(hidden.iter().all(|name| !name.starts_with('.')), "{hidden:?}");
}

#[test]
fn near_duplicates_across_parts_are_named_and_can_be_tied() {
    let mini = miniature::udiat();
    // 20 more views of one picture: some are in other parts.
    for number in 101..121 {
        let brighter = GrayImage::from_fn(96, 72, |x, y| {
            let value = draw::picture(3).get_pixel(x, y)[0];
            image::Luma([value.saturating_add((number - 100) as u8 / 4)])
        });
        draw::save(&mini.raw().join(format!("UDIAT/original/{number:06}.png")), &brighter);
        draw::save(&mini.raw().join(format!("UDIAT/GT/{number:06}.png")), &draw::disc(3));
    }
    let out = mini.scratch().join("made/data");
    let found = prepare("udiat", &mini.raw(), &out, &["--json", "-"]);
    found.succeeds();
    let report: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(report, json(&out.join("prepare.json")));
    let alike = &report["near_duplicates"];
    assert_eq!((alike["images"].as_u64(), alike["pairs"].as_u64()), (Some(21), Some(210)));
    let crossing = alike["crossing"].as_array().unwrap();
    assert!(!crossing.is_empty() && crossing.len() < 210);
    let split = parts(&out.join("udiat"));
    for pair in crossing {
        let part = |stem: &str| split[pair[stem].as_str().unwrap()].clone();
        assert_ne!(part("first"), part("second"));
    }
    let out = mini.scratch().join("made/tied");
    let found = prepare("udiat", &mini.raw(), &out, &["--group-duplicates"]);
    assert!(found.succeeds().stdout.contains("0 cross parts"), "{}", found.stdout);
    let split = parts(&out.join("udiat"));
    let of = |number: u32| &split[&format!("udiat_{number:06}")];
    assert!((101..121).all(|number| of(number) == of(3)));
}

#[test]
fn evaluate_reads_what_was_prepared() {
    for mini in [miniature::busi(), miniature::camus()] {
        let data = prepared(&mini, &[]);
        let report = mini.scratch().join("report");
        let words = ["evaluate", "--split", "all", "--threads", "2", "--prompt", "box", "--data"];
        let paths = [data.as_os_str(), "--out".as_ref(), report.as_os_str()];
        let words = words.iter().map(std::ffi::OsStr::new).chain(paths);
        run("uniultra-tools", words).succeeds();
        let report = json(&report.join("report.json"));
        assert_eq!(report["problems"], Value::Array(Vec::new()), "{}", mini.name);
        let sets: BTreeSet<&str> = mini.expected.iter().map(|image| image.set).collect();
        for set in sets {
            assert!(report.to_string().contains(&format!("\"{set}\"")), "{set}");
        }
    }
}

#[test]
fn the_list_names_every_data_set_and_usage_is_checked() {
    let list = run("uniultra-tools", ["prepare", "--list"]);
    for mini in miniature::all() {
        assert!(list.succeeds().stdout.contains(&format!("| `{}` |", mini.name)), "{}", mini.name);
    }
    run("uniultra-tools", ["prepare", "imagenet", "raw", "--out", "data"])
        .fails(2, &["imagenet", "busi"]);
    run("uniultra-tools", ["prepare", "busi"]).fails(2, &["RAW_DIR", "--out"]);
    let mini = miniature::udiat();
    let out = mini.scratch().join("data");
    prepare("udiat", &mini.raw(), &out, &["--json", "/nowhere/x.json"]).fails(6, &["x.json"]);
    assert!(!out.exists());
}
