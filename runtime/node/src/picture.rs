//! Frames and masks as pictures that others read: JPEG for the page, PNG for the API.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult};
use std::borrow::Cow;
use uniultra_core::{Frame, Mask, Pixels};

/// Quality of the page's pictures: speckle stays, a frame of 640 x 480 px takes about 60 KiB.
const JPEG_QUALITY: u8 = 85;

/// Samples of 8 bits, and their meaning.
fn bytes(frame: &Frame) -> (Cow<'_, [u8]>, ExtendedColorType) {
    let high = |samples: &[u16]| samples.iter().map(|sample| sample.to_be_bytes()[0]).collect();
    match frame.pixels() {
        Pixels::Gray8(samples) => (Cow::Borrowed(samples), ExtendedColorType::L8),
        Pixels::Rgb8(samples) => (Cow::Borrowed(samples), ExtendedColorType::Rgb8),
        Pixels::Gray16(samples) => (Cow::Owned(high(samples)), ExtendedColorType::L8),
        Pixels::Rgb16(samples) => (Cow::Owned(high(samples)), ExtendedColorType::Rgb8),
    }
}

fn sides(width: usize, height: usize) -> [u32; 2] {
    // A frame has at most 8192 pixels a side.
    [width, height].map(|side| u32::try_from(side).unwrap_or(u32::MAX))
}

/// The frame as JPEG.
pub(crate) fn jpeg(frame: &Frame) -> ImageResult<Vec<u8>> {
    let mut file = Vec::new();
    let (samples, color) = bytes(frame);
    let [width, height] = sides(frame.width(), frame.height());
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
        .write_image(&samples, width, height, color)?;
    Ok(file)
}

/// The frame as PNG of 8 bits.
pub(crate) fn png(frame: &Frame) -> ImageResult<Vec<u8>> {
    let (samples, color) = bytes(frame);
    let [width, height] = sides(frame.width(), frame.height());
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&samples, width, height, color)?;
    Ok(file)
}

/// Masks as one picture: each pixel has the label of its object, 0 where there is none. Of objects that overlap,
/// the later one shows.
pub(crate) fn label_map<'a>(
    width: usize,
    height: usize,
    masks: impl Iterator<Item = (u8, &'a Mask)>,
) -> Vec<u8> {
    let mut labels = vec![0; width * height];
    for (label, mask) in masks {
        for (pixel, inside) in labels.iter_mut().zip(mask.data()) {
            if *inside != 0 {
                *pixel = label;
            }
        }
    }
    labels
}

/// A label map as PNG.
pub(crate) fn label_png(labels: &[u8], width: usize, height: usize) -> ImageResult<Vec<u8>> {
    let [width, height] = sides(width, height);
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(labels, width, height, ExtendedColorType::L8)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_keeps_every_pixel() {
        let samples: Vec<u8> = (0..16 * 20).map(|i| (i % 251) as u8).collect();
        let frame = Frame::new(20, 16, Pixels::Gray8(samples)).unwrap();
        assert_eq!(Frame::decode(&png(&frame).unwrap()).unwrap(), frame);
        let deep = Frame::new(20, 16, Pixels::Rgb16(vec![0xab12; 960])).unwrap();
        let shallow = Frame::new(20, 16, Pixels::Rgb8(vec![0xab; 960])).unwrap();
        assert_eq!(Frame::decode(&png(&deep).unwrap()).unwrap(), shallow);
        let decoded = Frame::decode(&jpeg(&frame).unwrap()).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (20, 16));
    }

    #[test]
    fn later_objects_show_in_a_label_map() {
        let mask = |data: [u8; 4]| Mask::from_binary(2, 2, data.to_vec()).unwrap();
        let (first, second) = (mask([1, 1, 0, 0]), mask([0, 1, 1, 0]));
        let labels = label_map(2, 2, [(3, &first), (5, &second)].into_iter());
        assert_eq!(labels, [3, 5, 5, 0]);
    }
}
