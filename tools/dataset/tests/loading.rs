//! Phantoms and folders through plan and loader.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folders;

use folders::{disk, write, write_bytes};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use uniultra_dataset::{AugmentConfig, DataConfig, Dataset, Example, Loader, Plan, PlanItem};

const SIZE: usize = 48;

/// Eleven disks and five phantoms.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..11 {
        let share = 0.05 + f64::from(number) * 0.03;
        write(folder.path(), "disks/image", &format!("{number:02}"), &disk(70, 50, share));
        write(folder.path(), "disks/mask", &format!("{number:02}"), &disk(70, 50, share));
    }
    folder
}

const CONFIG: &str = "
[[set]]
name = \"disks\"
path = \"disks\"
[[set]]
name = \"phantoms\"
weight = 11
phantom = { seed = 3, count = 5, empty_share = 0.4, size_px = [160, 128] }
";

fn open(folder: &TempDir, before: &str) -> Arc<Dataset> {
    let config: DataConfig = toml::from_str(&format!("{before}{CONFIG}")).unwrap();
    Arc::new(Dataset::open(&config, folder.path()).unwrap())
}

fn load(
    dataset: &Arc<Dataset>,
    plan: &[PlanItem],
    skip: usize,
    threads: usize,
) -> Vec<Vec<Example>> {
    let dataset = Arc::clone(dataset);
    let augment = AugmentConfig::default();
    let loader = Loader::start(dataset, plan.to_vec(), 4, SIZE, augment, 9, skip, threads);
    loader.collect::<Result<_, _>>().unwrap()
}

#[test]
fn batches_do_not_depend_on_threads_memory_or_where_one_begins() {
    let folder = folder();
    let dataset = open(&folder, "");
    let plan = Plan::new(&dataset, None, 7).unwrap().epoch(2);
    assert_eq!(plan.len(), 16);
    let batches = load(&dataset, &plan[..14], 0, 1);
    let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(lengths, [4, 4, 4, 2]);
    let sets: Vec<usize> = batches.iter().flatten().map(|example| example.set).collect();
    assert!(sets.iter().eq(plan[..14].iter().map(|item| &item.set)));
    assert!(batches == load(&dataset, &plan[..14], 0, 3));
    assert!(batches[2..] == load(&dataset, &plan[..14], 2, 3)[..]);
    assert_eq!(load(&dataset, &plan[..14], 4, 2), [] as [Vec<Example>; 0]);
    let forgetful = open(&folder, "cache_mib = 0\nthreads = 2\n");
    assert!(batches == load(&forgetful, &plan[..14], 0, 2));
}

#[test]
fn phantoms_show_organs_where_asked_for() {
    let set = |name: &str, scenes: &str| {
        let phantom = "phantom = { seed = 3, count = 4, size_px = [160, 128]";
        format!("[[set]]\nname = \"{name}\"\n{phantom}{scenes} }}\n")
    };
    let config = [
        set("plain", ""),
        set("classic", ", scenes = \"classic\""),
        set("organs", ", scenes = \"organs\""),
    ];
    let config: DataConfig = toml::from_str(&config.concat()).unwrap();
    let dataset = Dataset::open(&config, Path::new("")).unwrap();
    for index in 0..4 {
        let [plain, classic, organs] = [0, 1, 2]
            .map(|set| dataset.example(set, index, SIZE, &AugmentConfig::none(), 0).unwrap());
        assert!(plain.image == classic.image && plain.objects == classic.objects);
        assert!(classic.image != organs.image, "frame {index}");
        assert!((1..=3).contains(&organs.objects.len()), "frame {index}");
    }
}

#[test]
fn a_loader_may_be_left_early() {
    let dataset = open(&folder(), "");
    let plan = Plan::new(&dataset, Some(400), 7).unwrap().epoch(0);
    let mut loader = Loader::start(dataset, plan, 2, SIZE, AugmentConfig::none(), 1, 0, 2);
    assert_eq!(loader.next().unwrap().unwrap().len(), 2);
    drop(loader);
}

#[test]
fn an_image_that_is_gone_is_an_error_of_its_batch() {
    let folder = folder();
    let dataset = open(&folder, "cache_mib = 0\n");
    write_bytes(folder.path(), "disks/image/03.png", b"gone");
    let items = (0..6).map(|index| PlanItem { set: 0, index, round: 0 }).collect();
    let loader = Loader::start(dataset, items, 2, SIZE, AugmentConfig::none(), 1, 0, 2);
    let batches: Vec<_> = loader.collect();
    assert!(batches[0].is_ok() && batches[2].is_ok());
    let error = batches[1].as_ref().unwrap_err().to_string();
    assert_eq!(error, "disks/03");
}

#[test]
fn phantoms_are_examples_with_and_without_objects() {
    let dataset = open(&folder(), "");
    assert_eq!(dataset.set_names(), ["disks", "phantoms"]);
    assert_eq!((dataset.len(1), dataset.len(2)), (5, 0));
    let none = AugmentConfig::none();
    let examples: Vec<Example> =
        (0..5).map(|index| dataset.example(1, index, SIZE, &none, 0).unwrap()).collect();
    let empty = examples.iter().filter(|example| example.objects.is_empty()).count();
    assert!((1..5).contains(&empty), "{empty}");
    assert_eq!(examples[0].stem, uniultra_phantom::stem("phantoms", 0));
    for example in &examples {
        assert_eq!(example.image.len(), SIZE * SIZE);
        assert!(example.image.iter().any(|value| *value > 0.1));
    }
    assert!(dataset.example(1, 5, SIZE, &none, 0).unwrap_err().to_string().contains("5 images"));
    assert!(dataset.example(1, 0, 0, &none, 0).is_err());
}
