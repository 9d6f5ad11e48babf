//! Opening folders, good and bad: every image that cannot be used is named.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folders;

use folders::{disk, write, write_bytes};
use tempfile::TempDir;
use uniultra_dataset::{AugmentConfig, DataConfig, Dataset, DatasetError};

fn open(folder: &TempDir, toml: &str) -> Result<Dataset, DatasetError> {
    let config: DataConfig = toml::from_str(toml).unwrap();
    Dataset::open(&config, folder.path())
}

const SET: &str = "[[set]]\nname = \"s\"\npath = \"s\"\n";

/// A set with one good image and one of each problem.
fn troubled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for stem in ["good", "no-mask", "corrupt", "torn", "size", "specks", "empty", "gray"] {
        write(folder.path(), "s/image", stem, &disk(60, 50, 0.3));
    }
    for (stem, mask) in [
        ("good", disk(60, 50, 0.3)),
        ("corrupt", disk(60, 50, 0.3)),
        ("torn", disk(60, 50, 0.3)),
        ("size", disk(50, 60, 0.3)),
        ("specks", disk(60, 50, 0.001)),
        ("empty", disk(60, 50, 0.0)),
    ] {
        write(folder.path(), "s/mask", stem, &mask);
    }
    let mut gray = disk(60, 50, 0.3);
    gray.pixels_mut().for_each(|pixel| pixel.0[0] /= 255);
    write(folder.path(), "s/mask", "gray", &gray);
    write_bytes(folder.path(), "s/image/corrupt.png", b"not an image");
    let torn = std::fs::read(folder.path().join("s/image/torn.png")).unwrap();
    write_bytes(folder.path(), "s/image/torn.png", &torn[..torn.len() / 2]);
    write_bytes(
        folder.path(),
        "s/data_split.json",
        br#"{"train": ["good", "no-mask", "corrupt",
        "torn", "size", "specks", "empty", "gray", "absent"], "val": ["good"]}"#,
    );
    folder
}

const PROBLEMS: [(&str, &str); 8] = [
    ("absent", "image: expected a PNG, JPEG, BMP, TIFF or PNM file, found none"),
    ("corrupt", "image:"),
    ("empty", "mask: expected an object"),
    ("gray", "mask: expected gray values 0 and 255"),
    ("no-mask", "mask: cannot be read"),
    ("size", "60x50 and 50x60"),
    ("specks", "0.1 %"),
    ("torn", "image:"),
];

#[test]
fn every_problem_is_named_and_refused() {
    let error = open(&troubled(), SET).unwrap_err();
    let DatasetError::Problems { problems } = &error else { panic!("{error}") };
    let mut found: Vec<_> = problems.iter().map(|p| (p.stem.as_str(), p.what.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found.len(), PROBLEMS.len(), "{error}");
    for ((stem, what), (expected, part)) in found.iter().zip(PROBLEMS) {
        assert!(*stem == expected && what.contains(part), "{stem}: {what}");
        assert!(error.to_string().contains(&format!("s/{expected}: ")), "{error}");
    }
}

#[test]
fn problems_can_be_skipped() {
    let folder = troubled();
    let toml = format!("on_problem = \"skip\"\nthreads = 3\n{SET}");
    let dataset = open(&folder, &toml).unwrap();
    assert_eq!((dataset.len(0), dataset.problems().len()), (1, PROBLEMS.len()));
    let example = dataset.example(0, 0, 40, &AugmentConfig::none(), 1).unwrap();
    assert_eq!((example.stem.as_str(), example.objects.len()), ("good", 1));
    // The other part has nothing wrong.
    let val = open(&folder, &format!("{SET}split = \"val\"\n")).unwrap();
    assert!(val.len(0) == 1 && val.problems().is_empty());
}

#[test]
fn empty_masks_are_fine_where_they_are_meant() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s/image", "a", &disk(40, 40, 0.3));
    write(folder.path(), "s/mask", "a", &disk(40, 40, 0.0));
    let error = open(&folder, &format!("on_problem = \"skip\"\n{SET}")).unwrap_err();
    assert!(error.to_string().contains("s/a: mask: expected an object"), "{error}");
    let dataset = open(&folder, &format!("{SET}negatives = true\n")).unwrap();
    assert!(dataset.is_negative(0));
    let example = dataset.example(0, 0, 32, &AugmentConfig::default(), 1).unwrap();
    assert!(example.objects.is_empty());
}

