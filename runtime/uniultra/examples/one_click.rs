//! One click, one mask: `cargo run -p uniultra --example one_click -- FRAME X,Y MASK.png`.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use uniultra::{Frame, MaskChoice, PointLabel, Prompts, Segmenter, write_mask_png};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, point, out] = args.as_slice() else {
        return Err("expected FRAME X,Y MASK.png".into());
    };
    let (x, y) = point.split_once(',').ok_or("expected a point as X,Y")?;

    let frame = Frame::decode(&std::fs::read(image)?)?;
    let click = Prompts::new().with_point(x.parse()?, y.parse()?, PointLabel::Positive)?;

    // An application opens the segmenter once, and encodes each frame once for all clicks on it.
    let segmenter = Segmenter::embedded()?;
    let encoded = segmenter.encode(&frame)?;
    let prediction = encoded.predict(&click)?;

    let token = prediction.choose(MaskChoice::Single);
    let mask = prediction.mask(token);
    write_mask_png(Path::new(out), &mask)?;
    writeln!(
        std::io::stdout(),
        "{} px, predicted IoU {:.2}, encoder {:.0} ms, decoder {:.1} ms",
        mask.area_px(),
        prediction.predicted_iou()[token.index()],
        prediction.timings().encode_ms,
        prediction.timings().decode_ms,
    )?;
    Ok(())
}
