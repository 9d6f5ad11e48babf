//! Damaged files of every transfer syntax: no panic, and every file ends in frames or in an error.
// What cannot be read fails its test; the numbers are for people.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod hostile;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One file for each transfer syntax, and for what depends on other elements.
const FILES: &[&str] = &[
    "gray_implicit",
    "gray_explicit",
    "gray_deflated",
    "ybr_full_422",
    "palette_8",
    "regions",
    "rle_rgb",
    "rle_16",
    "jpeg_ybr_422",
    "jpeg_rgb",
    "jpeg_fragments",
    "lossless_rgb",
    "lossless_predictor_5",
    "jpegls_rgb_samples",
    "jpegls_near",
    "jpegls_12",
    "j2k_rct",
    "j2k_ict",
];

const MUTATIONS: usize = 1000;

/// A small file that takes longer than this is a way to stop a device. Debug checks are on in this test.
const MOST_TIME: Duration = Duration::from_secs(10);

/// Numbers from a linear congruential generator (Knuth's MMIX), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Most mutations hit the part in front of the pixels, whose bytes mean more.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let header = 1400.min(bytes.len());
    for _ in 0..=random.below(3) {
        let end = if random.below(3) == 0 { bytes.len() } else { header.min(bytes.len()) };
        if end < 8 {
            break;
        }
        let at = random.below(end - 4);
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][random.below(6)],
            2 => bytes[at..at + 2].copy_from_slice(&(random.below(65_536) as u16).to_le_bytes()),
            3 => {
                let length = [0, 1, u32::MAX, u32::MAX - 1, 0x7FFF_FFFF, 0x1_0000][random.below(6)];
                bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            }
            4 => bytes.truncate(at),
            _ => {
                let piece: Vec<u8> =
                    bytes[at..(at + 1 + random.below(64)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(format!("{name}.dcm"))).unwrap()
}

#[test]
fn a_thousand_mutations_of_each_file() {
    for name in FILES {
        let bytes = file(name);
        assert!(hostile::read(&bytes) > 0, "{name}");
        let mut random = Random(0x5EED);
        let (mut decoded, mut slowest) = (0, Duration::ZERO);
        for _ in 0..MUTATIONS {
            let bytes = mutated(&bytes, &mut random);
            let start = Instant::now();
            decoded += usize::from(hostile::read(&bytes) > 0);
            slowest = slowest.max(start.elapsed());
        }
        println!("{name}: {decoded} of {MUTATIONS} decoded, the slowest in {slowest:?}");
        assert!(slowest < MOST_TIME, "{name}: {slowest:?}");
    }
}

#[test]
fn every_end_of_the_header() {
    for name in ["gray_implicit", "regions", "jpeg_fragments", "jpegls_near"] {
        let bytes = file(name);
        for length in 0..bytes.len().min(1800) {
            assert_eq!(hostile::read(&bytes[..length]), 0, "{name}, {length} bytes");
        }
    }
}

#[test]
fn every_byte_of_compressed_pixels() {
    for name in ["lossless_predictor_4", "jpegls_near", "j2k_ict", "rle_16", "jpeg_gray"] {
        let bytes = file(name);
        for at in (1000..bytes.len()).step_by(3) {
            let mut wrong = bytes.clone();
            wrong[at] ^= [0xFF, 0x80, 0x01][at % 3];
            hostile::read(&wrong);
        }
    }
}
