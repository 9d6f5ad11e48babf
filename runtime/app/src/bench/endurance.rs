//! Runs for minutes, to see whether the machine stays fast when it is warm and keeps up with a
//! scanner.

use super::measure::{frame_to_mask_ms, progress};
use super::sensors::Sensors;
use std::fmt::{self, Write};
use std::thread;
use std::time::{Duration, Instant};
use uniultra_core::{Frame, SegmentError};
use uniultra_engine::{EngineError, Segmenter, rss_mib};
use uniultra_schema::{Endurance, EnduranceSample as Sample};

/// Number of parts that the time is divided into. It is fixed, so that the report stays small.
const SAMPLES: usize = 60;

/// The first and the last of this many parts of the samples are compared.
const ENDS: usize = 10;

/// Segments `frame` for a number of minutes.
pub(super) fn endure(
    segmenter: &Segmenter,
    frame: &Frame,
    minutes: f64,
    fps: Option<f64>,
    sensors: &Sensors,
) -> Result<Endurance, SegmentError<EngineError>> {
    let seconds = minutes * 60.0;
    let interval_s = seconds / SAMPLES as f64;
    let start = Instant::now();
    let (mut samples, mut sample) = (Vec::new(), Sample::default());
    let mut camera = Camera { fps, next: 0, dropped: 0 };
    let (mut frames, mut clicks) = (0, 0_u32);
    loop {
        let early_s = camera.due_s() - start.elapsed().as_secs_f64();
        if early_s > 0.0 {
            thread::sleep(Duration::from_secs_f64(early_s));
        }
        let ms = frame_to_mask_ms(segmenter, frame, clicks)?;
        clicks = clicks.wrapping_add(1);
        frames += 1;
        sample.frames += 1;
        sample.mean_ms += (ms - sample.mean_ms) / sample.frames as f64;
        sample.max_ms = sample.max_ms.max(ms);
        let at_s = start.elapsed().as_secs_f64();
        camera.done(at_s);
        let over = at_s >= seconds;
        if over || at_s >= interval_s * (samples.len() + 1) as f64 {
            sample = Sample {
                at_s,
                temperature_c: sensors.temperature_c(),
                clock_mhz: sensors.clock_mhz(),
                rss_mib: rss_mib(),
                ..sample
            };
            samples.push(std::mem::take(&mut sample));
            // `as` saturates; there are at most 240 minutes.
            progress("second", at_s as u32, seconds as u32);
        }
        if over {
            break;
        }
    }
    progress("second", 0, 0);
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let dropped = fps.map(|_| camera.dropped);
    Ok(summarize(samples, [minutes, fps.unwrap_or_default()], frames, dropped))
}

/// A scanner that delivers frames at fixed times, whether or not the last one is done.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Camera {
    /// Frames per second; without it, the next frame is always ready.
    fps: Option<f64>,
    /// Number of the next frame.
    next: u64,
    /// Number of frames that were dropped.
    dropped: u64,
}

impl Camera {
    /// Time at which the next frame arrives, in seconds from the beginning.
    fn due_s(&self) -> f64 {
        self.fps.map_or(0.0, |fps| self.next as f64 / fps)
    }

    /// The last frame was done at this time: the next one is the first that arrives from now on.
    fn done(&mut self, at_s: f64) {
        let taken = self.next + 1;
        // Never negative; `as` saturates.
        self.next = self.fps.map_or(taken, |fps| taken.max((at_s * fps).ceil() as u64));
        self.dropped += self.next - taken;
    }
}

