//! Cines on disk: layout, determinism, prompts, splits, refusals.

mod files;

use files::read_all;
use image::GrayImage;
use std::collections::BTreeSet;
use std::fs;
use uniultra_phantom::{
    CineConfig, CineDatasetConfig, CineRecord, PhantomConfig, PhantomError, Split, cine_stem,
    write_cine_dataset,
};

/// More than one thread makes at a time.
const FRAMES: u32 = 27;

fn config(count: u32) -> CineDatasetConfig {
    let phantom = PhantomConfig { size_px: Some([128, 128]), ..Default::default() };
    CineDatasetConfig {
        seed: 5,
        count,
        set_name: "cine".to_string(),
        cine: CineConfig { frames: FRAMES, phantom, ..Default::default() },
        force: false,
        threads: Some(2),
    }
}

#[test]
fn the_record_describes_the_files() {
    let out = tempfile::tempdir().unwrap();
    let summary = write_cine_dataset(out.path(), &config(5), &|| {}).unwrap();
    assert_eq!((summary.split, summary.frames), ([3, 1, 1], 5 * FRAMES as usize));
    assert_eq!(summary.targets.values().sum::<usize>(), 5);
    let set = out.path().join("cine");
    let record: CineRecord =
        serde_json::from_slice(&fs::read(set.join("cine.json")).unwrap()).unwrap();
    assert_eq!((record.format, record.seed, record.sequences.len()), (1, 5, 5));
    assert_eq!(record.config.frames, FRAMES);
    let read = |kind: &str, stem: &str| -> GrayImage {
        image::open(set.join(kind).join(format!("{stem}.png"))).unwrap().into_luma8()
    };
    let mut empty = 0;
    let mut firsts = BTreeSet::new();
    for (index, sequence) in record.sequences.iter().enumerate() {
        assert_eq!(sequence.id, format!("cine_{index:04}"));
        assert_eq!(sequence.frame_rate_hz, 20.0);
        assert_eq!(sequence.pixel_spacing_mm, sequence.geometry.mm_per_px);
        for (number, frame) in sequence.frames.iter().enumerate() {
            assert_eq!(frame.stem, cine_stem("cine", index as u32, number as u32));
            assert_eq!(read("image", &frame.stem).dimensions(), (128, 128));
            let mask = read("mask", &frame.stem);
            let area = mask.pixels().filter(|pixel| pixel.0[0] == 255).count();
            assert!(mask.pixels().all(|pixel| [0, 255].contains(&pixel.0[0])));
            assert_eq!((area, area > 0), (frame.state.area_px as usize, frame.visible));
            empty += usize::from(area == 0);
        }
        let prompt = sequence.prompt.as_ref().unwrap();
        assert_eq!(read("mask", &prompt.frame).get_pixel(prompt.x, prompt.y).0[0], 255);
        firsts.insert(read("image", &sequence.frames[0].stem).into_raw());
    }
    assert_eq!(empty, summary.empty);
    assert_eq!(firsts.len(), 5, "two sequences are the same");
    assert_eq!(read_all(&set).unwrap().len(), 5 * FRAMES as usize * 2 + 2);
}

#[test]
fn all_frames_of_a_sequence_are_in_one_part() {
    let out = tempfile::tempdir().unwrap();
    let few = config(6);
    let few = CineDatasetConfig { cine: CineConfig { frames: 2, ..few.cine }, ..few };
    write_cine_dataset(out.path(), &few, &|| {}).unwrap();
    let path = out.path().join("cine/data_split.json");
    let split: Split = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let stems = |sequences: &[u32]| -> Vec<String> {
        let frames = |&sequence: &u32| (0..2).map(move |frame| cine_stem("cine", sequence, frame));
        sequences.iter().flat_map(frames).collect()
    };
    assert_eq!(split.train, stems(&[0, 1, 2, 5]));
    assert_eq!(split.val, stems(&[3]));
    assert_eq!(split.test, stems(&[4]));
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let out = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for threads in [1, 3] {
        let folder = out.path().join(threads.to_string());
        let config = CineDatasetConfig { threads: Some(threads), ..config(2) };
        write_cine_dataset(&folder, &config, &|| {}).unwrap();
        written.push(read_all(&folder).unwrap());
    }
    assert!(written[0] == written[1], "files differ between 1 and 3 threads");
}

#[test]
fn a_data_set_in_the_way_is_replaced_only_by_force() {
    let out = tempfile::tempdir().unwrap();
    let few = |frames| {
        let all = config(1);
        CineDatasetConfig { cine: CineConfig { frames, ..all.cine }, ..all }
    };
    write_cine_dataset(out.path(), &few(2), &|| {}).unwrap();
    let before = read_all(out.path()).unwrap();
    let error = write_cine_dataset(out.path(), &few(3), &|| {}).unwrap_err();
    assert!(matches!(error, PhantomError::Exists { .. }) && error.is_output(), "{error}");
    assert!(read_all(out.path()).unwrap() == before);
    let forced = CineDatasetConfig { force: true, ..few(3) };
    write_cine_dataset(out.path(), &forced, &|| {}).unwrap();
    assert_eq!(read_all(out.path()).unwrap().len(), 3 * 2 + 2);
    fs::remove_file(out.path().join("cine/cine.json")).unwrap();
    let error = write_cine_dataset(out.path(), &forced, &|| {}).unwrap_err();
    assert!(matches!(error, PhantomError::NotAPhantom { .. }), "{error}");
}

#[test]
fn requests_that_make_no_sense_are_refused_before_anything_is_made() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("new");
    let good = config(1);
    for bad in [
        CineDatasetConfig { set_name: "a/b".to_string(), ..good.clone() },
        CineDatasetConfig { count: 0, ..good.clone() },
        CineDatasetConfig { count: 10_000, ..good.clone() },
        CineDatasetConfig { cine: CineConfig { frames: 0, ..good.cine }, ..good.clone() },
    ] {
        let error = write_cine_dataset(&folder, &bad, &|| {}).unwrap_err();
        assert!(!error.is_output(), "{error}");
    }
    assert!(!folder.exists());
}
