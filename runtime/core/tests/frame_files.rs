//! Unusual files: other formats than images, samples of fewer bits, and the many kinds of TIFF.
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use image::ImageFormat;
use std::io::Cursor;
use uniultra_core::{DecodeOptions, DecodedFrame, Frame, FrameError, Pixels};

fn decode(bytes: &[u8]) -> DecodedFrame {
    Frame::decode_with(bytes, &DecodeOptions::new()).unwrap()
}

/// `bytes` at an offset, zeros around them.
fn at(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 600];
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn other_formats_are_named_with_what_to_do() {
    for (bytes, found, advice) in [
        (at(128, b"DICM"), "a DICOM file", "export"),
        (b"\x02\0\0\0UL\x04\0\xBE\0\0\0".to_vec(), "DICOM", "export"),
        (b"\x08\0\x05\0CS\x0A\0ISO_IR 100".to_vec(), "DICOM", "export"),
        (at(344, b"n+1\0"), "a NIfTI file", "export"),
        (b"\x1C\x02\0\0n+2\0\r\n\x1A\n".to_vec(), "NIfTI-2", "export"),
        (b"NRRD0004\ntype: uint8\n".to_vec(), "an NRRD file", "export"),
        (b"ObjectType = Image\nNDims = 2\nDimSize = 64 64\n".to_vec(), "MetaImage", "export"),
        (b"NDims=2\r\nDimSize=64 64\r\n".to_vec(), "MetaImage", "export"),
        (b"\x93NUMPY\x01\0v\0{'descr': '<f4'".to_vec(), "NumPy", "PNG"),
        (b"\0\0\0\x0CjP  \r\n\x87\n".to_vec(), "JPEG 2000", "convert"),
        (b"\xFF\x4F\xFF\x51\0\x29".to_vec(), "JPEG 2000", "convert"),
        (b"\0\0\0\x0CJXL \r\n\x87\n".to_vec(), "JPEG XL", "convert"),
        (b"\0\0\0\x1Cftypavif\0\0\0\0".to_vec(), "AVIF", "convert"),
        (b"\0\0\0\x1Cftypheic\0\0\0\0".to_vec(), "HEIC", "convert"),
        (b"\0\0\0\x1Cftypisom\0\0\0\0".to_vec(), "a video", "one frame"),
        (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), "WebP", "convert"),
        (b"RIFF\x24\0\0\0AVI LIST".to_vec(), "a video", "one frame"),
        (b"GIF89a\x10\0\x10\0".to_vec(), "GIF", "convert"),
        (b"%PDF-1.7\n".to_vec(), "PDF", "export"),
        (b"\x1F\x8B\x08\0".to_vec(), "gzip", "unpack"),
        (b"PK\x03\x04\x14\0".to_vec(), "ZIP", "unpack"),
        (b"\x89HDF\r\n\x1A\n".to_vec(), "HDF5", "export"),
        (b"<!DOCTYPE html><html><body>404 Not Found".to_vec(), "an HTML page", "again"),
        (b"\xEF\xBB\xBF\r\n <HTML>\n".to_vec(), "an HTML page", "again"),
        (b"<?xml version=\"1.0\"?><Error>AccessDenied".to_vec(), "XML", "again"),
        (b"{\"message\": \"Not Found\"}".to_vec(), "JSON", "again"),
        (b"version https://git-lfs.github.com/spec/v1\noid".to_vec(), "Git LFS", "git lfs pull"),
        (b"/annex/objects/SHA256E-s1--0.png\n".to_vec(), "git-annex", "git annex get"),
        (vec![0; 5000], "zero bytes", "again"),
        (Vec::new(), "no data", "again"),
        (b"P7something".to_vec(), "something else", "right file"),
    ] {
        let refused = Frame::decode(&bytes).unwrap_err();
        assert!(matches!(refused, FrameError::Format { .. }), "{found}: {refused}");
        let message = refused.to_string();
        assert!(message.contains(found) && message.contains(advice), "{found}: {message}");
    }
}