fn summarize(
    samples: Vec<Sample>,
    [minutes, fps]: [f64; 2],
    frames: u64,
    dropped: Option<u64>,
) -> Endurance {
    let ends = (samples.len() / ENDS).max(1);
    let mean = |samples: &[Sample]| {
        let times: f64 = samples.iter().map(|s| s.mean_ms * s.frames as f64).sum();
        times / samples.iter().map(|s| s.frames).sum::<u64>().max(1) as f64
    };
    let first = mean(&samples[..ends.min(samples.len())]);
    let last = mean(&samples[samples.len().saturating_sub(ends)..]);
    let rise = |value: fn(&Sample) -> Option<f32>| {
        let [first, last] = [samples.first(), samples.last()].map(|s| s.and_then(value));
        Some(last? - first?)
    };
    Endurance {
        minutes,
        fps: dropped.map(|_| fps),
        frames,
        frames_dropped: dropped,
        slowest_ms: samples.iter().map(|s| s.max_ms).fold(0.0, f64::max),
        slowdown: last / first.max(f64::MIN_POSITIVE),
        temperature_max_c: samples.iter().filter_map(|s| s.temperature_c).reduce(f32::max),
        temperature_rise_c: rise(|s| s.temperature_c),
        clock_min_mhz: samples.iter().filter_map(|s| s.clock_mhz).reduce(f32::min),
        rss_growth_mib: rise(|s| s.rss_mib),
        samples,
    }
}

/// The lines of the table.
pub(super) fn write(endurance: &Endurance, text: &mut String) -> fmt::Result {
    let Endurance { minutes, frames, slowest_ms, slowdown, .. } = endurance;
    writeln!(text, "\nendurance      {minutes:.2} minutes, {frames} frames")?;
    if let (Some(fps), Some(dropped)) = (endurance.fps, endurance.frames_dropped) {
        writeln!(text, "               at {fps} frames a second, {dropped} dropped")?;
    }
    writeln!(text, "               slowest {slowest_ms:.1} ms, last tenth {slowdown:.2} x first")?;
    let known = |value: Option<f32>| {
        value.map_or_else(|| "unknown".to_string(), |value| format!("{value:.1}"))
    };
    let [hottest, rise] = [endurance.temperature_max_c, endurance.temperature_rise_c].map(known);
    writeln!(text, "temperature    at most {hottest} C, rise {rise} C")?;
    let [clock, growth] = [endurance.clock_min_mhz, endurance.rss_growth_mib].map(known);
    writeln!(text, "clock          at least {clock} MHz; memory grew by {growth} MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_does_not_wait() {
        let mut camera = Camera { fps: Some(10.0), next: 0, dropped: 0 };
        assert_eq!(camera.due_s(), 0.0);
        // Done before frame 1 arrives.
        camera.done(0.05);
        assert_eq!((camera.next, camera.dropped, camera.due_s()), (1, 0, 0.1));
        // Frames 2 and 3 arrived meanwhile; frame 4 has not arrived yet.
        camera.done(0.35);
        assert_eq!((camera.next, camera.dropped), (4, 2));
        let mut patient = Camera { fps: None, next: 0, dropped: 0 };
        patient.done(100.0);
        assert_eq!((patient.due_s(), patient.dropped), (0.0, 0));
    }

    #[test]
    fn drift_is_last_against_first() {
        let sample = |mean_ms, temperature_c| Sample {
            frames: 2,
            mean_ms,
            max_ms: mean_ms + 1.0,
            temperature_c: Some(temperature_c),
            rss_mib: Some(50.0),
            ..Sample::default()
        };
        let samples: Vec<_> = (0..20_u8)
            .map(|i| sample(if i < 10 { 10.0 } else { 15.0 }, 40.0 + f32::from(i)))
            .collect();
        let endurance = summarize(samples, [1.0, 5.0], 40, Some(3));
        assert_eq!((endurance.slowdown, endurance.slowest_ms), (1.5, 16.0));
        assert_eq!(endurance.temperature_max_c, Some(59.0));
        assert_eq!(
            (endurance.temperature_rise_c, endurance.rss_growth_mib),
            (Some(19.0), Some(0.0))
        );
        assert_eq!((endurance.clock_min_mhz, endurance.fps), (None, Some(5.0)));
        let mut text = String::new();
        write(&endurance, &mut text).unwrap();
        for part in ["40 frames", "3 dropped", "1.50 x", "at most 59.0 C", "unknown MHz"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn nothing_is_no_panic() {
        let nothing = summarize(Vec::new(), [0.0, 0.0], 0, None);
        assert_eq!((nothing.slowest_ms, nothing.fps, nothing.frames_dropped), (0.0, None, None));
    }
}
