//! Pictures, masks and files of the formats that data sets come in.

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{GrayImage, ImageFormat, Luma};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Size of every picture: not square, as a mixed-up width and height would not show otherwise.
pub(crate) const SIZE: [u32; 2] = [96, 72];

/// A dark disc on a bright ground with a grain, at a place that depends on `seed`.
pub(crate) fn picture(seed: u32) -> GrayImage {
    let disc = disc(seed);
    GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| {
        let grain = (x * 31 + y * 17 + seed * 101).wrapping_mul(2_654_435_761) >> 27;
        // Bands that tell pictures apart on a coarse grid.
        let band = ((x / 6 + seed * 5) * (y / 5 + seed * 3 + 1)) % 7 * 12;
        let ground = if disc.get_pixel(x, y)[0] == 0 { 110 + band } else { 25 };
        Luma([(ground + grain) as u8])
    })
}

/// The disc of [`picture`]: 255 on 0.
pub(crate) fn disc(seed: u32) -> GrayImage {
    let (cx, cy) = (28 + seed * 7 % 30, 26 + seed * 11 % 18);
    mask(|x, y| x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) <= 13 * 13)
}

/// A bar beside the discs.
pub(crate) fn bar() -> GrayImage {
    mask(|x, y| (78..90).contains(&x) && (6..60).contains(&y))
}

pub(crate) fn nothing() -> GrayImage {
    mask(|_, _| false)
}

pub(crate) fn mask(inside: impl Fn(u32, u32) -> bool) -> GrayImage {
    GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
}

/// Labels 1, 2, ... where the masks are white; the last one wins.
pub(crate) fn labels(masks: &[(u8, GrayImage)]) -> GrayImage {
    GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| {
        let label = masks.iter().rev().find(|(_, mask)| mask.get_pixel(x, y)[0] != 0);
        Luma([label.map_or(0, |(label, _)| *label)])
    })
}

/// The pixels of a mask that touch the outside.
pub(crate) fn outline(mask: &GrayImage) -> GrayImage {
    let inside = |x: Option<u32>, y: Option<u32>| match (x, y) {
        (Some(x), Some(y)) => mask.get_pixel_checked(x, y).is_some_and(|pixel| pixel[0] != 0),
        _ => false,
    };
    GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| {
        let [left, up] = [x.checked_sub(1), y.checked_sub(1)];
        let all = inside(left, Some(y))
            && inside(Some(x + 1), Some(y))
            && inside(Some(x), up)
            && inside(Some(x), Some(y + 1));
        Luma([if inside(Some(x), Some(y)) && !all { 255 } else { 0 }])
    })
}

fn make_room(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
}

pub(crate) fn text(path: &Path, content: &str) {
    make_room(path);
    fs::write(path, content).unwrap();
}

/// Writes a picture in the format of its name; upper case is fine.
pub(crate) fn save(path: &Path, image: &GrayImage) {
    make_room(path);
    let extension = path.extension().unwrap().to_str().unwrap().to_ascii_lowercase();
    let format = ImageFormat::from_extension(&extension).unwrap();
    if format == ImageFormat::Jpeg {
        let file = fs::File::create(path).unwrap();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(file, 98);
        return encoder.encode_image(image).unwrap();
    }
    image.save_with_format(path, format).unwrap();
}

/// Writes a gzipped NIfTI file of bytes with sides of pixels in millimetres.
pub(crate) fn nifti(path: &Path, image: &GrayImage, spacing_mm: [f32; 2]) {
    make_room(path);
    let mut header = vec![0_u8; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    let (width, height) = (image.width() as i16, image.height() as i16);
    for (at, value) in [(40, 3), (42, width), (44, height), (46, 1), (70, 2), (72, 8)] {
        put(at, &value.to_le_bytes());
    }
    for (at, value) in [(80, spacing_mm[0]), (84, spacing_mm[1]), (108, 352.0), (112, 1.0)] {
        put(at, &value.to_le_bytes());
    }
    put(123, &[2]);
    put(344, b"n+1\0");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&header).unwrap();
    packer.write_all(image.as_raw()).unwrap();
    fs::write(path, packer.finish().unwrap()).unwrap();
}

/// Writes a MetaImage of bytes with this many equal planes.
pub(crate) fn metaimage(path: &Path, image: &GrayImage, planes: usize) {
    make_room(path);
    let (width, height) = image.dimensions();
    let sides = if planes == 1 { String::new() } else { format!(" {planes}") };
    let header = format!(
        "ObjectType = Image\nNDims = {}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         CompressedData = False\nDimSize = {width} {height}{sides}\nElementSpacing = 1 1\n\
         ElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
        if planes == 1 { 2 } else { 3 }
    );
    let samples = image.as_raw().repeat(planes);
    fs::write(path, [header.as_bytes(), &samples].concat()).unwrap();
}
