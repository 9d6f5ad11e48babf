//! How fast both packs run on this machine, one thread each.

use crate::{CompareError, PHANTOM_SEED, Side, Sides};
use serde::Serialize;
use uniultra_core::{Frame, FrameError, Pixels, PointLabel, Prompts, SegmentError};
use uniultra_engine::{EngineError, cpu_features};
use uniultra_phantom::{Phantom, PhantomConfig};

/// Runs of each pack before the first that counts.
const WARM_UP_RUNS: u32 = 2;

/// Side of the frame, in pixels. Networks see it at their own size.
const FRAME_SIDE_PX: u32 = 512;

/// Speed of both packs. Holds for the machine and the moment only.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Timing {
    /// Runs of each network.
    pub runs: u32,
    /// Runs before, which do not count.
    pub warm_up_runs: u32,
    /// Threads of the engine.
    pub threads: u32,
    /// Architecture of the processor.
    pub cpu: &'static str,
    /// Its SIMD features that matter to the engine.
    pub cpu_features: Vec<&'static str>,
    /// The encoder, on one frame.
    pub image_encoder: Sides<Pace>,
    /// The decoder, on one click.
    pub mask_decoder: Sides<Pace>,
    /// Encoder's median of A over that of B: above 1 where B is faster.
    pub image_encoder_ratio: f64,
    /// The same of the decoder.
    pub mask_decoder_ratio: f64,
}

/// Times of one network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Pace {
    /// Half the runs were as fast as this.
    pub median_ms: f64,
    /// The fastest.
    pub min_ms: f64,
}

impl Pace {
    fn from_times(times_ms: &[f32]) -> Self {
        let mut times: Vec<f64> = times_ms.iter().copied().map(f64::from).collect();
        times.sort_by(f64::total_cmp);
        let at = |i: usize| times.get(i).copied().unwrap_or_default();
        let (low, high) = (at(times.len().saturating_sub(1) / 2), at(times.len() / 2));
        Self { median_ms: f64::midpoint(low, high), min_ms: at(0) }
    }
}

/// Times both networks of both packs, `runs` times each: A, B, A, B, so that what slows the machine
/// for a while slows both. `progress` is called once a run of both that counts.
///
/// # Errors
/// [`CompareError::Run`] if a pack fails; [`CompareError::Frame`] never, for the frame is ours.
pub fn measure_speed(
    sides: &Sides<Side>,
    runs: u32,
    progress: &dyn Fn(),
) -> Result<Timing, CompareError> {
    let frame = frame()?;
    let mut encoder: Sides<Vec<f32>> = Sides::default();
    let mut decoder: Sides<Vec<f32>> = Sides::default();
    for run in 0..WARM_UP_RUNS + runs {
        let a = once(&sides.a, &frame).map_err(|error| failed("A", error))?;
        let b = once(&sides.b, &frame).map_err(|error| failed("B", error))?;
        if run >= WARM_UP_RUNS {
            encoder.a.push(a[0]);
            encoder.b.push(b[0]);
            decoder.a.push(a[1]);
            decoder.b.push(b[1]);
            progress();
        }
    }
    let pace = |times: &Sides<Vec<f32>>| times.map(|times| Pace::from_times(times));
    let ratio = |pace: &Sides<Pace>| pace.a.median_ms / pace.b.median_ms.max(f64::MIN_POSITIVE);
    let (image_encoder, mask_decoder) = (pace(&encoder), pace(&decoder));
    Ok(Timing {
        runs,
        warm_up_runs: WARM_UP_RUNS,
        threads: 1,
        cpu: std::env::consts::ARCH,
        cpu_features: cpu_features(),
        image_encoder,
        mask_decoder,
        image_encoder_ratio: ratio(&image_encoder),
        mask_decoder_ratio: ratio(&mask_decoder),
    })
}

/// Milliseconds of encoder and decoder.
fn once(side: &Side, frame: &Frame) -> Result<[f32; 2], SegmentError<EngineError>> {
    let centre = FRAME_SIDE_PX as f32 / 2.0;
    let click = Prompts::new().with_point(centre, centre, PointLabel::Positive)?;
    let encoded = side.predictor.segmenter().encode(frame)?;
    let timings = encoded.predict(&click)?.timings();
    Ok([timings.encode_ms, timings.decode_ms])
}

fn failed(side: &'static str, error: SegmentError<EngineError>) -> CompareError {
    CompareError::Run { side, source: Box::new(error) }
}

/// A phantom: timed on what a scanner shows, in case a kernel minds.
fn frame() -> Result<Frame, FrameError> {
    let side = FRAME_SIDE_PX;
    let config = PhantomConfig { size_px: Some([side, side]), ..PhantomConfig::default() };
    let image = Phantom::generate(PHANTOM_SEED, 0, &config).image;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame::new(width, height, Pixels::Gray8(image.into_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two() {
        assert_eq!(Pace::from_times(&[3.0, 1.0, 9.0]), Pace { median_ms: 3.0, min_ms: 1.0 });
        assert_eq!(Pace::from_times(&[4.0, 1.0, 2.0, 9.0]), Pace { median_ms: 3.0, min_ms: 1.0 });
        assert_eq!(Pace::from_times(&[]), Pace::default());
    }

    #[test]
    fn the_frame_is_there() {
        let frame = frame().unwrap();
        assert_eq!((frame.width(), frame.height()), (512, 512));
    }
}
