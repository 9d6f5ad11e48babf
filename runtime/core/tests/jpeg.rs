//! JPEG files: libjpeg's pixels, or an error that says what is missing or unusual.
#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.

use image::{DynamicImage, ImageReader};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, FrameError, Pixels};

/// Largest difference from libjpeg, in gray levels. The standard lets decoders round differently in
/// the transform, in the interpolation of colours and in their conversion; 4 were found.
const TOLERANCE: u8 = 4;

/// Mean difference from libjpeg, in gray levels; 0.36 were found.
const MEAN_TOLERANCE: f64 = 0.5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/jpeg")
}

/// Names and contents of the generated files.
fn files() -> Vec<(String, Vec<u8>)> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "jpg"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn file(name: &str) -> Vec<u8> {
    fs::read(folder().join(name).with_extension("jpg")).unwrap()
}

/// What libjpeg makes of a file.
fn reference(name: &str) -> DynamicImage {
    ImageReader::open(folder().join(name).with_extension("png")).unwrap().decode().unwrap()
}

fn samples(frame: &Frame) -> &[u8] {
    match frame.pixels() {
        Pixels::Gray8(samples) | Pixels::Rgb8(samples) => samples,
        other => panic!("{other:?}"),
    }
}

fn truncated(found: Result<Frame, FrameError>, what: &str) {
    assert!(matches!(found, Err(FrameError::Truncated { .. })), "{what}: {:?}", found.err());
}

/// Where the first marker of a kind is.
fn find(bytes: &[u8], marker: u8) -> usize {
    bytes.windows(2).position(|pair| pair == [0xFF, marker]).unwrap()
}

/// Where the frame header's marker is.
fn frame_header(bytes: &[u8]) -> usize {
    bytes
        .windows(4)
        .position(|w| w[0] == 0xFF && (0xC0..=0xC2).contains(&w[1]) && w[2] == 0)
        .unwrap()
}

/// Where the data of the first scan begins.
fn data(bytes: &[u8]) -> usize {
    let header = find(bytes, 0xDA) + 2;
    header + usize::from(u16::from_be_bytes([bytes[header], bytes[header + 1]]))
}

fn height(bytes: &mut [u8]) -> &mut [u8] {
    let at = frame_header(bytes) + 5;
    &mut bytes[at..at + 2]
}

#[test]
fn whole_files_have_libjpeg_s_pixels_or_are_refused_by_name() {
    let (mut compared, mut refused) = (0, Vec::new());
    for (name, bytes) in files() {
        let frame = match Frame::decode(&bytes) {
            Ok(frame) => frame,
            Err(FrameError::Kind { .. }) => {
                refused.push(name);
                continue;
            }
            Err(other) => panic!("{name}: {other}"),
        };
        let reference = reference(&name);
        let wanted = reference.as_bytes();
        assert_eq!(
            (frame.width() as u32, frame.height() as u32),
            (reference.width(), reference.height())
        );
        let found = samples(&frame);
        assert_eq!(found.len(), wanted.len(), "{name}");
        let differences = || found.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b));
        let worst = differences().max().unwrap();
        let mean = differences().map(f64::from).sum::<f64>() / found.len() as f64;
        assert!(worst <= TOLERANCE && mean <= MEAN_TOLERANCE, "{name}: {worst}, mean {mean:.2}");
        compared += 1;
    }
    assert!(compared >= 60 && refused.len() <= 4, "{compared} compared, refused: {refused:?}");
}

#[test]
fn a_cut_is_found_wherever_it_is() {
    for (name, whole) in files() {
        let Ok(frame) = Frame::decode(&whole) else { continue };
        let start = data(&whole);
        for part in 0..64 {
            let end = start + (whole.len() - 2 - start) * part / 64;
            truncated(Frame::decode(&whole[..end]), &format!("{name}, {end} bytes"));
            // An end marker does not make it whole.
            let ended = [&whole[..end], &[0xFF, 0xD9]].concat();
            truncated(Frame::decode(&ended), &format!("{name}, {end} bytes and an end marker"));
        }
        // The last byte may hold nothing but filling.
        let ended = [&whole[..whole.len() - 3], &[0xFF, 0xD9]].concat();
        match Frame::decode(&ended) {
            Ok(found) => assert_eq!(found, frame, "{name}"),
            other => truncated(other, &name),
        }
    }
}

