//! Refines a mask with a click outside the object and the first answer as a mask prompt.
//! `cargo run -p uniultra --example refine -- FRAME INSIDE OUTSIDE OVERLAY.png`, where INSIDE and
//! OUTSIDE are X,Y.
//!
//! Prints the area in pixels of the first and of the refined mask.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use uniultra::{
    Frame, MaskChoice, Overlay, PointLabel, Prompts, Segmenter, diameters, write_overlay_png,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, inside, outside, out] = args.as_slice() else {
        return Err("expected FRAME INSIDE OUTSIDE OVERLAY.png".into());
    };
    let frame = Frame::decode(&std::fs::read(image)?)?;
    let segmenter = Segmenter::embedded()?;
    let encoded = segmenter.encode(&frame)?;

    let [x, y] = point(inside)?;
    let click = Prompts::new().with_point(x, y, PointLabel::Positive)?;
    let first = encoded.predict(&click)?;
    let token = first.choose(MaskChoice::Single);
    let first_area = first.mask(token).area_px();

    // The prompts for the same object: all clicks so far, and the model's answer to them.
    let [x, y] = point(outside)?;
    let prompts =
        click.with_point(x, y, PointLabel::Negative)?.with_mask(first.as_mask_prompt(token))?;
    let refined = encoded.predict(&prompts)?;
    let token = refined.choose(MaskChoice::Single);
    let (outlines, area) = (refined.contour(token), refined.mask(token).area_px());
    writeln!(std::io::stdout(), "{first_area} {area}")?;

    let (model, found) = (&segmenter.manifest().model.id, diameters(&outlines));
    let overlay = Overlay::new(model, &frame, &prompts)
        .with_answer(&outlines, area, refined.predicted_iou()[token.index()])
        .with_diameters(found.as_ref());
    write_overlay_png(Path::new(out), &overlay)?;
    Ok(())
}

fn point(text: &str) -> Result<[f32; 2], Box<dyn Error>> {
    let (x, y) = text.split_once(',').ok_or("expected a point as X,Y")?;
    Ok([x.parse()?, y.parse()?])
}
