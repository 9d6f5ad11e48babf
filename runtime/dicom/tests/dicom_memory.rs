//! Memory follows the bytes that are there and the size of a frame, whatever a file states. One test, so that
//! nobody else allocates meanwhile.
#![allow(clippy::unwrap_used)] // What cannot be read fails its test.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::Read;
use std::path::PathBuf;
use uniultra_dicom::{DicomImage, limits};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WIDTH_PX: usize = 96;
const HEIGHT_PX: usize = 64;

/// All bytes that were ever asked for since the region began: never less than the most at one time.
fn asked_for(region: &Region<'_, System>) -> usize {
    region.change().bytes_allocated
}

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(format!("{name}.dcm"))).unwrap()
}

/// Replaces the value of an element with an explicit representation and a short length.
fn with_value(bytes: &[u8], tag: [u8; 4], vr: &[u8; 2], value: [u8; 2]) -> Vec<u8> {
    let start = [tag.as_slice(), vr, &[2, 0]].concat();
    let at = bytes.windows(start.len()).position(|window| window == start).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at + start.len()..][..2].copy_from_slice(&value);
    bytes
}

/// Opens a file and decodes its first frame, and returns what that asked for.
fn cost(bytes: Vec<u8>) -> (usize, bool) {
    let region = Region::new(ALLOCATOR);
    let decoded = DicomImage::from_bytes(bytes).and_then(|image| image.frame(0)).is_ok();
    (asked_for(&region), decoded)
}

#[test]
fn memory_follows_the_bytes_that_are_there() {
    let rows = [0x28, 0, 0x10, 0];
    let columns = [0x28, 0, 0x11, 0];
    let side = 8192_u16.to_le_bytes();

    // Uncompressed pixels that are not there are noticed before anything is taken for them.
    for name in ["gray_explicit", "rgb", "ybr_full_422", "palette_8"] {
        let bytes = with_value(&with_value(&file(name), rows, b"US", side), columns, b"US", side);
        let most = 64 * 1024;
        let (bytes_asked, decoded) = cost(bytes);
        assert!(!decoded && bytes_asked < most, "{name}: {bytes_asked}");
    }
    // A length of four gigabytes.
    let mut bytes = file("gray_explicit");
    let start = b"\xE0\x7F\x10\x00OW\0\0";
    let at = bytes.windows(start.len()).position(|window| window == start).unwrap();
    bytes[at + start.len()..][..4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    let (bytes_asked, decoded) = cost(bytes);
    assert!(!decoded && bytes_asked < 64 * 1024, "{bytes_asked}");

    // A deflated file can claim a thousand times its size.
    let bytes = file("gray_deflated");
    let meta_end = 144 + usize::from(bytes[140]);
    let mut bomb = bytes[..meta_end].to_vec();
    let mut zeros = std::io::repeat(0).take(limits::MAX_INFLATED_BYTES + (1 << 20));
    std::io::copy(&mut zeros, &mut DeflateEncoder::new(&mut bomb, Compression::fast())).unwrap();
    let region = Region::new(ALLOCATOR);
    let message = DicomImage::from_bytes(bomb).unwrap_err().to_string();
    assert!(message.contains("inflated data set: expected at most"), "{message}");
    // A growing list doubles.
    assert!(asked_for(&region) as u64 <= 4 * limits::MAX_INFLATED_BYTES, "{}", asked_for(&region));

    // A compressed stream has a size of its own, which has to be the same.
    for name in ["jpeg_gray", "lossless_gray", "jpegls_gray", "j2k_gray"] {
        let bytes = with_value(&with_value(&file(name), rows, b"US", side), columns, b"US", side);
        let (bytes_asked, decoded) = cost(bytes);
        assert!(!decoded && bytes_asked < 128 * 1024, "{name}: {bytes_asked}");
    }

    // What opening and one frame cost, in frames of 16 bits and in files, for whole files and for damaged ones.
    let list = std::fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/expected.txt"),
    );
    for line in list.unwrap().lines() {
        let (name, _) = line.split_once(' ').unwrap();
        let bytes = file(name);
        // The decoder of JPEG 2000 works with real numbers and records of blocks.
        let per_sample = if name.starts_with("j2k") { 48 } else { 16 };
        let most = bytes.len() * 3 + WIDTH_PX * HEIGHT_PX * 3 * per_sample + 600 * 1024;
        for place in 0..200 {
            let mut wrong = bytes.clone();
            if place > 0 {
                wrong[(place * 7919) % bytes.len()] ^= (1 << (place % 8)) as u8;
            }
            let (bytes_asked, _) = cost(wrong);
            assert!(bytes_asked <= most, "{name}, {place}: {bytes_asked} of {most}");
        }
    }
}
