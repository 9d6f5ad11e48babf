//! Segments several objects of a frame at once, on several threads:
//! `cargo run -p uniultra --example many_objects -- FRAME THREADS X,Y [X,Y ...]`.
//!
//! Prints a line for each object: its click, its area in pixels, its box and its centre.

use std::error::Error;
use std::io::Write;
use uniultra::{
    EngineOptions, Frame, MAX_OBJECTS, MaskChoice, PointLabel, Prompts, Segmenter, embedded_pack,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, threads, points @ ..] = args.as_slice() else {
        return Err("expected FRAME THREADS X,Y [X,Y ...]".into());
    };
    let objects = points.iter().map(|point| click(point)).collect::<Result<Vec<_>, _>>()?;

    let options = EngineOptions::new().with_threads(threads.parse()?);
    let segmenter = Segmenter::from_pack(&embedded_pack()?, &options)?;
    let encoded = segmenter.encode(&Frame::decode(&std::fs::read(image)?)?)?;

    let mut out = std::io::stdout().lock();
    // A call takes a limited number of objects: more of them take several calls.
    for (points, objects) in points.chunks(MAX_OBJECTS).zip(objects.chunks(MAX_OBJECTS)) {
        for (point, prediction) in points.iter().zip(encoded.predict_all(objects)?) {
            let mask = prediction.mask(prediction.choose(MaskChoice::Single));
            match (mask.bounding_box(), mask.centroid()) {
                (Some(b), Some([x, y])) => {
                    let area = mask.area_px();
                    let (x0, y0, x1, y1) = (b.x0, b.y0, b.x1, b.y1);
                    writeln!(out, "{point} {area} {x0},{y0},{x1},{y1} {x:.1},{y:.1}")?;
                }
                _ => writeln!(out, "{point} 0")?,
            }
        }
    }
    Ok(())
}

fn click(point: &str) -> Result<Prompts, Box<dyn Error>> {
    let (x, y) = point.split_once(',').ok_or("expected a point as X,Y")?;
    Ok(Prompts::new().with_point(x.parse()?, y.parse()?, PointLabel::Positive)?)
}
