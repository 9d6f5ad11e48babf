//! Images of every kind that is read, compared with the pixels that other programs encoded or decode.
#![allow(clippy::unwrap_used, clippy::expect_used)] // What cannot be read fails its test.

use std::path::PathBuf;
use uniultra_core::{Frame, Pixels};
use uniultra_dicom::{
    BurnedInAnnotation, DicomImage, PhysicalUnit, ReadError, SpatialFormat, TransferSyntax,
};

const WIDTH_PX: usize = 96;
const HEIGHT_PX: usize = 64;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn open(name: &str) -> Result<DicomImage, ReadError> {
    DicomImage::open(folder().join(format!("{name}.dcm")))
}

/// All samples in one list, of full range of 16 bits.
fn samples(frame: &Frame) -> (usize, Vec<u16>) {
    let values = match frame.pixels() {
        Pixels::Gray8(values) | Pixels::Rgb8(values) => {
            values.iter().map(|value| u16::from(*value) * 257).collect()
        }
        Pixels::Gray16(values) | Pixels::Rgb16(values) => values.clone(),
    };
    (frame.pixels().channels(), values)
}

/// The largest difference that a file's samples may have, in steps of 8 bits.
fn tolerance(name: &str) -> u16 {
    match name {
        // Other cosine transforms and other interpolation of colours.
        _ if name.starts_with("jpeg_ybr") => 6,
        _ if name.starts_with("jpeg_") => 2,
        // The standard lets a decoder choose a value within a step of quantization. OpenJPEG takes the middle,
        // ours the lower end. The steps of this strongly compressed file are wide.
        "j2k_ict" => 20,
        // The reference rounds the conversion of colours in integers.
        _ if name.starts_with("ybr_") => 1,
        _ => 0,
    }
}

#[test]
fn pixels_are_those_that_others_see() {
    let list = std::fs::read_to_string(folder().join("expected.txt")).unwrap();
    let mut count = 0;
    for line in list.lines() {
        let (name, picture) = line.split_once(' ').unwrap();
        let bytes = std::fs::read(folder().join(format!("{picture}.png"))).unwrap();
        let expected = Frame::decode(&bytes).unwrap();
        let image = open(name).unwrap();
        assert_eq!((image.width(), image.height()), (WIDTH_PX, HEIGHT_PX), "{name}");
        assert_eq!(image.frame_count() * HEIGHT_PX, expected.height(), "{name}");
        let (channels, expected) = samples(&expected);
        let frame_samples = WIDTH_PX * HEIGHT_PX * channels;
        // The last frame first: no frame needs another.
        for index in (0..image.frame_count()).rev() {
            let frame = image.frame(index).unwrap();
            let (found_channels, found) = samples(&frame);
            assert_eq!(found_channels, channels, "{name}");
            let expected = &expected[index * frame_samples..][..frame_samples];
            let worst = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 257 * tolerance(name), "{name}, frame {index}: {worst}");
        }
        count += 1;
    }
    assert!(count >= 30, "{count} files");
}

#[test]
fn depth_and_channels_are_kept() {
    let pixels = |name| open(name).unwrap().frame(0).unwrap().pixels().clone();
    assert!(matches!(pixels("gray_explicit"), Pixels::Gray8(_)));
    assert!(matches!(pixels("gray_12_of_16"), Pixels::Gray16(_)));
    assert!(matches!(pixels("jpeg_ybr_422"), Pixels::Rgb8(_)));
    assert!(matches!(pixels("palette_8"), Pixels::Rgb8(_)));
    assert!(matches!(pixels("palette_16"), Pixels::Rgb16(_)));
}

#[test]
fn frames_that_do_not_exist_are_named() {
    let image = open("rle_gray").unwrap();
    assert_eq!(image.frame(3).unwrap_err().to_string(), "frame index: expected 0 to 2, found 3");
    assert_eq!(
        open("rgb").unwrap().frame(usize::MAX).unwrap_err().to_string(),
        format!("frame index: expected 0 to 0, found {}", usize::MAX)
    );
}

