//! Compiles a pack of your own into the program. Its three files become part of the executable and
//! are checked when it starts. `cargo run -p uniultra --example pack_in_program -- FRAME X,Y`.
//!
//! Prints the model's id and the area of the mask in pixels.

use std::error::Error;
use std::io::Write;
use uniultra::{EngineOptions, Frame, MaskChoice, Pack, PointLabel, Prompts, Segmenter};

/// Here the f32 UniUltra-mini; in your program, the folder that `uniultra-tools export` wrote.
macro_rules! packed {
    ($file:literal) => {
        include_bytes!(concat!("../../../models/uniultra-mini/", $file)).as_slice()
    };
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, point] = args.as_slice() else {
        return Err("expected FRAME X,Y".into());
    };
    let (x, y) = point.split_once(',').ok_or("expected a point as X,Y")?;

    let pack = Pack::from_bytes(
        packed!("model.toml"),
        packed!("image_encoder.onnx"),
        packed!("mask_decoder.onnx"),
    )?;
    let segmenter = Segmenter::from_pack(&pack, &EngineOptions::new())?;

    let frame = Frame::decode(&std::fs::read(image)?)?;
    let click = Prompts::new().with_point(x.parse()?, y.parse()?, PointLabel::Positive)?;
    let prediction = segmenter.encode(&frame)?.predict(&click)?;
    let mask = prediction.mask(prediction.choose(MaskChoice::Single));
    writeln!(std::io::stdout(), "{} {}", segmenter.manifest().model.id, mask.area_px())?;
    Ok(())
}
