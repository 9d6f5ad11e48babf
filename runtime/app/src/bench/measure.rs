//! The runs that are timed.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use uniultra_core::{
    Frame, Mask, MaskChoice, PointLabel, Prediction, PromptError, Prompts, SegmentError,
};
use uniultra_engine::{EngineError, Segmenter};

/// Least distance of clicks from the frame's edge, as a share of a side.
const MARGIN: f64 = 0.1;

/// Steps of the additive recurrence whose points fill a square evenly: 1/g and 1/g^2 of the plastic
/// number g (Roberts, 2018).
const STEPS: [f64; 2] = [0.754_877_666_246_692_8, 0.569_840_290_998_053_3];

/// Times of each stage in milliseconds, one for each run.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// Resizing and normalising the frame.
    pub(super) preprocess_ms: Vec<f64>,
    /// The image encoder.
    pub(super) encode_ms: Vec<f64>,
    /// The first click on a frame, from prompt to logits.
    pub(super) first_click_ms: Vec<f64>,
    /// A further click on the same frame, from prompt to logits.
    pub(super) click_ms: Vec<f64>,
    /// From that click's logits to its mask at the frame's size.
    pub(super) mask_ms: Vec<f64>,
    /// From a new frame to the mask of its first click.
    pub(super) frame_to_mask_ms: Vec<f64>,
}

impl Times {
    /// Share of the time of frames and first clicks that is spent outside the networks:
    /// preprocessing, and the mask from its logits.
    pub(super) fn glue_share(&self) -> f64 {
        let sum = |times: &[f64]| times.iter().sum::<f64>();
        let glue = sum(&self.preprocess_ms) + sum(&self.mask_ms);
        let networks = sum(&self.encode_ms) + sum(&self.first_click_ms);
        glue / (glue + networks).max(f64::MIN_POSITIVE)
    }
}

/// Runs the model `warm_up` times without and then `runs` times with measuring.
pub(super) fn measure(
    segmenter: &Segmenter,
    frame: &Frame,
    [warm_up, runs]: [u32; 2],
) -> Result<Times, SegmentError<EngineError>> {
    let mut times = Times::default();
    let mut clicks = 0;
    for run in 0..warm_up + runs {
        progress("run", run + 1, warm_up + runs);
        if run == warm_up {
            times = Times::default();
        }
        let start = Instant::now();
        let encoded = segmenter.encode(frame)?;
        let click = Instant::now();
        let prediction = encoded.predict(&nth_click(frame, clicks)?)?;
        times.first_click_ms.push(ms(click.elapsed()));
        mask(&prediction);
        times.frame_to_mask_ms.push(ms(start.elapsed()));
        times.preprocess_ms.push(f64::from(encoded.preprocess_ms()));
        times.encode_ms.push(f64::from(encoded.encode_ms()));

        let click = Instant::now();
        let prediction = encoded.predict(&nth_click(frame, clicks + 1)?)?;
        times.click_ms.push(ms(click.elapsed()));
        let upsampling = Instant::now();
        mask(&prediction);
        times.mask_ms.push(ms(upsampling.elapsed()));
        clicks += 2;
    }
    progress("run", 0, 0);
    Ok(times)
}

/// The answer at the frame's size: chooses a mask, resizes its logits, and applies the threshold.
pub(super) fn mask(prediction: &Prediction) -> Mask {
    // Otherwise the optimiser removes the work, because nobody reads the mask.
    std::hint::black_box(prediction.mask(prediction.choose(MaskChoice::Single)))
}

/// Click number `index`. Each lies at another place, so that no answer can come from a cache.
pub(super) fn nth_click(frame: &Frame, index: u32) -> Result<Prompts, PromptError> {
    let along = |step: f64, side: usize| {
        let place = (0.5 + f64::from(index) * step).fract();
        ((MARGIN + (1.0 - 2.0 * MARGIN) * place) * (side - 1) as f64) as f32
    };
    let [x, y] = [along(STEPS[0], frame.width()), along(STEPS[1], frame.height())];
    Prompts::new().with_point(x, y, PointLabel::Positive)
}

/// One more frame with one click, from pixels to mask, in milliseconds.
pub(super) fn frame_to_mask_ms(
    segmenter: &Segmenter,
    frame: &Frame,
    click: u32,
) -> Result<f64, SegmentError<EngineError>> {
    let start = Instant::now();
    let encoded = segmenter.encode(frame)?;
    mask(&encoded.predict(&nth_click(frame, click)?)?);
    Ok(ms(start.elapsed()))
}

/// Shows progress in a line on stderr if that is a terminal; removes the line at the end.
pub(super) fn progress(what: &str, number: u32, all: u32) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        // A failure of stderr cannot be reported anywhere.
        let _ = if all == 0 {
            write!(stderr, "\r\x1b[K")
        } else {
            write!(stderr, "\r{what} {number} of {all}\x1b[K")
        };
        let _ = stderr.flush();
    }
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uniultra_core::Pixels;

    #[test]
    fn clicks_differ_and_stay_inside() {
        let frame = Frame::new(200, 100, Pixels::Gray8(vec![0; 20_000])).unwrap();
        let mut seen = BTreeSet::new();
        for index in 0..1000 {
            let prompts = nth_click(&frame, index).unwrap();
            let point = prompts.points()[0];
            assert!((19.0..=180.0).contains(&point.x) && (9.0..=90.0).contains(&point.y));
            seen.insert([point.x.to_bits(), point.y.to_bits()]);
        }
        assert_eq!(seen.len(), 1000);
    }

    #[test]
    fn the_share_of_glue_is_of_frames_and_their_first_clicks() {
        let times = Times {
            preprocess_ms: vec![1.0, 3.0],
            mask_ms: vec![2.0, 2.0],
            encode_ms: vec![20.0, 40.0],
            first_click_ms: vec![5.0, 7.0],
            click_ms: vec![1000.0],
            frame_to_mask_ms: vec![1000.0],
        };
        assert!((times.glue_share() - 0.1).abs() < 1e-12);
        assert_eq!(Times::default().glue_share(), 0.0);
    }
}
