//! Draws a sheet of simulated frames with the outlines of their targets, and prints how long a
//! frame takes: `cargo run -p uniultra-phantom --example frame_sheet -- SCENES SEED OUT.png`
//!
//! SCENES is `classic` or `organs`. Each frame appears twice: unchanged, and below that with the
//! outlines.

use image::imageops::{FilterType, resize};
use image::{GrayImage, Rgb, RgbImage};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::Instant;
use uniultra_phantom::{Phantom, PhantomConfig, Scenes};

/// Side of a frame's cell in the sheet, in pixels.
const CELL: u32 = 300;

/// Frames in a row, and rows.
const GRID: [u32; 2] = [6, 3];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenes, seed, out] = &arguments[..] else {
        return Err("expected SCENES SEED OUT.png".into());
    };
    let scenes = match scenes.as_str() {
        "classic" => Scenes::Classic,
        "organs" => Scenes::Organs,
        found => return Err(format!("SCENES is classic or organs, found {found:?}").into()),
    };
    let config = PhantomConfig { scenes, ..PhantomConfig::default() };
    let seed = seed.parse()?;
    let mut sheet = RgbImage::new(GRID[0] * CELL, 2 * GRID[1] * CELL);
    let mut kinds = BTreeMap::new();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut seconds = 0.0;
    let mut shares = Vec::new();
    for index in 0..GRID[0] * GRID[1] {
        let started = Instant::now();
        let phantom = Phantom::generate(seed, index, &config);
        seconds += started.elapsed().as_secs_f64();
        for byte in phantom.image.as_raw().iter().chain(phantom.mask.as_raw()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for target in &phantom.description.targets {
            *kinds.entry(target.kind).or_insert(0) += 1;
            shares.push(target.area_px / (phantom.image.width() * phantom.image.height()) as f32);
        }
        let corner = [index % GRID[0] * CELL, index / GRID[0] * 2 * CELL];
        draw(&mut sheet, &phantom.image, None, corner);
        draw(&mut sheet, &phantom.image, Some(&phantom.mask), [corner[0], corner[1] + CELL]);
    }
    let frames = f64::from(GRID[0] * GRID[1]);
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{:.0} ms a frame; hash {hash:016x}; {kinds:?}", 1000.0 * seconds / frames)?;
    shares.sort_by(f32::total_cmp);
    let quarters = [0, 1, 2, 3, 4].map(|quarter| shares[quarter * (shares.len() - 1) / 4]);
    writeln!(stderr, "share of the frame, least, quartiles and most: {quarters:.3?}")?;
    Ok(sheet.save(out)?)
}

fn draw(sheet: &mut RgbImage, image: &GrayImage, mask: Option<&GrayImage>, corner: [u32; 2]) {
    let scale = f64::from(CELL) / f64::from(image.width().max(image.height()));
    let side = |px: u32| ((f64::from(px) * scale) as u32).clamp(1, CELL);
    let (width, height) = (side(image.width()), side(image.height()));
    let small = resize(image, width, height, FilterType::Triangle);
    let mask = mask.map(|mask| resize(mask, width, height, FilterType::Nearest));
    for (x, y, pixel) in small.enumerate_pixels() {
        let outlined = mask.as_ref().is_some_and(|mask| is_outline(mask, x, y));
        let colour = if outlined { Rgb([255, 210, 0]) } else { Rgb([pixel.0[0]; 3]) };
        sheet.put_pixel(corner[0] + x, corner[1] + y, colour);
    }
}

/// Whether a pixel belongs to the mask and one of its four neighbours does not.
fn is_outline(mask: &GrayImage, x: u32, y: u32) -> bool {
    let inside = |x: u32, y: u32| mask.get_pixel_checked(x, y).is_some_and(|p| p.0[0] > 0);
    let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    inside(x, y) && around.iter().any(|&(x, y)| !inside(x, y))
}