/// A 16-bit gray PNG with these samples, repeated.
fn gray16(samples: &[u16]) -> Vec<u8> {
    let all: Vec<u16> = samples.iter().copied().cycle().take(16 * 16).collect();
    let mut bytes = Cursor::new(Vec::new());
    let image = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(16, 16, all).unwrap();
    image::DynamicImage::ImageLuma16(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn a_part_of_16_bits_is_noticed_and_never_stretched() {
    for (peak, noticed) in
        [(255, true), (1023, true), (4095, true), (32767, true), (32768, false), (65535, false)]
    {
        let decoded = decode(&gray16(&[0, 7, peak]));
        assert_eq!(decoded.low_peak, noticed.then_some(peak));
        assert_eq!(decoded.frame.gray(2, 0), Some(f32::from(peak) / 65535.0));
    }
    assert_eq!(decode(&gray16(&[0])).low_peak, None, "black");
}

#[test]
fn a_stated_bit_depth_scales_to_the_whole_range() {
    let with = |bytes: &[u8], bits| {
        Frame::decode_with(bytes, &DecodeOptions::new().with_bit_depth(bits).unwrap())
    };
    for bits in 8..=16 {
        let white = ((1_u32 << bits) - 1) as u16;
        let decoded = with(&gray16(&[0, white / 2, white]), bits).unwrap();
        assert_eq!(decoded.low_peak, None);
        let Pixels::Gray16(samples) = decoded.frame.pixels() else { panic!("not gray") };
        assert_eq!((samples[0], samples[2]), (0, 65535), "{bits}");
        let middle = f64::from(white / 2) / f64::from(white) * 65535.0;
        assert_eq!(samples[1], middle.round() as u16, "{bits}");
        if bits < 16 {
            let refused = with(&gray16(&[0, white + 1]), bits).unwrap_err().to_string();
            assert!(refused.contains(&(white + 1).to_string()), "{refused}");
        }
    }
    let eight = tiff(&Tiff::default());
    assert!(with(&eight, 8).is_ok());
    let refused = with(&eight, 12).unwrap_err().to_string();
    assert!(refused.contains("8-bit samples"), "{refused}");
    for bits in [0, 1, 7, 17, 255] {
        let refused = DecodeOptions::new().with_bit_depth(bits).unwrap_err();
        assert!(refused.to_string().contains(&bits.to_string()), "{refused}");
    }
}

/// A TIFF file of one strip of one sample a pixel.
struct Tiff {
    big: bool,
    big_endian: bool,
    width: usize,
    bits: u16,
    photometric: u16,
    fill_order: u16,
    palette: Vec<u16>,
    pages: usize,
}

impl Default for Tiff {
    fn default() -> Self {
        let (big, big_endian, width, bits) = (false, false, 19, 8);
        let (photometric, fill_order, palette, pages) = (1, 1, Vec::new(), 1);
        Self { big, big_endian, width, bits, photometric, fill_order, palette, pages }
    }
}

const ROWS: usize = 16;

/// The sample in column `x` and row `y`.
fn sample(bits: u16, x: usize, y: usize) -> u16 {
    ((x * 5 + y * 3) % (1 << bits)) as u16
}

fn tiff(kind: &Tiff) -> Vec<u8> {
    let number = |value: u64, size: usize| {
        if kind.big_endian {
            value.to_be_bytes()[8 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        }
    };
    let word = if kind.big { 8 } else { 4 };
    let mut file = if kind.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    if kind.big {
        file.extend([number(43, 2), number(8, 2), number(0, 2)].concat());
    } else {
        file.extend(number(42, 2));
    }
    let first = file.len();
    file.extend(number(0, word));

    let rows = (0..ROWS).flat_map(|y| {
        let row: Vec<bool> = (0..kind.width)
            .flat_map(|x| {
                (0..kind.bits).rev().map(move |bit| sample(kind.bits, x, y) >> bit & 1 == 1)
            })
            .collect();
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | u8::from(bit) << (7 - at))
        };
        row.chunks(8).map(byte).collect::<Vec<u8>>()
    });
    let pixels: Vec<u8> = rows.collect();
    let strip = file.len() as u64;
    file.extend(&pixels);
    let palette = file.len() as u64;
    file.extend(kind.palette.iter().flat_map(|&value| number(value.into(), 2)));

    let mut tags = vec![
        (256, 4, 1, kind.width as u64),
        (257, 4, 1, ROWS as u64),
        (258, 3, 1, kind.bits.into()),
        (259, 3, 1, 1),
        (262, 3, 1, kind.photometric.into()),
        (266, 3, 1, kind.fill_order.into()),
        (273, 4, 1, strip),
        (277, 3, 1, 1),
        (278, 4, 1, ROWS as u64),
        (279, 4, 1, pixels.len() as u64),
    ];
    if !kind.palette.is_empty() {
        tags.push((320, 3, kind.palette.len() as u64, palette));
    }
    let mut link = first;
    for _ in 0..kind.pages {
        let here = number(file.len() as u64, word);
        file[link..link + word].copy_from_slice(&here);
        file.extend(number(tags.len() as u64, if kind.big { 8 } else { 2 }));
        for &(tag, of_type, count, value) in &tags {
            file.extend(number(tag, 2));
            file.extend(number(of_type, 2));
            file.extend(number(count, word));
            // A value is at the left of its field; that of a palette is its place.
            let size = if of_type == 3 && count == 1 {
                2
            } else {
                4.max(if count > 1 { word } else { 4 })
            };
            let mut field = number(value, size);
            field.resize(word, 0);
            file.extend(field);
        }
        link = file.len();
        file.extend(number(0, word));
    }
    file
}

/// Both forms and byte orders.
fn forms(make: impl Fn() -> Tiff) -> Vec<(String, Vec<u8>)> {
    let pairs = [(false, false), (false, true), (true, false), (true, true)];
    let form = |(big, big_endian)| {
        (
            format!("BigTIFF {big}, big-endian {big_endian}"),
            tiff(&Tiff { big, big_endian, ..make() }),
        )
    };
    pairs.map(form).to_vec()
}

#[test]
fn gray_tiff_of_few_bits_is_scaled_to_white() {
    for bits in [1, 2, 4, 8] {
        for width in [16, 17, 19] {
            for photometric in [0, 1] {
                for (form, bytes) in forms(|| Tiff { bits, width, photometric, ..Tiff::default() })
                {
                    let decoded = decode(&bytes);
                    assert!(!decoded.has_more_pages);
                    let Pixels::Gray8(found) = decoded.frame.pixels() else { panic!("not gray") };
                    let white = (1 << bits) - 1;
                    let wanted =
                        (0..ROWS).flat_map(|y| (0..width).map(move |x| sample(bits, x, y)));
                    let wanted: Vec<u8> = wanted
                        .map(|value| if photometric == 0 { white - value } else { value })
                        .map(|value| (u32::from(value) * 255 / u32::from(white)) as u8)
                        .collect();
                    assert_eq!(*found, wanted, "{bits} bit, {width} px, {photometric}, {form}");
                }
            }
        }
    }
}

#[test]
fn palette_tiff_has_the_colours_of_its_palette() {
    for bits in [1, 2, 4, 8] {
        for scale in [1, 256, 257] {
            let count = 1_u16 << bits;
            let color = |index: u16| [index * 3 % 256, 255 - index % 200, index * 7 % 256];
            let palette: Vec<u16> = [0, 1, 2]
                .iter()
                .flat_map(|&c| (0..count).map(move |i| color(i)[c] * scale))
                .collect();
            let make =
                || Tiff { bits, photometric: 3, palette: palette.clone(), ..Tiff::default() };
            for (form, bytes) in forms(make) {
                let decoded = decode(&bytes);
                let Pixels::Rgb8(found) = decoded.frame.pixels() else { panic!("no colours") };
                let wanted =
                    (0..ROWS).flat_map(|y| (0..19).map(move |x| color(sample(bits, x, y))));
                let wanted: Vec<u8> = wanted.flatten().map(|value| value as u8).collect();
                assert_eq!(*found, wanted, "{bits} bit, {scale}, {form}");
            }
        }
    }
}

#[test]
fn the_first_of_several_pages_is_decoded() {
    for (form, bytes) in forms(|| Tiff { pages: 3, ..Tiff::default() }) {
        let decoded = decode(&bytes);
        assert!(decoded.has_more_pages, "{form}");
        assert_eq!(decoded.frame, decode(&tiff(&Tiff::default())).frame, "{form}");
    }
}

#[test]
fn tiff_that_would_be_decoded_wrong_is_refused() {
    let refused = |kind: &Tiff, words: &str| {
        let message = Frame::decode(&tiff(kind)).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(&Tiff { fill_order: 2, bits: 1, ..Tiff::default() }, "FillOrder");
    refused(&Tiff { bits: 12, ..Tiff::default() }, "12 bit");
    let palette = vec![0; 3 * 100];
    refused(&Tiff { photometric: 3, palette, ..Tiff::default() }, "palette");
    refused(&Tiff { photometric: 3, ..Tiff::default() }, "TIFF");
    refused(&Tiff { photometric: 3, bits: 16, palette: vec![0; 9], ..Tiff::default() }, "palette");
}

#[test]
fn damaged_tiff_never_panics() {
    for (photometric, bits, big) in [(3, 4, false), (3, 8, true), (1, 2, true), (1, 4, false)] {
        let palette = if photometric == 3 { vec![500; 3 << bits] } else { Vec::new() };
        let whole = tiff(&Tiff { photometric, bits, big, palette, pages: 2, ..Tiff::default() });
        for end in 0..whole.len() {
            let _ = Frame::decode(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = Frame::decode(&bytes);
            }
        }
    }
}
