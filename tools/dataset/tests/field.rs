//! Data folders as people have them, from `../shared/field`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, a skipped one says so"
)]

use std::path::{Path, PathBuf};
use uniultra_dataset::{Found, Query, Sample, Shard, SplitPart, find_cases};

/// The folders, or a note on stderr that they are absent.
fn field() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/field/data");
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no ../shared/field");
    None
}

fn find(data: &Path) -> Found {
    let query = Query { data, sets: &[], split: SplitPart::Val, limit: None, shard: Shard::WHOLE };
    find_cases(&query).unwrap()
}

#[test]
fn every_image_is_used_with_its_mask() {
    let Some(field) = field() else { return };
    for (name, stems) in [
        ("img_tif", &["a", "b"][..]),
        ("img_dup", &["a"]),
        ("csv_bom", &["a"]),
        ("csv_png", &["a"]),
        ("split_upper", &["a"]),
        ("split_bom", &["a"]),
        ("nfd", &["caf\u{e9}"]),
        ("mask_upper", &["a"]),
    ] {
        let found = find(&field.join(name));
        let found_stems: Vec<_> = found.cases.iter().map(|case| case.stem.as_str()).collect();
        assert_eq!(found_stems, stems, "{name}");
        for case in &found.cases {
            assert_eq!(Sample::load(case).unwrap().objects.len(), 1, "{name}");
            let expected = name.starts_with("csv").then_some([0.2, 0.2]);
            let found = case.pixel_spacing.map(|spacing| [spacing.x_mm(), spacing.y_mm()]);
            assert_eq!(found, expected, "{name}");
        }
        // Of `a.jpg` and `a.png` one is used, and the other is named.
        let problems: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
        match name {
            "img_dup" => assert!(problems.len() == 1 && problems[0].contains("a.jpg is not used")),
            _ => assert!(problems.is_empty(), "{name}: {problems:?}"),
        }
    }
}
