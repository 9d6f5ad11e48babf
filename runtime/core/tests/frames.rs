//! Frames from files: every format, and files that lie about themselves.
#![allow(clippy::unwrap_used)] // Fixtures are made here; one that cannot be made fails its test.

use image::{DynamicImage, ImageBuffer, ImageFormat};
use proptest::prelude::*;
use std::io::Cursor;
use uniultra_core::{Frame, FrameError, Pixels};

const WIDTH: u32 = 21;
const HEIGHT: u32 = 17;

fn ramp(x: u32, y: u32, channel: u32) -> u16 {
    (x * 2503 + y * 1201 + channel * 9001) as u16
}

fn image_of(kind: &str) -> DynamicImage {
    use image::{Luma, LumaA, Rgb, Rgba};
    let word = ramp;
    let byte = |x, y, c| (ramp(x, y, c) >> 8) as u8;
    let build = ImageBuffer::from_fn;
    match kind {
        "gray8" => ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Luma([byte(x, y, 0)])).into(),
        "gray16" => ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Luma([word(x, y, 0)])).into(),
        "graya8" => {
            ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| LumaA([byte(x, y, 0), x as u8])).into()
        }
        "rgb8" => build(WIDTH, HEIGHT, |x, y| Rgb([0, 1, 2].map(|c| byte(x, y, c)))).into(),
        "rgb16" => {
            ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Rgb([0, 1, 2].map(|c| word(x, y, c)))).into()
        }
        "rgba8" => {
            let rgba = |x, y| Rgba([byte(x, y, 0), byte(x, y, 1), byte(x, y, 2), x as u8]);
            ImageBuffer::from_fn(WIDTH, HEIGHT, rgba).into()
        }
        _ => {
            let rgba = |x, y| Rgba([word(x, y, 0), word(x, y, 1), word(x, y, 2), x as u16]);
            ImageBuffer::from_fn(WIDTH, HEIGHT, rgba).into()
        }
    }
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn expected(kind: &str) -> Pixels {
    let image = image_of(kind);
    match kind {
        "gray8" | "graya8" => Pixels::Gray8(image.to_luma8().into_raw()),
        "gray16" => Pixels::Gray16(image.to_luma16().into_raw()),
        "rgb8" | "rgba8" => Pixels::Rgb8(image.to_rgb8().into_raw()),
        _ => Pixels::Rgb16(image.to_rgb16().into_raw()),
    }
}

#[test]
fn lossless_formats_give_their_samples_back_without_alpha() {
    for (format, kinds) in [
        (ImageFormat::Png, "gray8 gray16 graya8 rgb8 rgb16 rgba8 rgba16"),
        (ImageFormat::Tiff, "gray8 gray16 rgb8 rgb16 rgba8 rgba16"),
        (ImageFormat::Pnm, "gray8 gray16 rgb8 rgb16"),
        (ImageFormat::Bmp, "rgb8"),
    ] {
        for kind in kinds.split(' ') {
            let frame = Frame::decode(&encode(&image_of(kind), format)).unwrap();
            assert_eq!((frame.width(), frame.height()), (21, 17));
            assert_eq!(*frame.pixels(), expected(kind), "{format:?} {kind}");
        }
    }
}

#[test]
fn jpeg_gives_nearly_its_samples_back() {
    for kind in ["gray8", "rgb8"] {
        let smooth = image_of(kind).blur(4.0);
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 98);
        smooth.write_with_encoder(encoder).unwrap();
        let frame = Frame::decode(&bytes).unwrap();
        let (found, wanted) = match frame.pixels() {
            Pixels::Gray8(found) => (found, smooth.to_luma8().into_raw()),
            Pixels::Rgb8(found) => (found, smooth.to_rgb8().into_raw()),
            other => panic!("{other:?}"),
        };
        assert_eq!(found.len(), wanted.len());
        let worst = found.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Chroma is stored at half resolution at most; quality 98 keeps the rest within a few steps.
        assert!(worst <= 12, "{kind}: {worst}");
    }
}

#[test]
fn pnm_of_fewer_bits_is_scaled_to_full_range() {
    let mut bytes = b"P5 16 16 4095\n".to_vec();
    bytes.extend((0..256_u16).flat_map(|v| (v * 16 + v / 16).to_be_bytes()));
    let frame = Frame::decode(&bytes).unwrap();
    assert_eq!((frame.gray(0, 0), frame.gray(15, 15)), (Some(0.0), Some(1.0)));
}

#[test]
fn values_are_in_0_to_1_and_equal_channels_are_gray() {
    let samples = vec![[51, 51, 51], [255, 0, 0], [0, 255, 0], [0, 0, 255]];
    let samples = samples.into_iter().cycle().take(256).flatten().collect();
    let frame = Frame::new(16, 16, Pixels::Rgb8(samples)).unwrap();
    assert_eq!(frame.gray(0, 0), Some(51.0 / 255.0));
    for (x, weight) in [(1, 0.299), (2, 0.587), (3, 0.114)] {
        assert!((frame.gray(x, 0).unwrap() - weight).abs() < 1e-6);
    }
    assert_eq!(frame.rgb(1, 0), Some([1.0, 0.0, 0.0]));
    assert_eq!((frame.rgb(16, 0), frame.gray(0, 16)), (None, None));
}

