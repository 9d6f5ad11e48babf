//! The README's sample frame is what its stated command makes.

use image::GrayImage;
use std::path::Path;
use uniultra_phantom::{GeometryChoice, Phantom, PhantomConfig, TargetKind};

/// Gray levels by which math libraries of other platforms may move a pixel.
const LIBM_TOLERANCE: u8 = 1;

fn fixture(name: &str) -> image::ImageResult<GrayImage> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sample");
    Ok(image::open(folder.join(name))?.into_luma8())
}

#[test]
fn the_sample_frame_can_be_made_anew() {
    let config = PhantomConfig {
        geometry: GeometryChoice::Linear,
        size_px: Some([512, 400]),
        ..PhantomConfig::default()
    };
    let made = Phantom::generate(56, 0, &config);
    let kinds: Vec<TargetKind> = made.description.targets.iter().map(|t| t.kind).collect();
    assert_eq!(kinds, [TargetKind::Cyst]);
    let frame = fixture("frame.png").unwrap();
    assert_eq!(frame.dimensions(), made.image.dimensions());
    let worst =
        frame.as_raw().iter().zip(made.image.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(
        worst <= LIBM_TOLERANCE,
        "frame differs by {worst} gray levels; tests/fixtures/sample/README.md says how to renew it"
    );
    assert!(fixture("mask.png").unwrap() == made.mask, "mask differs");
}