/// The parts between restart markers of a file with one scan, with the marker before each.
fn segments(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts = vec![data(bytes)];
    let body = bytes.len() - 2;
    let is_restart = |at: &usize| bytes[*at] == 0xFF && matches!(bytes[at + 1], 0xD0..=0xD7);
    starts.extend((starts[0]..body).filter(is_restart));
    starts.push(body);
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[test]
fn lost_restart_segments_are_found() {
    for (name, whole) in files() {
        if !(name.starts_with("restart") || name == "gray_restart") {
            continue;
        }
        let parts = segments(&whole);
        assert!(parts.len() > 2, "{name}");
        let joined = |keep: &dyn Fn(usize) -> bool| {
            let kept = parts.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, part)| *part);
            [&whole[..data(&whole)], &kept.collect::<Vec<_>>().concat(), &[0xFF, 0xD9]].concat()
        };
        assert_eq!(joined(&|_| true), whole);
        for lost in 1..parts.len() {
            truncated(Frame::decode(&joined(&|at| at != lost)), &format!("{name} without {lost}"));
        }
        // Eight of them: the numbers go on as if nothing was lost.
        for lost in 1..parts.len().saturating_sub(8) {
            let without = joined(&|at| !(lost..lost + 8).contains(&at));
            truncated(Frame::decode(&without), &format!("{name} without eight from {lost}"));
        }
    }
}

#[test]
fn a_header_that_promises_more_than_there_is() {
    for (name, whole) in files() {
        if Frame::decode(&whole).is_err() {
            continue;
        }
        for more in [32_u16, 64, 500, 8000] {
            let mut taller = whole.clone();
            let field = height(&mut taller);
            let rows = u16::from_be_bytes([field[0], field[1]]) + more;
            field.copy_from_slice(&rows.to_be_bytes());
            truncated(Frame::decode(&taller), &format!("{name}, {more} rows more"));
        }
    }
}

/// A sequential file whose last colour was never written, and a progressive one that ends after its
/// first scans.
#[test]
fn missing_scans_are_found() {
    let all_but_last = |name: &str, scans: usize| {
        let whole = file(name);
        let starts: Vec<_> =
            whole.windows(2).enumerate().filter(|(_, w)| *w == [0xFF, 0xDA]).collect();
        assert!(starts.len() > scans, "{name}: {}", starts.len());
        [&whole[..starts[scans].0], &[0xFF, 0xD9]].concat()
    };
    truncated(Frame::decode(&all_but_last("apart_1x1", 2)), "apart");
    for scans in 1..9 {
        truncated(
            Frame::decode(&all_but_last("progressive_2x2", scans)),
            &format!("{scans} scans"),
        );
    }
}

#[test]
fn other_kinds_are_refused_by_name() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file("baseline_1x1");
        change(&mut bytes);
        Frame::decode(&bytes).unwrap_err().to_string()
    };
    for (marker, words) in [
        (0xC3, "lossless coding (SOF3)"),
        (0xC5, "hierarchical"),
        (0xC6, "hierarchical"),
        (0xC7, "hierarchical"),
        (0xC9, "arithmetic coding (SOF9)"),
        (0xCA, "arithmetic coding (SOF10)"),
        (0xCB, "lossless arithmetic"),
        (0xCD, "hierarchical arithmetic"),
        (0xF7, "JPEG-LS"),
    ] {
        let message = with(&|bytes| {
            let at = frame_header(bytes);
            bytes[at + 1] = marker;
        });
        assert!(message.contains(words) && message.contains("PNG"), "{marker:X}: {message}");
    }
    let set = |offset: usize, value: u8| {
        with(&|bytes| {
            let at = frame_header(bytes);
            bytes[at + offset] = value;
        })
    };
    assert!(set(4, 12).contains("12-bit samples"));
    assert!(set(9, 2).contains("2 components"));
    let without_height = with(&|bytes| height(bytes).fill(0));
    assert!(without_height.contains("DNL"), "{without_height}");
    for (name, words) in [
        ("mixed_1x1_2x2_2x2", "higher resolution"),
        ("mixed_1x1_1x1_2x2", "higher resolution"),
        ("mixed_3x1_1x1_1x1", "third of the resolution"),
    ] {
        let message = Frame::decode(&file(name)).unwrap_err().to_string();
        assert!(message.contains(words), "{name}: {message}");
    }
}

/// Inserts a segment behind the start of the file.
fn with_segment(bytes: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&bytes[..2], &[0xFF, marker], &length, content, &bytes[2..]].concat()
}

