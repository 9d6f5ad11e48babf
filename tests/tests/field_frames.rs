//! The frames of `../shared/field`, which people reported to other programs of this kind: each has
//! its right answer. The files that show one ellipse are clicked in its middle.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so if it is skipped"
)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use uniultra_core::{DecodeOptions, Frame};
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, root, run};
use uniultra_tests::packs::{ScratchPack, random};

/// The middle of the ellipse.
const MIDDLE: &str = "183,125";

/// The folder, which is not part of the repository.
fn folder() -> Option<PathBuf> {
    let folder = root().join("../shared/field/frames");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no ../shared/field");
    None
}

/// A small model of random weights, for what does not depend on the mask.
fn pack() -> ScratchPack {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", 1), &options)
}

/// Runs `segment` with the model inside the program, or with another.
fn segment(frame: &Path, model: Option<&Path>, rest: &[&str]) -> Run {
    let mut args = vec!["segment".into(), frame.as_os_str().to_owned()];
    args.extend(model.iter().flat_map(|model| ["--model".into(), model.as_os_str().to_owned()]));
    args.extend(["--json", "-"].map(Into::into));
    args.extend(rest.iter().map(Into::into));
    run("uniultra", args)
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.succeeds().stdout).unwrap()
}

fn codes(report: &Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect()
}

#[test]
fn what_is_no_whole_frame_is_refused_by_name() {
    let Some(folder) = folder() else { return };
    let pack = pack();
    for (name, words) in [
        ("j_trunc_eoi.jpg", ["truncated", "JPEG"]),
        ("j_lossless_sof3.jpg", ["lossless", "SOF3"]),
        ("x_html.png", ["HTML", "again"]),
        ("x_lfs.png", ["Git LFS", "git lfs pull"]),
        ("np_one.npy", ["NumPy", "PNG"]),
    ] {
        let path = folder.join(name);
        segment(&path, Some(&pack.folder()), &["--point", "20,20"])
            .fails(3, &[name, words[0], words[1]]);
    }
}

#[test]
fn sound_files_of_rarer_kinds_are_read() {
    let Some(folder) = folder() else { return };
    let pack = pack();
    for name in ["j_420_rst.jpg", "j_trailing.jpg", "j_prog_420_dri.jpg", "base_gray.png"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        // The decoder of the crate `image`, by itself, reads these right.
        let wanted = image::load_from_memory(&bytes).unwrap().to_rgb8();
        let found = Frame::decode(&bytes).unwrap();
        for (x, y, wanted) in wanted.enumerate_pixels() {
            let found = found.rgb(x as usize, y as usize).unwrap();
            assert_eq!(found, wanted.0.map(|v| f32::from(v) / 255.0), "{name}: {x},{y}");
        }
        report(&segment(&folder.join(name), Some(&pack.folder()), &["--point", MIDDLE]));
    }
    for (name, point) in [("m_big16.tif", "8,8"), ("m_pal16.tif", "8,8"), ("u_4bit.tif", MIDDLE)] {
        let report =
            report(&segment(&folder.join(name), Some(&pack.folder()), &["--point", point]));
        assert!(!codes(&report).contains(&"more_pages"), "{name}: {report}");
    }
    let pages = folder.join("t_multipage.tif");
    let report = report(&segment(&pages, Some(&pack.folder()), &["--point", MIDDLE]));
    assert!(codes(&report).contains(&"more_pages"), "{report}");
}

/// `x.dcm` holds the picture of `base_gray.png`.
#[test]
fn a_dicom_file_gives_what_its_picture_gives() {
    let Some(folder) = folder() else { return };
    let [dicom, picture] = ["x.dcm", "base_gray.png"]
        .map(|name| report(&segment(&folder.join(name), None, &["--point", MIDDLE])));
    assert!(dicom["area_px"].as_u64() > Some(0), "{dicom}");
    for key in ["area_px", "bounding_box", "contours", "predicted_iou"] {
        assert_eq!(dicom[key], picture[key], "{key}");
    }
}

