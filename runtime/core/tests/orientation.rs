//! Images that say how they are to be turned.
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use std::io::Cursor;
use uniultra_core::{DecodeOptions, DecodedFrame, Frame};

const WIDTH: u32 = 24;
const HEIGHT: u32 = 17;

/// No two corners are alike.
fn stored() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([(x * 7 + y * 3) as u8]))
}

/// Where the pixel at column `x` and row `y` of the upright image is stored: the definition of the
/// tag in EXIF 2.32, which says where the first row and the first column are to be seen.
fn stored_place(orientation: u8, x: u32, y: u32) -> (u32, u32) {
    let (right, bottom) = (WIDTH - 1, HEIGHT - 1);
    match orientation {
        1 => (x, y),
        2 => (right - x, y),
        3 => (right - x, bottom - y),
        4 => (x, bottom - y),
        5 => (y, x),
        6 => (y, bottom - x),
        7 => (right - y, bottom - x),
        _ => (right - y, x),
    }
}

fn encode(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(stored()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// An EXIF block that states the maker and the orientation.
fn exif(orientation: u16, big_endian: bool) -> Vec<u8> {
    let two = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let four = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut block = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    block.extend(two(42));
    block.extend(four(8));
    block.extend(two(2));
    for (tag, kind, count) in [(0x10F_u16, 2_u16, 4_u32), (0x112, 3, 1)] {
        block.extend(two(tag));
        block.extend(two(kind));
        block.extend(four(count));
        block.extend(two(if tag == 0x112 { orientation } else { 0 }));
        block.extend([0; 2]);
    }
    block.extend([0; 4]);
    block
}

fn jpeg(exif: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
    stored().write_with_encoder(encoder).unwrap();
    let content = [b"Exif\0\0", exif].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&bytes[..2], &[0xFF, 0xE1], &length, &content, &bytes[2..]].concat()
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

/// A PNG with the block before or behind its pixels.
fn png(exif: &[u8], behind: bool) -> Vec<u8> {
    const HEADER_BYTES: usize = 33;
    const END_BYTES: usize = 12;
    let bytes = encode(ImageFormat::Png);
    let at = if behind { bytes.len() - END_BYTES } else { HEADER_BYTES };
    let content = [b"eXIf", exif].concat();
    let length = (exif.len() as u32).to_be_bytes();
    [&bytes[..at], &length, &content, &crc(&content).to_be_bytes(), &bytes[at..]].concat()
}

/// A TIFF of either byte order with the tag.
fn tiff(orientation: u16, big_endian: bool) -> Vec<u8> {
    let two = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let four = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let pixels = stored().into_raw();
    let tags = [
        (256, WIDTH),
        (257, HEIGHT),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (274, orientation.into()),
        (277, 1),
        (278, HEIGHT),
        (279, pixels.len() as u32),
    ];
    let mut bytes = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    bytes.extend(two(42));
    bytes.extend(four(8 + pixels.len() as u32));
    bytes.extend(pixels);
    bytes.extend(two(tags.len() as u16));
    for (tag, value) in tags {
        bytes.extend(two(tag));
        bytes.extend(two(4));
        bytes.extend(four(1));
        bytes.extend(four(value));
    }
    bytes.extend([0; 4]);
    bytes
}

fn decode(bytes: &[u8]) -> DecodedFrame {
    Frame::decode_with(bytes, &DecodeOptions::new()).unwrap()
}

fn is_upright(found: &DecodedFrame, orientation: u8, what: &str) {
    let frame = &found.frame;
    let turned = orientation >= 5;
    let (width, height) = if turned { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    assert_eq!((frame.width(), frame.height()), (width as usize, height as usize), "{what}");
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let (from_x, from_y) = stored_place(orientation, x, y);
        let wanted = f32::from(stored().get_pixel(from_x, from_y).0[0]) / 255.0;
        let found = frame.gray(x as usize, y as usize).unwrap();
        // JPEG rounds.
        assert!((found - wanted).abs() <= 2.5 / 255.0, "{what}: {x},{y}: {found} {wanted}");
    }
    assert_eq!(found.orientation_applied, (orientation > 1).then_some(orientation), "{what}");
}

#[test]
fn all_eight_are_applied_in_every_format() {
    for orientation in 1..=8 {
        for big_endian in [false, true] {
            let block = exif(orientation.into(), big_endian);
            let name = |format: &str| format!("{format}, {orientation}, big-endian {big_endian}");
            is_upright(&decode(&jpeg(&block)), orientation, &name("JPEG"));
            is_upright(&decode(&png(&block, false)), orientation, &name("PNG"));
            is_upright(&decode(&png(&block, true)), orientation, &name("PNG, behind the pixels"));
            let prefixed = [b"Exif\0\0", block.as_slice()].concat();
            is_upright(&decode(&png(&prefixed, false)), orientation, &name("PNG, with a prefix"));
            is_upright(&decode(&tiff(orientation.into(), big_endian)), orientation, &name("TIFF"));
        }
    }
}

#[test]
fn stored_pixels_can_be_kept() {
    let block = exif(6, false);
    for bytes in [jpeg(&block), png(&block, false), tiff(6, true)] {
        let options = DecodeOptions::new().with_stored_orientation();
        is_upright(&Frame::decode_with(&bytes, &options).unwrap(), 1, "as stored");
    }
}

#[test]
fn a_value_or_block_that_means_nothing_changes_nothing() {
    for value in [0, 9, 255, 256, 65535] {
        is_upright(&decode(&jpeg(&exif(value, false))), 1, "JPEG");
        is_upright(&decode(&png(&exif(value, true), false)), 1, "PNG");
        is_upright(&decode(&tiff(value, false)), 1, "TIFF");
    }
    let sound = exif(6, false);
    for end in 0..sound.len() - 8 {
        is_upright(&decode(&jpeg(&sound[..end])), 1, &format!("JPEG, {end} bytes"));
        is_upright(&decode(&png(&sound[..end], false)), 1, &format!("PNG, {end} bytes"));
    }
    for junk in [&b"II*\0\xFF\xFF\xFF\xFF"[..], b"MM\0*\0\0\0\x08\xFF\xFF", b"junk", &[0xFF; 64]] {
        is_upright(&decode(&jpeg(junk)), 1, "JPEG");
        is_upright(&decode(&png(junk, false)), 1, "PNG");
    }
}

/// The first block counts, as in viewers.
#[test]
fn a_second_image_does_not_turn_the_first() {
    let bytes = [jpeg(&exif(3, false)), jpeg(&exif(6, false))].concat();
    is_upright(&decode(&bytes), 3, "two images");
}
