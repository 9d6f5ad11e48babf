//! `uniultra segment` on DICOM files: frames, spacing from regions, segmentations and reports.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so where it cannot run"
)]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, root, run, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

const SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const COMPREHENSIVE_SR_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.88.33";

/// A small pack of random weights.
fn model() -> PathBuf {
    static PACK: OnceLock<ScratchPack> = OnceLock::new();
    let options = || ExportOptions { image_size: 64, ..ExportOptions::default() };
    let pack = PACK.get_or_init(|| ScratchPack::export(&random("uniultra-mini", 1), &options()));
    pack.folder()
}

/// A fixture of `runtime/dicom`: simulated pictures of 96 x 64 px.
fn fixture(name: &str) -> PathBuf {
    root().join("runtime/dicom/tests/fixtures").join(name)
}

fn segment(frame: &Path, rest: &[&str]) -> Run {
    let model = model();
    let fixed = ["segment", frame.to_str().unwrap(), "--model", model.to_str().unwrap()];
    run("uniultra", fixed.iter().chain(rest))
}

/// The JSON report of a run with a click in the middle.
fn report(frame: &Path, rest: &[&str]) -> Value {
    let run = segment(frame, &[&["--point", "40,30", "--json", "-"], rest].concat());
    run.succeeds();
    serde_json::from_str(&run.stdout).unwrap()
}

fn has_warning(report: &Value, code: &str) -> bool {
    report["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == code)
}

/// What an answer says without times and places of files.
fn measures(report: &Value) -> [Value; 5] {
    ["area_px", "area_mm2", "predicted_iou", "contours", "perimeter_mm"]
        .map(|key| report[key].clone())
}

#[test]
fn a_frame_gives_what_its_picture_gives() {
    let dicom = report(&fixture("jpegls_near.dcm"), &[]);
    let picture = report(&fixture("jpegls_near.png"), &[]);
    assert_eq!(dicom["contours"], picture["contours"]);
    assert_eq!(dicom["frame"]["number"], 1);
    assert!(picture["frame"]["number"].is_null());
    assert!(!has_warning(&dicom, "more_frames"), "{dicom}");
    // The content says what a file is, and its name does not.
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("frame.png");
    fs::copy(fixture("jpegls_near.dcm"), &renamed).unwrap();
    assert_eq!(measures(&report(&renamed, &[])), measures(&dicom));
}

#[test]
fn frames_are_chosen_by_their_number() {
    let cine = fixture("regions.dcm");
    let [first, third] = ["1", "3"].map(|number| report(&cine, &["--frame", number]));
    assert_eq!((&first["frame"]["number"], &third["frame"]["number"]), (&1.into(), &3.into()));
    assert_ne!(first["predicted_iou"], third["predicted_iou"]);
    assert!(!has_warning(&first, "more_frames"));
    let unsaid = report(&cine, &[]);
    assert!(has_warning(&unsaid, "more_frames"), "{unsaid}");
    assert_eq!(measures(&unsaid), measures(&first));
    let click = ["--point", "40,30"];
    segment(&cine, &[&click[..], &["--frame", "4"]].concat())
        .fails(3, &["regions.dcm", "--frame", "1 to 3", "found 4"]);
    segment(&cine, &[&click[..], &["--frame", "0"]].concat()).fails(2, &["--frame"]);
}

#[test]
fn the_region_under_the_prompt_gives_the_spacing() {
    let cine = fixture("regions.dcm");
    // Of this region a pixel is 0.1 mm wide and 0.2 mm high.
    let own = report(&cine, &[]);
    assert_eq!(own["pixel_spacing_mm"], serde_json::json!([0.1, 0.2]));
    assert_eq!(own["pixel_spacing_source"], "dicom");
    let given = report(&cine, &["--pixel-spacing", "0.1,0.2"]);
    assert_eq!(given["pixel_spacing_source"], "option");
    assert_eq!(measures(&own), measures(&given));
    assert!(own["area_mm2"].is_number());
    // What the user says goes before what the file says.
    let other = report(&cine, &["--pixel-spacing", "0.5"]);
    assert_eq!(other["pixel_spacing_mm"], 0.5);
    // Spectral Doppler: seconds across.
    let run = segment(&cine, &["--box", "62,2,90,28", "--json", "-"]);
    run.succeeds();
    let doppler: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(doppler["pixel_spacing_mm"].is_null() && has_warning(&doppler, "no_pixel_spacing"));
}

/// `uid` as a value of the element with this tag, explicit and little-endian.
fn holds(bytes: &[u8], tag: [u8; 4], uid: &str) -> bool {
    let mut value = uid.as_bytes().to_vec();
    value.resize(value.len().next_multiple_of(2), 0);
    let length = (value.len() as u16).to_le_bytes();
    let element = [&tag[..], b"UI", &length, &value].concat();
    bytes.windows(element.len()).any(|window| window == element)
}

#[test]
fn a_segmentation_and_a_report_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_string();
    fs::copy(fixture("regions.dcm"), path("cine.dcm")).unwrap();
    let before = fs::read(path("cine.dcm")).unwrap();
    let (seg, sr, mask) = (text("seg.dcm"), text("sr.dcm"), text("mask.png"));
    let options = ["--frame", "2", "--segment-code", "cyst", "--dicom-seg", &seg];
    let rest = [&options[..], &["--dicom-sr", &sr, "--out-mask", &mask]].concat();
    let report = report(&path("cine.dcm"), &rest);
    assert_eq!(fs::read(path("cine.dcm")).unwrap(), before, "the source stays as it is");
    const SOP_CLASS: [u8; 4] = [8, 0, 0x16, 0];
    for (name, class) in [("seg.dcm", SEGMENTATION_STORAGE), ("sr.dcm", COMPREHENSIVE_SR_STORAGE)] {
        let bytes = fs::read(path(name)).unwrap();
        assert_eq!(&bytes[128..132], b"DICM");
        assert!(holds(&bytes, SOP_CLASS, class), "{name}");
    }
    read_back(folder.path(), &report);

    // The same again gives the same bytes.
    let first = fs::read(path("seg.dcm")).unwrap();
    segment(&path("cine.dcm"), &[&["--point", "40,30"], &rest[..]].concat()).succeeds();
    assert_eq!(fs::read(path("seg.dcm")).unwrap(), first);
}

