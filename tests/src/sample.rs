//! The phantom frame of the README and its one target, from tests/fixtures/sample/README.md.
#![allow(
    clippy::expect_used,
    reason = "a test helper fails its test by panicking with what it could not do"
)]

use crate::cli::root;
use image::GrayImage;
use std::path::Path;

/// A click on the target, as the command line takes it.
pub const POINT: &str = "269,279";

/// The target's box, as the command line takes it.
pub const BOX: &str = "190,208,342,347";

/// A gray picture.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn gray(path: &Path) -> GrayImage {
    image::open(path).expect("a picture").into_luma8()
}

/// Pixels of a mask that are not background.
#[must_use]
pub fn foreground(mask: &GrayImage) -> u64 {
    mask.pixels().filter(|p| p.0[0] > 0).count() as u64
}

/// Dice of a mask of the sample frame against the exact one.
///
/// # Panics
/// If the mask is not of the frame's size.
#[must_use]
pub fn dice(mask: &GrayImage) -> f64 {
    let truth = gray(&root().join("tests/fixtures/sample/mask.png"));
    assert_eq!(mask.dimensions(), truth.dimensions());
    let both = mask.pixels().zip(truth.pixels()).filter(|(a, b)| a.0[0] > 0 && b.0[0] > 0);
    2.0 * both.count() as f64 / (foreground(mask) + foreground(&truth)) as f64
}
