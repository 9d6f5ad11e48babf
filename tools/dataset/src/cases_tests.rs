//! Data folders, good and bad.

use super::*;
use tempfile::TempDir;

/// A data folder with empty files.
fn data(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn query(folder: &TempDir) -> Query<'_> {
    let (split, shard) = (SplitPart::Val, Shard::WHOLE);
    Query { data: folder.path(), sets: &[], split, limit: None, shard }
}

fn stems(found: &Found) -> Vec<String> {
    found.cases.iter().map(|case| format!("{}/{}", case.set, case.stem)).collect()
}

#[test]
fn both_layouts_and_both_formats_are_found() {
    let folder = data(&[
        ("ours/image/b.png", ""),
        ("ours/image/a.JPG", ""),
        ("ours/image/a.png", ""),
        ("ours/image/.hidden.png", ""),
        ("ours/image/notes.txt", ""),
        ("theirs/image_1024/c.png", ""),
        ("theirs/data_split.json", r#"{"val": ["c.png"]}"#),
        ("other/readme", ""),
        ("README.md", ""),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["ours/a", "ours/b", "theirs/c"]);
    assert!(found.cases[0].image.ends_with("ours/image/a.png"));
    assert!(found.cases[2].mask.ends_with("theirs/mask_1024/c.png"));
    assert_eq!(found.problems, []);
}

#[test]
fn the_split_decides_and_says_what_it_lacks() {
    let folder = data(&[
        ("s/image/a.png", ""),
        ("s/image/b.png", ""),
        ("s/data_split.json", r#"{"train": ["b"], "val": ["a", "gone", "../../etc/a"]}"#),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["s/a"]);
    let stems_of: Vec<_> = found.problems.iter().map(|p| p.stem.as_str()).collect();
    assert_eq!(stems_of, ["../../etc/a", "gone"]);
    let all = find_cases(&Query { split: SplitPart::All, ..query(&folder) }).unwrap();
    assert_eq!(stems(&all), ["s/a", "s/b"]);
}

#[test]
fn a_limit_spreads_and_shards_share_out() {
    let names: Vec<String> = (0..10).map(|i| format!("s/image/{i}.png")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let folder = data(&files);
    let limited = Query { limit: Some(4), ..query(&folder) };
    let whole = stems(&find_cases(&limited).unwrap());
    assert_eq!(whole, ["s/0", "s/2", "s/5", "s/7"]);
    let part = |text: &str| {
        stems(&find_cases(&Query { shard: text.parse().unwrap(), ..limited.clone() }).unwrap())
    };
    assert_eq!([part("0/2"), part("1/2")], [["s/0", "s/5"], ["s/2", "s/7"]]);
}

#[test]
fn scales_come_by_stem() {
    let folder = data(&[
        ("hc18/image/a.png", ""),
        ("hc18/image/b.png", ""),
        ("hc18/pixel_size.csv", "stem,pixel_size_mm,head_circumference_mm\na,0.1,44.5\nb,x,1\n"),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    let scale = |i: usize| (found.cases[i].pixel_size_mm, found.cases[i].head_circumference_mm);
    assert_eq!(scale(0), (Some(0.1), Some(44.5)));
    assert_eq!(scale(1), (None, Some(1.0)));
    assert!(found.problems[0].what.contains("line 3"), "{:?}", found.problems);
}

#[test]
fn folders_without_sets_are_refused() {
    let folder = data(&[("image/a.png", "")]);
    assert!(matches!(find_cases(&query(&folder)), Err(FolderError::NoSets { .. })));
    for bad in ["absent", "..", "", "a/b"] {
        let sets = [bad.to_string()];
        let error = find_cases(&Query { sets: &sets, ..query(&folder) });
        assert!(matches!(error, Err(FolderError::NoSet { .. })), "{bad}");
    }
    let gone = folder.path().join("gone");
    let error = find_cases(&Query { data: &gone, ..query(&folder) });
    assert!(matches!(error, Err(FolderError::Read { .. })));
}

#[test]
fn a_part_without_images_is_a_problem() {
    let folder = data(&[("s/image/a.png", ""), ("s/data_split.json", r#"{"val": []}"#)]);
    let found = find_cases(&query(&folder)).unwrap();
    assert!(found.cases.is_empty() && found.problems[0].what.contains("`val`"));
}
