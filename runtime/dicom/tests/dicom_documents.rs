//! Segmentations and reports: bits, references, identifiers, and what is refused.
#![allow(clippy::unwrap_used)] // What cannot be written fails its test.

use std::path::PathBuf;
use uniultra_core::{Mask, PixelSpacing};
use uniultra_dicom::{Algorithm, CodedTerm, DicomImage, Measurements, SegmentKind, Segmentation};

const WIDTH_PX: usize = 96;
const HEIGHT_PX: usize = 64;

fn image(name: &str) -> DicomImage {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    DicomImage::open(folder.join(format!("{name}.dcm"))).unwrap()
}

fn mask(value: impl Fn(usize) -> bool) -> Mask {
    let values = (0..WIDTH_PX * HEIGHT_PX).map(|i| u8::from(value(i))).collect();
    Mask::from_binary(WIDTH_PX, HEIGHT_PX, values).unwrap()
}

fn start(name: &str) -> Segmentation {
    let algorithm = Algorithm::new("test", "1").unwrap();
    Segmentation::new(&image(name), "mass".parse().unwrap(), algorithm).unwrap()
}

/// Frames 0 and 2 of a cine.
fn segmentation() -> Segmentation {
    let mut segmentation =
        start("gray_explicit").with_spacing(PixelSpacing::with_sides(0.1, 0.2).unwrap());
    let measurements =
        Measurements { area_mm2: Some(1.5), long_axis_mm: Some(2.0), ..Default::default() };
    segmentation.add(0, &mask(|i| i == 0 || i == 9), measurements).unwrap();
    segmentation.add(2, &mask(|i| i % 3 == 0), Measurements::default()).unwrap();
    segmentation
}

fn seg(segmentation: &Segmentation) -> Vec<u8> {
    let mut bytes = Vec::new();
    segmentation.write_seg(&mut bytes).unwrap();
    bytes
}

