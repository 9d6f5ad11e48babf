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
fn both_layouts_and_all_formats_are_found() {
    let folder = data(&[
        ("ours/image/b.png", ""),
        ("ours/image/a.JPG", ""),
        ("ours/image/d.tif", ""),
        ("ours/image/e.BMP", ""),
        ("ours/mask/d.PNG", ""),
        ("ours/mask/e.bmp", ""),
        ("ours/image/.hidden.png", ""),
        ("ours/image/notes.txt", ""),
        ("theirs/image_1024/c.png", ""),
        ("theirs/data_split.json", r#"{"val": ["c.png"]}"#),
        ("other/readme", ""),
        ("README.md", ""),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["ours/a", "ours/b", "ours/d", "ours/e", "theirs/c"]);
    for (place, image, mask) in [
        (0, "ours/image/a.JPG", "ours/mask/a.png"),
        (2, "ours/image/d.tif", "ours/mask/d.PNG"),
        (3, "ours/image/e.BMP", "ours/mask/e.bmp"),
        (4, "theirs/image_1024/c.png", "theirs/mask_1024/c.png"),
    ] {
        assert!(found.cases[place].image.ends_with(image), "{image}");
        assert!(found.cases[place].mask.ends_with(mask), "{mask}");
    }
    assert_eq!(found.problems, []);
}

/// Stem and complaint of every problem.
fn problems(found: &Found) -> Vec<(&str, &str)> {
    found.problems.iter().map(|p| (p.stem.as_str(), p.what.as_str())).collect()
}

#[test]
fn what_is_not_used_is_named() {
    let folder = data(&[
        ("s/image/a.png", ""),
        ("s/image/a.jpg", ""),
        ("s/image/b.webp", ""),
        ("s/image/c.nii.gz", ""),
        ("s/image/IM0001", ""),
        ("s/image/12:30.png", ""),
        ("s/image/more/d.png", ""),
        ("s/image/README", ""),
        ("s/image/Thumbs.db", ""),
        ("s/mask/a.png", ""),
        ("s/mask/a.PNG", ""),
        ("s/mask/a.npy", ""),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["s/a"]);
    assert!(found.cases[0].image.ends_with("a.png") && found.cases[0].mask.ends_with("a.PNG"));
    let found = problems(&found);
    for (stem, complaint) in [
        ("12:30", "a name of more than 200 bytes or with control characters, `:` or `\\`"),
        ("IM0001", "found `IM0001`"),
        ("b", "found `b.webp`"),
        ("c.nii", "found `c.nii.gz`"),
        ("more", "found a folder `more`"),
        ("a", "image: expected one file of a name, found a.png and a.jpg; a.jpg is not used"),
        ("a", "mask: expected one file of a name, found a.PNG and a.png; a.png is not used"),
    ] {
        assert!(found.iter().any(|(s, what)| *s == stem && what.contains(complaint)), "{found:?}");
    }
    assert_eq!(found.len(), 7, "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let folder = data(&[("s/image/a.png", "")]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
    fs::write(folder.path().join("s/image").join(name), "").unwrap();
    let found = find_cases(&query(&folder)).unwrap();
    assert!(problems(&found)[0].1.contains("not UTF-8"), "{:?}", found.problems);
}

#[test]
fn a_list_is_a_choice_and_what_it_leaves_out_is_no_problem() {
    let folder = data(&[
        ("s/image/a.png", ""),
        ("s/image/b.webp", ""),
        ("s/image/c.webp", ""),
        ("s/data_split.json", r#"{"val": ["a", "b"]}"#),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["s/a"]);
    let found = problems(&found);
    assert!(found.len() == 1 && found[0].0 == "b" && found[0].1.contains("b.webp"), "{found:?}");
}

#[test]
fn lists_name_images_in_every_way() {
    let folder = data(&[
        ("s/image/a.png", ""),
        ("s/image/b.tif", ""),
        ("s/image/c.png.png", ""),
        ("s/image/d.png", ""),
        ("s/image/e 1.png", ""),
        (
            "s/data_split.json",
            "\u{feff}{\"val\": [\"a.PNG\", \"a\", \"b.jpg\", \"c.png\", \"image/d.png\", \" e 1.png\"]}",
        ),
    ]);
    let found = find_cases(&query(&folder)).unwrap();
    assert_eq!(stems(&found), ["s/a", "s/b", "s/c.png", "s/d", "s/e 1"]);
    assert_eq!(found.problems, []);
}

#[test]
fn accents_in_either_form_are_one_name() {
    let (nfc, nfd) = ("caf\u{e9}", "cafe\u{301}");
    for (image, mask, listed, row) in
        [(nfc, nfd, nfc, nfd), (nfd, nfc, nfc, nfc), (nfc, nfc, nfd, nfd), (nfd, nfd, nfd, nfc)]
    {
        let split = format!(r#"{{"val": ["{listed}"]}}"#);
        let table = format!("stem,pixel_size_mm\n{row},0.2\n");
        let folder = data(&[
            (&format!("{nfd}/image/{image}.png"), ""),
            (&format!("{nfd}/mask/{mask}.png"), ""),
            (&format!("{nfd}/data_split.json"), &split),
            (&format!("{nfd}/pixel_size.csv"), &table),
        ]);
        let sets = [nfc.to_string()];
        let found = find_cases(&Query { sets: &sets, ..query(&folder) }).unwrap();
        assert_eq!((found.cases.len(), found.problems.len()), (1, 0), "{:?}", found.problems);
        let case = &found.cases[0];
        assert!(case.image.is_file() && case.mask.is_file());
        let spacing = PixelSpacing::new(0.2).ok();
        assert_eq!((case.stem.as_str(), case.pixel_spacing), (nfc, spacing));
    }
    // Both at once are two files of one name.
    let folder = data(&[(&format!("s/image/{nfc}.png"), ""), (&format!("s/image/{nfd}.png"), "")]);
    let found = find_cases(&query(&folder)).unwrap();
    assert!(found.cases.len() == 1 && problems(&found)[0].1.contains("one file of a name"));
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
