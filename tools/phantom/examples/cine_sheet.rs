//! Draws a sheet of simulated cines, one a row, with the outline of the target, and prints what
//! happens in them and how long a frame takes:
//! `cargo run -p uniultra-phantom --example cine_sheet -- SCENES SEED COUNT OUT.png`
//!
//! SCENES is `classic` or `organs`. Every 20th of 200 frames is drawn.

use image::{GrayImage, Rgb, RgbImage};
use std::error::Error;
use std::io::Write;
use std::time::Instant;
use uniultra_phantom::{Cine, CineConfig, PhantomConfig, Scenes};

/// Frames between two that are drawn.
const STEP: u32 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenes, seed, count, out] = &arguments[..] else {
        return Err("expected SCENES SEED COUNT OUT.png".into());
    };
    let scenes = match scenes.as_str() {
        "classic" => Scenes::Classic,
        "organs" => Scenes::Organs,
        found => return Err(format!("SCENES is classic or organs, found {found:?}").into()),
    };
    let phantom = PhantomConfig { scenes, ..PhantomConfig::default() };
    let config = CineConfig { phantom, ..CineConfig::default() };
    let (seed, count) = (seed.parse()?, count.parse()?);
    let [width, height] = [320, 256];
    let columns = config.frames.div_ceil(STEP);
    let mut sheet = RgbImage::new(columns * width, count * height);
    let mut stderr = std::io::stderr();
    for index in 0..count {
        let mut cine = Cine::new(seed, index, &config);
        let started = Instant::now();
        for column in 0..columns {
            let frame = cine.frame(column * STEP);
            draw(&mut sheet, &frame.image, &frame.mask, [column * width, index * height]);
            let state = frame.state;
            writeln!(stderr, "{index} {:?} frame {}: {state:?}", cine.kind(), column * STEP)?;
        }
        let frames = f64::from(columns);
        let ms = 1000.0 * started.elapsed().as_secs_f64() / frames;
        writeln!(stderr, "{index}: {:?}, {ms:.0} ms a frame", cine.geometry())?;
    }
    Ok(sheet.save(out)?)
}

fn draw(sheet: &mut RgbImage, image: &GrayImage, mask: &GrayImage, corner: [u32; 2]) {
    for (x, y, pixel) in image.enumerate_pixels() {
        let inside = |x: u32, y: u32| mask.get_pixel_checked(x, y).is_some_and(|p| p.0[0] > 0);
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        let outline = inside(x, y) && around.iter().any(|&(x, y)| !inside(x, y));
        let colour = if outline { Rgb([255, 210, 0]) } else { Rgb([pixel.0[0]; 3]) };
        sheet.put_pixel(corner[0] + x, corner[1] + y, colour);
    }
}
