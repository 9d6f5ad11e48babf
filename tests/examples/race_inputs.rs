//! Writes the inputs of all lanes of `cargo xtask race`: the networks' inputs for one frame and one
//! click, and for simulated frames on which the peers' own quantizers may calibrate.
//!
//! ```text
//! race_inputs --pack DIR --frame FILE --point X,Y --calibration N --out DIR
//! ```
//!
//! writes `OUT/frame` and `OUT/calibration/0` to `N - 1`: `image.npy`, `point_coords.npy`,
//! `point_labels.npy`, `mask_input.npy` and `has_mask_input.npy`, named as the tensors.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use uniultra_core::{DecoderInput, Frame, InputSpec, Pixels, PointLabel, Prompts, preprocess};
use uniultra_manifest::Pack;
use uniultra_phantom::{Phantom, PhantomConfig};
use uniultra_tests::npy;

/// Seed of the simulated frames; not that of any other data set of the project.
const SEED: u64 = 20_261_124;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = BTreeMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        options.insert(word, value);
    }
    let take = |name: &str| options.get(name).ok_or(format!("{name} is missing"));
    let spec = InputSpec::from_manifest(Pack::open(Path::new(take("--pack")?))?.manifest());
    let out = PathBuf::from(take("--out")?);

    let frame = Frame::decode(&std::fs::read(take("--frame")?)?)?;
    let point = take("--point")?;
    let (x, y) = point.split_once(',').ok_or(format!("--point: expected X,Y, found {point}"))?;
    write(&out.join("frame"), &spec, &frame, [x.trim().parse()?, y.trim().parse()?])?;

    let count: u32 = take("--calibration")?.parse()?;
    for index in 0..count {
        let phantom = Phantom::generate(SEED, index, &PhantomConfig::default());
        let target = phantom.description.targets.first().ok_or("a phantom without a target")?;
        let [width, height] = [phantom.image.width(), phantom.image.height()];
        let pixels = Pixels::Gray8(phantom.image.into_raw());
        let frame = Frame::new(width as usize, height as usize, pixels)?;
        // A strip's centre may lie outside the picture.
        let [x, y] = target.centre_px;
        let click = [x.clamp(0.0, (width - 1) as f32), y.clamp(0.0, (height - 1) as f32)];
        write(&out.join(format!("calibration/{index}")), &spec, &frame, click)?;
    }
    Ok(())
}

/// Writes the inputs for `frame` and a click at `[x, y]`, pixels of the frame.
fn write(
    folder: &Path,
    spec: &InputSpec,
    frame: &Frame,
    [x, y]: [f32; 2],
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let side = spec.image_size;
    let mut image = vec![0.0; spec.values()];
    preprocess(frame, spec, &mut image)?;
    let prompts = Prompts::new().with_point(x, y, PointLabel::Positive)?;
    let click = DecoderInput::from_prompts(&prompts, frame.width(), frame.height(), side)?;
    let file = |name: &str| folder.join(name).with_extension("npy");
    npy::write(&file("image"), &[1, spec.channels.count(), side, side], &image)?;
    let count = click.point_labels.len();
    npy::write(&file("point_coords"), &[1, count, 2], click.point_coords.as_flattened())?;
    npy::write(&file("point_labels"), &[1, count], &click.point_labels)?;
    let grid = side / 4;
    npy::write(&file("mask_input"), &[1, 1, grid, grid], &vec![0.0; grid * grid])?;
    npy::write(&file("has_mask_input"), &[1], &[0.0])?;
    Ok(())
}