#[test]
fn both_layouts_are_read_and_limited() {
    let folder = tempfile::tempdir().unwrap();
    for stem in ["a", "b", "c", "d"] {
        write(folder.path(), "data/s/image_1024", stem, &disk(40, 40, 0.3));
        write(folder.path(), "data/s/mask_1024", stem, &disk(40, 40, 0.2));
    }
    let toml = "[[set]]\nname = \"s\"\npath = \"../data/s\"\nlimit = 2\n";
    std::fs::create_dir(folder.path().join("configs")).unwrap();
    let config: DataConfig = toml::from_str(toml).unwrap();
    let dataset = Dataset::open(&config, &folder.path().join("configs")).unwrap();
    let stem = |index| dataset.example(0, index, 32, &AugmentConfig::none(), 0).unwrap().stem;
    assert_eq!((dataset.len(0), stem(0), stem(1)), (2, "a".to_string(), "c".to_string()));
}

#[test]
fn a_set_can_be_those_with_small_objects() {
    let folder = tempfile::tempdir().unwrap();
    for (stem, share) in [("a", 0.5), ("b", 0.05), ("c", 0.3), ("d", 0.08)] {
        write(folder.path(), "s/image", stem, &disk(40, 40, 0.4));
        write(folder.path(), "s/mask", stem, &disk(40, 40, share));
    }
    let stems = |toml: &str| {
        let dataset = open(&folder, &format!("{SET}{toml}")).unwrap();
        let stem = |index| dataset.example(0, index, 32, &AugmentConfig::none(), 0).unwrap().stem;
        (0..dataset.len(0)).map(stem).collect::<String>()
    };
    assert_eq!(stems(""), "abcd");
    assert_eq!(stems("smallest_object = [0.0, 0.1]\n"), "bd");
    assert_eq!(stems("smallest_object = [0.1, 0.4]\n"), "c");
    let error = open(&folder, &format!("{SET}smallest_object = [0.9, 1.0]\n")).unwrap_err();
    assert!(matches!(error, DatasetError::NoImages { .. }), "{error}");
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (toml, part) in [
        ("set = []\n", "at least one"),
        ("threads = 0\n[[set]]\nname = \"a\"\npath = \"a\"\n", "threads"),
        ("[[set]]\nname = \"\"\npath = \"a\"\n", "name"),
        ("[[set]]\nname = \"a\"\n", "neither"),
        ("[[set]]\nname = \"a\"\npath = \"a\"\nphantom = { seed = 1, count = 1 }\n", "both"),
        ("[[set]]\nname = \"a\"\npath = \"absent\"\n", "absent"),
        ("[[set]]\nname = \"a\"\npath = \"a\"\nweight = -1\n", "weight"),
        ("[[set]]\nname = \"a\"\npath = \"a\"\nlimit = 0\n", "limit"),
        ("[[set]]\nname = \"a\"\npath = \"a\"\nsmallest_object = [0.5, 0.1]\n", "0.5 to 0.1"),
        ("[[set]]\nname = \"a\"\nphantom = { seed = 1, count = 0 }\n", "count"),
        ("[[set]]\nname = \"a\"\nsplit = \"val\"\nphantom = { seed = 1, count = 1 }\n", "split"),
        ("[[set]]\nname = \"a\"\nphantom = { seed = 1, count = 1, empty_share = 2 }\n", "`a`"),
    ] {
        let error = open(&folder, toml).unwrap_err().to_string();
        assert!(error.contains(part), "{toml}: {error}");
    }
    for unknown in [
        "colour = 1\n",
        "[[set]]\nname = \"a\"\npath = \"a\"\nshare = 1\n",
        "[[set]]\nname = \"a\"\nphantom = { seed = 1, count = 1, scenes = \"lungs\" }\n",
    ] {
        assert!(toml::from_str::<DataConfig>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn augmentations_that_make_no_sense_are_refused() {
    for (toml, part) in [
        ("flip_horizontal = 1.5\n", "augment.flip_horizontal"),
        ("scale = { p = 2, range = [1, 1] }\n", "augment.scale"),
        ("scale = { p = 1, range = [2, 1] }\n", "augment.scale"),
        ("scale = { p = 1, range = [0, 1] }\n", "augment.scale"),
        ("noise = { p = 1, range = [nan, 0.1] }\n", "augment.noise"),
    ] {
        let augment: AugmentConfig = toml::from_str(toml).unwrap();
        let error = augment.validate().unwrap_err().to_string();
        assert!(error.contains(part), "{toml}: {error}");
    }
    let part: AugmentConfig = toml::from_str("rotate_deg = { p = 1, range = [-5, 5] }").unwrap();
    assert_eq!(part.scale, AugmentConfig::default().scale);
    assert!(AugmentConfig::none().validate().is_ok() && part.validate().is_ok());
    assert!(toml::from_str::<AugmentConfig>("polarity = 1\n").is_err());
}
