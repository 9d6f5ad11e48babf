//! When the frames of a cine were taken.

use crate::ReadError;
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::tag;

const MS_PER_SECOND: f64 = 1000.0;

/// What the file says about the times of its frames.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Timing {
    /// Nothing.
    Unknown,
    /// One frame after each of these intervals; the first is for the first frame.
    Steps { steps_ms: Vec<f64> },
    /// Equal intervals.
    Even { step_ms: f64 },
}

impl Timing {
    /// Of several statements, the most precise counts: a vector, then a frame time, then a rate.
    pub(crate) fn read(set: &DataSet, frames: usize) -> Result<Self, ReadError> {
        let steps_ms = set.decimals(tag::FRAME_TIME_VECTOR, "frame time vector")?;
        if !steps_ms.is_empty() {
            let is_wrong = steps_ms.iter().any(|step| *step < 0.0);
            if is_wrong || steps_ms.len() != frames {
                let found = format!(
                    "{}{}",
                    steps_ms.len(),
                    if is_wrong { ", some of them negative" } else { "" }
                );
                return Err(wrong(
                    "frame time vector",
                    format!("{frames} times, none of them negative"),
                    found,
                ));
            }
            return Ok(Self::Steps { steps_ms });
        }
        match set.decimals(tag::FRAME_TIME, "frame time")?[..] {
            [] => {}
            // Single images say 0.
            [0.0] => {}
            [step_ms] if step_ms > 0.0 => return Ok(Self::Even { step_ms }),
            ref others => {
                return Err(wrong("frame time", "one positive number", format!("{others:?}")));
            }
        }
        for (tag, name) in [
            (tag::CINE_RATE, "cine rate"),
            (tag::RECOMMENDED_DISPLAY_FRAME_RATE, "display frame rate"),
        ] {
            match set.integer(tag, name)? {
                Some(rate @ 1..) => return Ok(Self::Even { step_ms: MS_PER_SECOND / rate as f64 }),
                Some(0) | None => {}
                Some(rate) => return Err(wrong(name, "a positive number", rate)),
            }
        }
        Ok(Self::Unknown)
    }

    /// The time of each frame after the first, in milliseconds.
    pub(crate) fn times_ms(&self, frames: usize) -> Option<Vec<f64>> {
        match self {
            Self::Unknown => None,
            Self::Even { step_ms } => Some((0..frames).map(|i| i as f64 * step_ms).collect()),
            Self::Steps { steps_ms } => {
                let mut time_ms = 0.0;
                let mut next = |(i, step_ms): (usize, &f64)| {
                    time_ms += if i == 0 { 0.0 } else { *step_ms };
                    time_ms
                };
                Some(steps_ms.iter().enumerate().map(&mut next).collect())
            }
        }
    }
}

fn wrong(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Element(Mismatch::new(name, expected, found))
}