#[test]
fn what_does_not_belong_to_the_image_does_no_harm() {
    for name in ["baseline_2x2", "restart_2x1", "progressive_2x2", "gray", "apart_1x1"] {
        let whole = file(name);
        let frame = Frame::decode(&whole).unwrap();
        let same = |bytes: &[u8], what: &str| {
            let found = Frame::decode(bytes).unwrap_or_else(|e| panic!("{name}, {what}: {e}"));
            assert_eq!(found, frame, "{name}, {what}");
        };
        let behind = |more: &[u8]| [whole.as_slice(), more].concat();
        same(&behind(&[0; 1000]), "zeros behind the end");
        same(&behind(b"\r\ntrailing text\xFF\xD9"), "text behind the end");
        same(&behind(&file("gray")), "a second image behind the first");
        same(&behind(&whole[..whole.len() / 2]), "half an image behind the first");
        same(&with_segment(&whole, 0xE1, &whole), "a thumbnail");
        same(
            &with_segment(&whole, 0xE2, b"MPF\0II*\0\x08\0\0\0\0\0"),
            "an index of further images",
        );
        same(&with_segment(&whole, 0xE2, b"ICC_PROFILE\0\x01\x01junk"), "a broken profile");
        same(&with_segment(&whole, 0xEE, b"Adobe\0d\0\0\0\0\x07"), "an unknown transform");
        if name == "gray" {
            same(&with_segment(&whole, 0xEE, b"Adobe\0d\0\0\0\0\0"), "a transform without colours");
        }
        same(&with_segment(&whole, 0xFE, b"comment"), "a comment");
        same(&[&whole[..2], &[0xFF; 9], &whole[2..]].concat(), "fill bytes");
        // Behind the JFIF segment: the file still begins as a JPEG file.
        same(&[&whole[..20], b"junk", &whole[20..]].concat(), "junk between segments");
        let end = whole.len() - 2;
        same(&[&whole[..end], &[0; 33], &whole[end..]].concat(), "padding before the end");
        same(&[&whole[..end], &[0xFF; 33], &whole[end..]].concat(), "fill bytes before the end");
        same(
            &[&whole[..end], &[0xFF, 0xD3], &whole[end..]].concat(),
            "a restart marker at the end",
        );
    }
}

/// Frames of motion JPEG come without Huffman tables: the standard's are meant.
#[test]
fn motion_jpeg_without_tables_is_read() {
    for name in ["baseline_2x1", "baseline_2x2_even"] {
        let mut bytes = file(name);
        let frame = Frame::decode(&bytes).unwrap();
        while let Some(at) = bytes.windows(2).position(|pair| pair == [0xFF, 0xC4]) {
            let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            bytes.drain(at..at + 2 + length);
        }
        assert_eq!(Frame::decode(&bytes).unwrap(), frame, "{name}");
    }
}

/// Some files have the tables of a colour just before its scan.
#[test]
fn quantization_tables_may_come_late() {
    let whole = file("apart_2x2");
    let frame = Frame::decode(&whole).unwrap();
    let table = |bytes: &[u8], nth: usize| {
        let places = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xDB]);
        let at = places.map(|(at, _)| at).nth(nth).unwrap();
        at..at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]))
    };
    let colors = table(&whole, 1);
    let moved = whole[colors.clone()].to_vec();
    let mut late = whole.clone();
    late.drain(colors);
    let second_scan = late.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xDA]);
    let second_scan = second_scan.map(|(at, _)| at).nth(1).unwrap();
    late.splice(second_scan..second_scan, moved.iter().copied());
    assert_eq!(Frame::decode(&late).unwrap(), frame);

    // Given twice, it may not change.
    let mut twice = whole.clone();
    let at = second_scan + moved.len();
    twice.splice(at..at, moved.iter().copied());
    assert_eq!(Frame::decode(&twice).unwrap(), frame);
    twice[at + 10] ^= 1;
    let message = Frame::decode(&twice).unwrap_err().to_string();
    assert!(message.contains("quantization"), "{message}");
}

#[test]
fn jpeg_strips_of_tiff_must_be_whole() {
    let whole = fs::read(folder().join("strips.tif")).unwrap();
    let frame = Frame::decode(&whole).unwrap();
    assert_eq!((frame.width(), frame.height()), (64, 48));
    // The ends of three strips, then that of their tables.
    let ends = whole.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xD9]);
    let end = ends.map(|(at, _)| at).nth(1).unwrap();
    for lost in [20, 100, 300] {
        let mut cut = whole.clone();
        cut[end - lost..end - lost + 2].copy_from_slice(&[0xFF, 0xD9]);
        truncated(Frame::decode(&cut), &format!("{lost} bytes lost"));
    }
}

/// Every byte changed: an error or an image, never a panic.
#[test]
fn damaged_files_never_panic() {
    for name in ["progressive_restart_2x2", "restart_4x1", "gray", "cmyk"] {
        let whole = file(name);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            if let Ok(frame) = Frame::decode(&bytes) {
                assert!(frame.gray(frame.width() - 1, frame.height() - 1).is_some());
            }
        }
    }
}