#[test]
fn samples_must_fill_the_size_and_sides_have_limits() {
    let short = Frame::new(16, 16, Pixels::Rgb8(vec![0; 767]));
    assert!(matches!(short, Err(FrameError::Samples { expected: 768, found: 767, .. })));
    for (width, height) in [(15, 16), (16, 15), (0, 0), (8193, 16), (usize::MAX, usize::MAX)] {
        let refused = Frame::new(width, height, Pixels::Gray8(Vec::new()));
        assert!(matches!(refused, Err(FrameError::Size { .. })), "{width}x{height}");
    }
    assert!(Frame::new(8192, 16, Pixels::Gray8(vec![0; 8192 * 16])).is_ok());
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

/// Little files whose header claims `width` x `height` pixels that are not there.
fn claims(width: u32, height: u32) -> Vec<(&'static str, Vec<u8>)> {
    let gray = image_of("gray8");
    let mut png = encode(&gray, ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);

    let mut jpeg = encode(&gray, ImageFormat::Jpeg);
    let frame_header = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame_header + 5..frame_header + 7].copy_from_slice(&(height as u16).to_be_bytes());
    jpeg[frame_header + 7..frame_header + 9].copy_from_slice(&(width as u16).to_be_bytes());

    let mut bmp = encode(&image_of("rgb8"), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&width.to_le_bytes());
    bmp[22..26].copy_from_slice(&height.to_le_bytes());

    let pnm = format!("P5 {width} {height} 255\n").into_bytes();
    vec![
        ("PNG", png),
        ("JPEG", jpeg),
        ("BMP", bmp),
        ("PNM", pnm),
        ("TIFF", tiff(width, height, 8, 1)),
    ]
}

/// A gray TIFF of one strip of 16 bytes, whatever size it claims.
fn tiff(width: u32, height: u32, bits: u32, sample_format: u32) -> Vec<u8> {
    let tags = [
        (256_u16, width),
        (257, height),
        (258, bits),
        (259, 1), // not compressed
        (262, 1), // black is zero
        (273, 8), // where the strip is
        (277, 1), // samples a pixel
        (278, height),
        (279, 16), // bytes in the strip
        (339, sample_format),
    ];
    let mut bytes = b"II*\0".to_vec();
    bytes.extend(24_u32.to_le_bytes());
    bytes.extend([7; 16]);
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4_u16.to_le_bytes()); // a 32-bit integer,
        bytes.extend(1_u32.to_le_bytes()); // one of them
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn headers_out_of_range_are_refused_before_any_pixel() {
    for (width, height) in [(9000, 64), (64, 9000), (10_000, 10_000), (15, 64)] {
        for (format, bytes) in claims(width, height) {
            let refused = Frame::decode(&bytes);
            let size = (width as usize, height as usize);
            assert!(
                matches!(refused, Err(FrameError::Size { width, height }) if (width, height) == size),
                "{format} {width}x{height}: {refused:?}"
            );
        }
    }
}

#[test]
fn zero_sizes_and_missing_pixels_are_refused() {
    for (width, height) in [(0, 64), (64, 0), (0, 0), (8192, 8192)] {
        for (format, bytes) in claims(width, height) {
            assert!(Frame::decode(&bytes).is_err(), "{format} {width}x{height}");
        }
    }
}

#[test]
fn floating_point_tiff_is_refused_by_name() {
    let rgb = image_of("rgb8").to_rgb32f();
    for bytes in [encode(&DynamicImage::ImageRgb32F(rgb), ImageFormat::Tiff), tiff(16, 16, 32, 3)] {
        let refused = Frame::decode(&bytes).unwrap_err();
        assert!(matches!(refused, FrameError::SampleKind { .. }), "{refused}");
        assert!(refused.to_string().contains("32"), "{refused}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    for format in
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm]
    {
        let bytes = encode(&image_of("rgb8"), format);
        // PNG's end chunk and the checksum before it hold no pixels.
        let needed = if format == ImageFormat::Png { bytes.len() - 17 } else { bytes.len() };
        for end in 0..needed {
            assert!(Frame::decode(&bytes[..end]).is_err(), "{format:?} {end} of {}", bytes.len());
        }
    }
}

#[test]
fn what_is_no_image_is_refused() {
    for (bytes, found) in [
        (&b""[..], "no data"),
        (b"GIF89a\x10\0\x10\0", "a GIF image"),
        (b"[model]\nid = \"tiny\"\n", "something else"),
    ] {
        let refused = Frame::decode(bytes).unwrap_err().to_string();
        assert!(refused.contains(found), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_files_never_panic(
        which in 0_usize..5,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let format = [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
            ImageFormat::Pnm,
        ][which];
        let mut bytes = encode(&image_of("rgb8"), format);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert!(frame.gray(frame.width() - 1, frame.height() - 1).is_some());
        }
    }
}
