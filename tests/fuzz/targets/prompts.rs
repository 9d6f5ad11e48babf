//! Hostile points and boxes: NaN, infinities, far outside, too many.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_core::{DecoderInput, MAX_TOKENS, PointLabel, PromptError, Prompts};

/// A frame and a model; what matters is that the frame is neither square nor the model's size.
const WIDTH_PX: usize = 640;
const HEIGHT_PX: usize = 480;
const IMAGE_SIZE: usize = 1024;

type Clicks = Vec<(f32, f32, bool)>;

fuzz_target!(|input: (Clicks, Option<[f32; 4]>)| {
    let (clicks, corners) = input;
    let Ok(prompts) = collect(&clicks, corners) else { return };
    if let Ok(input) = DecoderInput::from_prompts(&prompts, WIDTH_PX, HEIGHT_PX, IMAGE_SIZE) {
        assert_eq!(input.point_coords.len(), input.point_labels.len());
        assert!(input.point_coords.len() <= MAX_TOKENS);
        let inside = 0.0..=IMAGE_SIZE as f32;
        assert!(input.point_coords.iter().flatten().all(|value| inside.contains(value)));
    }
});

fn collect(clicks: &Clicks, corners: Option<[f32; 4]>) -> Result<Prompts, PromptError> {
    let mut prompts = Prompts::new();
    if let Some([x0, y0, x1, y1]) = corners {
        prompts = prompts.with_box(x0, y0, x1, y1)?;
    }
    for &(x, y, positive) in clicks {
        let label = if positive { PointLabel::Positive } else { PointLabel::Negative };
        prompts = prompts.with_point(x, y, label)?;
    }
    Ok(prompts)
}