/// Baseline files with a scan for each colour.
#[test]
fn separate_scans_have_libjpeg_s_pixels() {
    let Some(folder) = folder() else { return };
    let frame = |name: &str| Frame::decode(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    let largest = |a: &Frame, b: &Frame| {
        let places = (0..251).flat_map(|y| (0..333).map(move |x| (x, y)));
        let differences =
            places.map(|(x, y)| (a.gray(x, y).unwrap() - b.gray(x, y).unwrap()).abs());
        differences.fold(0.0, f32::max) * 255.0
    };
    // Decoders round differently; see `runtime/core/tests/jpeg.rs`.
    let found = largest(&frame("j_nonint_440.jpg"), &frame("j_nonint_440.reference.png"));
    assert!(found <= 4.0, "{found}");
    // The same picture, compressed otherwise.
    let found = largest(&frame("j_nonint_420_chroma_first.jpg"), &frame("j_420_rst.jpg"));
    assert!(found <= 4.0, "{found}");
}

#[test]
fn four_bits_are_the_same_picture() {
    let Some(folder) = folder() else { return };
    let frame = |name| Frame::decode(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    let (base, four) = (frame("base_gray.png"), frame("u_4bit.tif"));
    for (x, y) in (0..251).flat_map(|y| (0..333).map(move |x| (x, y))) {
        let (wanted, found) = (base.gray(x, y).unwrap(), four.gray(x, y).unwrap());
        assert!((wanted - found).abs() <= 1.01 / 15.0, "{x},{y}: {wanted} {found}");
    }
}

/// Files of 320 x 320 px. Upright, their ellipse is at the top left; as stored, it is at the bottom.
#[test]
fn a_turned_frame_is_clicked_as_it_is_seen() {
    const MIDDLE_UPRIGHT: [f64; 2] = [89.0, 90.0];
    let Some(folder) = folder() else { return };
    let base = report(&segment(&folder.join("base_gray.png"), None, &["--point", MIDDLE]));
    assert!(base["frame"]["orientation_applied"].is_null(), "{base}");
    for name in ["q_orient6.jpg", "q_orient6.png"] {
        let report = report(&segment(&folder.join(name), None, &["--point", "89,90"]));
        assert_eq!(report["frame"]["orientation_applied"], 6, "{name}");
        for (axis, middle) in MIDDLE_UPRIGHT.into_iter().enumerate() {
            let found = report["centroid"][axis].as_f64().unwrap();
            assert!((found - middle).abs() < 3.0, "{name}: {}", report["centroid"]);
        }
        // Its half axes are 38 and 46 pixels.
        let area = report["area_px"].as_f64().unwrap();
        assert!(
            (area / (38.0 * 46.0 * std::f64::consts::PI) - 1.0).abs() < 0.1,
            "{name}: {area} px"
        );
    }
}

#[test]
fn twelve_bits_in_sixteen_are_noticed_and_can_be_stated() {
    let Some(folder) = folder() else { return };
    let path = folder.join("p_16_12bitdata.png");
    let dark = report(&segment(&path, None, &["--point", MIDDLE]));
    let message = dark["warnings"].as_array().unwrap();
    let message = message.iter().find(|warning| warning["code"] == "low_bit_depth").unwrap();
    assert!(message["message"].as_str().unwrap().contains("--bit-depth 12"), "{dark}");

    let stated = report(&segment(&path, None, &["--point", MIDDLE, "--bit-depth", "12"]));
    assert!(!codes(&stated).contains(&"low_bit_depth"), "{stated}");
    let base = report(&segment(&folder.join("base_gray.png"), None, &["--point", MIDDLE]));
    let [found, wanted] = [&stated, &base].map(|report| report["area_px"].as_f64().unwrap());
    assert!((found / wanted - 1.0).abs() < 0.05, "{found} of {wanted} px");
    segment(&path, None, &["--point", MIDDLE, "--bit-depth", "8"]).fails(3, &["bit depth", "255"]);
    segment(&path, None, &["--point", MIDDLE, "--bit-depth", "17"]).fails(2, &["17"]);

    let bytes = std::fs::read(&path).unwrap();
    let options = DecodeOptions::new().with_bit_depth(12).unwrap();
    let frame = Frame::decode_with(&bytes, &options).unwrap().frame;
    let brightest = (0..251).flat_map(|y| (0..333).map(move |x| (x, y)));
    let brightest = brightest.map(|(x, y)| frame.gray(x, y).unwrap()).fold(0.0, f32::max);
    assert!(brightest > 0.5, "{brightest}");
}

#[test]
fn images_turned_by_exif_are_scored_upright() {
    let Some(frames) = folder() else { return };
    let out = tempfile::tempdir().unwrap();
    let (data, out) = (frames.join("../data/exif180"), out.path().join("report"));
    let mut args = vec!["evaluate".into(), "--data".into(), data.into_os_string()];
    args.extend(["--out".into(), out.clone().into_os_string()]);
    args.extend(["--split", "all", "--prompt", "point"].map(Into::into));
    run("uniultra-tools", args).succeeds();
    let report = std::fs::read(out.join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let of_model = |row: &&Value| row["set"] == "x" && row["prompt"] == "point";
    let row = report["aggregates"].as_array().unwrap().iter().find(of_model).unwrap();
    let dice = row["dice"]["mean"].as_f64().unwrap();
    // Upside down, the object would not be where the mask is.
    assert!(dice > 0.95, "{dice}");
}
