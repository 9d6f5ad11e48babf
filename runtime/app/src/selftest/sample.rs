//! The sample inside the program: a simulated frame whose exact mask is known.

use anyhow::Context;
use uniultra_core::{Frame, Mask, Pixels, PointLabel, PromptError, Prompts};

/// The frame of the README's picture, and its mask; `tests/fixtures/sample/README.md` says how they
/// were made.
const FRAME: &[u8] = include_bytes!("../../../../tests/fixtures/sample/frame.png");
const MASK: &[u8] = include_bytes!("../../../../tests/fixtures/sample/mask.png");

/// A point inside the target, in pixels of the frame.
const POINT: [f32; 2] = [269.0, 279.0];

/// The target's box, in pixels of the frame.
const BOX: [f32; 4] = [190.0, 208.0, 342.0, 347.0];

pub(super) fn frame() -> anyhow::Result<Frame> {
    Frame::decode(FRAME).context("the sample frame inside this program")
}

/// The exact mask of the target.
pub(super) fn truth() -> anyhow::Result<Mask> {
    let picture = Frame::decode(MASK).context("the sample mask inside this program")?;
    let (width, height) = (picture.width(), picture.height());
    let Pixels::Gray8(values) = picture.pixels() else {
        anyhow::bail!(
            "the sample mask inside this program: expected 8-bit gray, found another form"
        );
    };
    Ok(Mask::from_binary(width, height, values.clone())?)
}

/// A click inside the target.
pub(super) fn point() -> Result<Prompts, PromptError> {
    let [x, y] = POINT;
    Prompts::new().with_point(x, y, PointLabel::Positive)
}

/// The box around the target.
pub(super) fn corners() -> Result<Prompts, PromptError> {
    let [x0, y0, x1, y1] = BOX;
    Prompts::new().with_box(x0, y0, x1, y1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_and_prompts_fit_the_frame() {
        let (frame, truth) = (frame().unwrap(), truth().unwrap());
        assert_eq!([truth.width(), truth.height()], [frame.width(), frame.height()]);
        assert!(truth.contains(POINT[0] as usize, POINT[1] as usize));
        let found = truth.bounding_box().unwrap();
        assert_eq!([found.x0, found.y0, found.x1, found.y1].map(|side| side as f32), BOX);
        assert!(point().is_ok() && corners().is_ok());
    }
}
