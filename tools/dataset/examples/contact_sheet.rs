//! Draws a sheet of augmented examples with the outlines of their objects, to be looked at:
//! `cargo run --release -p uniultra-dataset --example contact_sheet -- CONFIG OUT.png`
//!
//! CONFIG is a TOML file with `[[data.set]]` and optionally `[augment]`; other tables are ignored.
//! Each row shows an image, first unchanged, then augmented.

use anyhow::{Context, Result, bail};
use image::{Rgb, RgbImage};
use serde::Deserialize;
use std::io::Write;
use std::path::Path;
use std::time::Instant;
use uniultra_dataset::{AugmentConfig, DataConfig, Dataset, Example};

/// Side of an example, in pixels.
const SIZE: usize = 256;

/// Examples of each image.
const COLUMNS: usize = 7;

/// Images of each set.
const ROWS: usize = 4;

/// Side of the examples that are timed.
const TIMED_SIZE: usize = 512;

#[derive(Deserialize)]
struct Config {
    data: DataConfig,
    #[serde(default)]
    augment: AugmentConfig,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, out] = &arguments[..] else {
        bail!("expected CONFIG and OUT.png, found {} arguments", arguments.len());
    };
    let text = std::fs::read_to_string(config).with_context(|| config.clone())?;
    let Config { data, augment } = toml::from_str(&text).with_context(|| config.clone())?;
    augment.validate()?;
    let base = Path::new(config).parent().unwrap_or(Path::new("."));
    let started = Instant::now();
    let dataset = Dataset::open(&data, base)?;
    say(&format!("opened in {:.1} s", started.elapsed().as_secs_f32()))?;
    let mut sheet = Sheet::new(data.sets.len() * ROWS);
    for (set, name) in dataset.set_names().iter().enumerate() {
        for row in 0..ROWS {
            let index = row * dataset.len(set) / ROWS;
            for column in 0..COLUMNS {
                let none = AugmentConfig::none();
                let how = if column == 0 { &none } else { &augment };
                let example = dataset.example(set, index, SIZE, how, column as u64)?;
                sheet.draw(&example, column, set * ROWS + row);
            }
        }
        let milliseconds = timed(&dataset, set, &augment)?;
        say(&format!("{name}: {} images, {milliseconds:.2} ms an example", dataset.len(set)))?;
    }
    sheet.0.save(out).with_context(|| out.clone())
}

/// Milliseconds of an example at [`TIMED_SIZE`], of images that are in memory.
fn timed(dataset: &Dataset, set: usize, augment: &AugmentConfig) -> Result<f64> {
    const RUNS: usize = 100;
    let images = dataset.len(set).min(20);
    for index in 0..images {
        dataset.example(set, index, TIMED_SIZE, augment, 0)?;
    }
    let started = Instant::now();
    for run in 0..RUNS {
        dataset.example(set, run % images, TIMED_SIZE, augment, run as u64)?;
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0 / RUNS as f64)
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "{line}")?)
}

/// The picture.
struct Sheet(RgbImage);

impl Sheet {
    fn new(rows: usize) -> Self {
        Self(RgbImage::new((COLUMNS * SIZE) as u32, (rows * SIZE) as u32))
    }

    fn draw(&mut self, example: &Example, column: usize, row: usize) {
        const COLOURS: [[u8; 3]; 3] = [[255, 210, 0], [0, 220, 255], [255, 90, 200]];
        for (at, value) in example.image.iter().enumerate() {
            let gray = (value * 255.0).round() as u8;
            self.set(column, row, at, [gray; 3]);
        }
        for (mask, colour) in example.objects.iter().zip(COLOURS.iter().cycle()) {
            for at in 0..mask.len() {
                if is_outline(mask, at) {
                    self.set(column, row, at, *colour);
                }
            }
        }
    }

    fn set(&mut self, column: usize, row: usize, at: usize, colour: [u8; 3]) {
        let [x, y] = [column * SIZE + at % SIZE, row * SIZE + at / SIZE];
        self.0.put_pixel(x as u32, y as u32, Rgb(colour));
    }
}

/// Whether a pixel belongs to the mask and one of its four neighbours does not.
fn is_outline(mask: &[u8], at: usize) -> bool {
    let [x, y] = [at % SIZE, at / SIZE];
    let inside = |x: usize, y: usize| x < SIZE && y < SIZE && mask[y * SIZE + x] != 0;
    let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    mask[at] != 0 && around.iter().any(|&(x, y)| !inside(x, y))
}