fn sr(segmentation: &Segmentation) -> Vec<u8> {
    let mut bytes = Vec::new();
    segmentation.write_sr(&mut bytes).unwrap();
    bytes
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn masks_are_packed_without_gaps() {
    let bytes = seg(&segmentation());
    let packed = 2 * WIDTH_PX * HEIGHT_PX / 8;
    let header = b"\xE0\x7F\x10\x00OW\0\0".as_slice();
    let at = bytes.windows(8).position(|window| window == header).unwrap() + 12;
    let bits = &bytes[at..at + packed];
    assert_eq!(bits[..2], [1, 2]);
    assert_eq!(bits[packed / 2..][..3], [0b0100_1001, 0b1001_0010, 0b0010_0100]);
    // The spacing of rows comes first.
    assert_eq!(count(&bytes, b"\x28\x00\x30\x00DS\x08\x000.2\\0.1 "), 1);
    // The frame numbers of the source count from 1.
    assert_eq!(count(&bytes, b"\x08\x00\x60\x11IS\x02\x001 "), 1);
    assert_eq!(count(&bytes, b"\x08\x00\x60\x11IS\x02\x003 "), 1);
    assert_eq!(count(&bytes, b"\x20\x00\x52\x00UI"), 0, "no frame of reference");
}

/// Frames whose pixels do not fill bytes.
#[test]
fn bits_of_frames_run_on_in_a_byte() {
    let image = image("gray_explicit");
    let mut bytes = std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gray_explicit.dcm"),
    )
    .unwrap();
    // 17 columns and 19 rows of the same pixels.
    let (width, height) = (17, 19);
    for (element, value) in [(0x11, width), (0x10, height)] {
        let start = [0x28, 0, element, 0, b'U', b'S', 2, 0];
        let at = bytes.windows(8).position(|window| window == start).unwrap() + 8;
        bytes[at] = value;
    }
    let header = b"\xE0\x7F\x10\x00OW\0\0".as_slice();
    let at = bytes.windows(8).position(|window| window == header).unwrap() + 8;
    let length = 3 * usize::from(width) * usize::from(height);
    bytes[at..at + 4].copy_from_slice(&(length as u32 + 1).to_le_bytes());
    bytes.truncate(at + 4 + length + 1);
    let small = DicomImage::from_bytes(bytes).unwrap();
    assert!(small.frame(2).is_ok() && image.frame_count() == small.frame_count());

    let algorithm = Algorithm::new("test", "1").unwrap();
    let mut segmentation = Segmentation::new(&small, "mass".parse().unwrap(), algorithm).unwrap();
    let size = usize::from(width) * usize::from(height);
    for index in 0..3 {
        let mut values = vec![0; size];
        values[0] = 1;
        let mask = Mask::from_binary(width.into(), height.into(), values).unwrap();
        segmentation.add(index, &mask, Measurements::default()).unwrap();
    }
    let written = seg(&segmentation);
    let at = written.windows(8).position(|window| window == header).unwrap() + 12;
    let set: Vec<usize> =
        (0..3 * size).filter(|i| written[at + i / 8] >> (i % 8) & 1 == 1).collect();
    assert_eq!(set, [0, size, 2 * size]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (first, second) = (segmentation(), segmentation());
    assert_eq!((seg(&first), sr(&first)), (seg(&second), sr(&second)));
    assert_eq!(count(&seg(&first), first.seg_instance_uid().as_bytes()), 2);
    // The report names the segmentation in its evidence, and in both groups.
    assert_eq!(count(&sr(&first), first.seg_instance_uid().as_bytes()), 3);

    let mut other =
        start("gray_explicit").with_spacing(PixelSpacing::with_sides(0.1, 0.2).unwrap());
    other.add(0, &mask(|i| i == 0 || i == 10), Measurements::default()).unwrap();
    assert_ne!(first.seg_instance_uid(), other.seg_instance_uid());
    let before = (other.seg_instance_uid(), other.sr_instance_uid());
    let mut measured =
        start("gray_explicit").with_spacing(PixelSpacing::with_sides(0.1, 0.2).unwrap());
    let measurements = Measurements { perimeter_mm: Some(3.0), ..Default::default() };
    measured.add(0, &mask(|i| i == 0 || i == 10), measurements).unwrap();
    // Other measurements: another report of the same segmentation.
    assert_eq!(measured.seg_instance_uid(), before.0);
    assert_ne!(measured.sr_instance_uid(), before.1);
}

#[test]
fn patient_and_study_are_copied_with_their_character_set() {
    for bytes in [seg(&segmentation()), sr(&segmentation())] {
        assert_eq!(count(&bytes, b"\x08\x00\x05\x00CS\x0A\x00ISO_IR 100"), 1);
        // "Phantöm^Simulated" in Latin 1.
        assert_eq!(count(&bytes, b"\x10\x00\x10\x00PN\x12\x00Phant\xF6m^Simulated "), 1);
        assert_eq!(count(&bytes, b"\x08\x00\x23\x00DA\x08\x0020240102"), 1);
    }
    // A source without explicit representations gives explicit ones.
    let mut implicit = start("gray_implicit");
    implicit.add(0, &mask(|i| i == 5), Measurements::default()).unwrap();
    assert_eq!(count(&seg(&implicit), b"\x10\x00\x10\x00PN\x12\x00Phant\xF6m^Simulated "), 1);
}

#[test]
fn pixels_compressed_with_loss_are_said_to_be() {
    let mut lossy = start("jpeg_ybr_422");
    lossy.add(1, &mask(|i| i == 5), Measurements::default()).unwrap();
    let bytes = seg(&lossy);
    assert_eq!(count(&bytes, b"\x28\x00\x10\x21CS\x02\x0001"), 1);
    assert_eq!(count(&bytes, b"\x28\x00\x14\x21CS\x0C\x00ISO_10918_1 "), 1);
    assert_eq!(count(&seg(&segmentation()), b"\x28\x00\x10\x21CS\x02\x0000"), 1);
}

#[test]
fn documents_are_no_images() {
    let refused = |bytes| DicomImage::from_bytes(bytes).unwrap_err().to_string();
    assert!(refused(seg(&segmentation())).ends_with("(Segmentation Storage)"));
    assert!(refused(sr(&segmentation())).ends_with("(Comprehensive SR Storage)"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut segmentation = segmentation();
    let mut refused = |index, mask: &Mask, measurements| {
        segmentation.add(index, mask, measurements).unwrap_err().to_string()
    };
    let whole = mask(|_| true);
    let none = Measurements::default();
    assert_eq!(refused(1, &whole, none), "DICOM: segmented frame: expected one after 2, found 1");
    let mut fresh = start("gray_explicit");
    let mut refused = |index, mask: &Mask, measurements| {
        fresh.add(index, mask, measurements).unwrap_err().to_string()
    };
    assert_eq!(refused(3, &whole, none), "DICOM: segmented frame: expected 0 to 2, found 3");
    let small = Mask::from_binary(2, 2, vec![1; 4]).unwrap();
    assert_eq!(refused(0, &small, none), "DICOM: mask: expected 96x64, found 2x2");
    let wrong = Measurements { area_mm2: Some(f32::NAN), ..none };
    assert_eq!(refused(0, &whole, wrong), "DICOM: area: expected 0 or more, found NaN");
    let message = fresh.write_seg(&mut Vec::new()).unwrap_err().to_string();
    assert_eq!(message, "DICOM: segmented frames: expected 1 or more, found none");
    assert!(Algorithm::new("", "1").is_err() && CodedTerm::new("SCT", "1", "é").is_err());
    assert!("nothing".parse::<SegmentKind>().is_err());
}