/// pydicom sees the mask of the PNG file and the area of the JSON report.
fn read_back(folder: &Path, report: &Value) {
    const SCRIPT: &str = "
import sys, numpy, pydicom
from PIL import Image
folder, area, pixels = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
source = pydicom.dcmread(folder + '/cine.dcm')
seg = pydicom.dcmread(folder + '/seg.dcm')
mask = numpy.array(Image.open(folder + '/mask.png')) > 0
assert mask.sum() == pixels
assert (seg.pixel_array.reshape(mask.shape) > 0).tolist() == mask.tolist()
assert seg.StudyInstanceUID == source.StudyInstanceUID
group = seg.PerFrameFunctionalGroupsSequence[0]
image = group.DerivationImageSequence[0].SourceImageSequence[0]
assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
assert image.ReferencedFrameNumber == 2
sr = pydicom.dcmread(folder + '/sr.dcm')
def walk(item):
    for child in getattr(item, 'ContentSequence', []):
        if child.ValueType == 'NUM' and child.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == 'mm2':
            yield float(child.MeasuredValueSequence[0].NumericValue)
        yield from walk(child)
areas = list(walk(sr))
assert len(areas) == 1 and abs(areas[0] - area) <= 1e-3 * area, (areas, area)
";
    let python = std::env::var_os("UNIULTRA_DICOM_PYTHON").unwrap_or_else(|| "python3".into());
    let has = |modules| Command::new(&python).args(["-c", modules]).output();
    if !has("import numpy, pydicom, PIL").is_ok_and(|run| run.status.success()) {
        eprintln!(
            "SKIPPED: reading back needs a Python with pydicom, numpy and Pillow; UNIULTRA_DICOM_PYTHON names one"
        );
        return;
    }
    let run = Command::new(&python)
        .args(["-c", SCRIPT])
        .arg(folder)
        .args([report["area_mm2"].to_string(), report["area_px"].to_string()])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn outputs_that_cannot_be_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (source, seg) = (path("study.dcm"), path("seg.dcm"));
    fs::copy(fixture("jpegls_near.dcm"), &source).unwrap();
    let before = fs::read(&source).unwrap();
    let with = |frame: &str, rest: &[&str]| {
        let fixed = ["--point", "40,30", "--segment-code", "cyst"];
        segment(Path::new(frame), &[&fixed[..], rest].concat())
    };
    with(&source, &["--dicom-seg", &source]).fails(2, &["--dicom-seg", "file of the frame"]);
    with(&source, &["--dicom-seg", &seg, "--dicom-sr", &seg])
        .fails(2, &["--dicom-sr", "file of --dicom-seg"]);
    with(&source, &["--dicom-seg", "-", "--json", "-"]).fails(2, &["--dicom-seg -", "--json"]);
    with(&source, &["--dicom-seg", &path("seg.png")]).fails(2, &["seg.png", "dcm"]);
    with(&source, &["--dicom-seg", &path("absent/seg.dcm")]).fails(6, &["absent"]);
    with(&source, &["--dicom-sr", &path("sr.dcm")]).fails(2, &["--dicom-seg"]);
    with(&source, &["--dicom-seg", &seg, "--bit-depth", "12"]).fails(2, &["--bit-depth", "DICOM"]);
    let frame = sample_frame();
    let frame = frame.to_str().unwrap();
    with(frame, &["--dicom-seg", &seg]).fails(2, &["--dicom-seg", "DICOM file", "frame.png"]);
    segment(Path::new(frame), &["--point", "40,30", "--frame", "1"])
        .fails(2, &["--frame", "DICOM file", "frame.png"]);
    assert_eq!(fs::read(&source).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn hostile_files_are_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.dcm");
    let sound = fs::read(fixture("gray_explicit.dcm")).unwrap();
    let mut endless = sound[..132].to_vec();
    // A file meta information that states four gigabytes.
    endless.extend(b"\x02\0\x01\0OB\0\0\xff\xff\xff\xfe");
    for bytes in [&sound[..sound.len() - 100], &sound[..140], &endless] {
        fs::write(&path, bytes).unwrap();
        segment(&path, &["--point", "40,30"]).fails(3, &["hostile.dcm", "expected", "found"]);
    }
    for name in ["refused_ct.dcm", "refused_signed.dcm", "refused_jpeg_12.dcm"] {
        segment(&fixture(name), &["--point", "40,30"]).fails(3, &[name, "expected", "found"]);
    }
}
