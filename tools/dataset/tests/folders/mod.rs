//! Data folders for tests.

use image::{GrayImage, Luma};
use std::path::Path;

/// A white disk on black, its area a share of the picture.
pub(crate) fn disk(width: u32, height: u32, share: f64) -> GrayImage {
    let radius = (share * f64::from(width * height) / std::f64::consts::PI).sqrt();
    GrayImage::from_fn(width, height, |x, y| {
        let [dx, dy] = [f64::from(x) - f64::from(width / 2), f64::from(y) - f64::from(height / 2)];
        Luma([if dx * dx + dy * dy < radius * radius { 255 } else { 0 }])
    })
}

/// Writes a picture to FOLDER/PLACE/STEM.png.
pub(crate) fn write(folder: &Path, place: &str, stem: &str, picture: &GrayImage) {
    let place = folder.join(place);
    std::fs::create_dir_all(&place).unwrap();
    picture.save(place.join(format!("{stem}.png"))).unwrap();
}

/// Writes a file of any content.
pub(crate) fn write_bytes(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}