#[test]
fn times_come_from_the_vector_or_the_interval() {
    assert_eq!(
        open("gray_explicit").unwrap().frame_times_ms().unwrap().unwrap(),
        [0.0, 40.0, 80.0]
    );
    assert_eq!(open("regions").unwrap().frame_times_ms().unwrap().unwrap(), [0.0, 33.5, 74.75]);
    assert_eq!(open("rgb").unwrap().frame_times_ms().unwrap(), None);
}

#[test]
fn the_region_under_a_point_gives_its_spacing() {
    let image = open("regions").unwrap();
    assert_eq!(image.regions().len(), 5);
    let sides =
        |x, y| image.spacing_at(x, y).unwrap().map(|spacing| [spacing.x_mm(), spacing.y_mm()]);
    // Taller than wide; depth counts downwards.
    assert_eq!(sides(5, 5), Some([0.1, 0.2]));
    // A region in a region.
    assert_eq!(sides(25, 25), Some([0.05, 0.05]));
    // A spectrum: seconds across, centimetres a second down.
    assert_eq!(sides(70, 10), None);
    let spectrum = image.region_at(70, 10).unwrap();
    assert_eq!(spectrum.units, [PhysicalUnit::Second, PhysicalUnit::CentimetrePerSecond]);
    assert_eq!((spectrum.spatial_format, spectrum.data_type), (SpatialFormat::Spectral, 3));
    // Graphics without units.
    assert_eq!(sides(70, 40), None);
    // Only the region of low priority is left.
    assert_eq!(sides(70, 60), Some([0.5, 0.5]));
    assert_eq!(sides(96, 64), None);
    // A secondary capture has no regions and no spacing.
    assert_eq!(open("secondary").unwrap().spacing_at(0, 0).unwrap(), None);
}

#[test]
fn the_summary_has_nothing_of_the_patient() {
    let image = open("regions").unwrap();
    assert_eq!(image.burned_in_annotation(), BurnedInAnnotation::Yes);
    let summary = image.summary();
    assert_eq!(
        summary.to_string(),
        "Ultrasound Multi-frame Image Storage, Explicit VR Little Endian, 3 frames of 96x64, \
         MONOCHROME2 8 bits, 5 regions, text burned in"
    );
    let all = format!("{summary:?} {image:?}");
    assert!(
        !all.contains("Simulated^") && !all.contains("SIM-1") && !all.contains("2024"),
        "{all}"
    );
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let refused = |name: &str| match open(name) {
        Err(error) => error.to_string(),
        Ok(image) => image.frame(0).unwrap_err().to_string(),
    };
    assert_eq!(
        refused("refused_signed"),
        "DICOM: pixel representation: expected 0 (unsigned), found 1"
    );
    assert_eq!(
        refused("refused_ct"),
        "DICOM: SOP class: expected an ultrasound image or a secondary capture, \
         found 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"
    );
    assert_eq!(
        refused("refused_jpeg_12"),
        "frame index 0: JPEG: expected 8 bits, found 12 bits, 12 bits stored"
    );
    let text = DicomImage::from_bytes(b"not a DICOM file".to_vec()).unwrap_err().to_string();
    assert_eq!(
        text,
        "DICOM file: byte 128: file: expected the letters DICM, found 16 bytes in all"
    );
}

/// Another transfer syntax in a file whose identifier has the same length.
#[test]
fn video_and_big_endian_are_refused_by_name() {
    let bytes = std::fs::read(folder().join("rle_gray.dcm")).unwrap();
    let rle = b"1.2.840.10008.1.2.5";
    let at = bytes.windows(rle.len()).position(|window| window == rle).unwrap();
    let mut other = bytes.clone();
    other[at + rle.len() - 1] = b'2';
    let message = DicomImage::from_bytes(other).unwrap_err().to_string();
    assert!(message.ends_with("found 1.2.840.10008.1.2.2 (Explicit VR Big Endian)"), "{message}");
    assert_eq!(DicomImage::from_bytes(bytes).unwrap().transfer_syntax(), TransferSyntax::Rle);
}
