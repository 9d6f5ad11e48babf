//! Frames with objects: images of a data folder, or simulated ones.

use crate::{Progress, QuantizeError};
use std::path::Path;
use uniultra_core::{Frame, Mask, Pixels};
use uniultra_dataset::{Case, Query, Sample, Shard, SplitPart, find_cases};
use uniultra_evaluate::EvaluateError;
use uniultra_phantom::{Phantom, PhantomConfig};

/// Where frames come from.
#[derive(Clone, Copy, Debug)]
pub enum FrameSource<'a> {
    /// Images of a data folder.
    Data {
        /// The folder of the sets' folders.
        folder: &'a Path,
        /// Names of sets; all if empty.
        sets: &'a [String],
        /// Which part of each set.
        split: SplitPart,
    },
    /// Simulated frames.
    Phantoms {
        /// Seed of all of them.
        seed: u64,
    },
}

impl std::fmt::Display for FrameSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data { sets: [], split, .. } => write!(f, "all sets, {split}"),
            Self::Data { sets, split, .. } => write!(f, "{}, {split}", sets.join(", ")),
            Self::Phantoms { seed } => write!(f, "phantoms of seed {seed}"),
        }
    }
}

/// Frames, read or simulated when asked for.
#[derive(Debug)]
pub struct Frames {
    list: List,
}

#[derive(Debug)]
enum List {
    Cases(Vec<Case>),
    Phantoms { seed: u64, count: u32 },
}

/// A frame with its objects.
#[derive(Debug)]
pub struct NamedSample {
    /// The set.
    pub set: String,
    /// The image.
    pub stem: String,
    /// The frame and what is to be found in it.
    pub sample: Sample,
}

impl Frames {
    /// At most `count` frames, evenly spaced over the source.
    ///
    /// # Errors
    /// [`QuantizeError::Evaluate`] if the data folder cannot be used, [`QuantizeError::NoFrames`] if
    /// it holds no image.
    pub fn find(source: &FrameSource<'_>, count: usize) -> Result<Self, QuantizeError> {
        let list = match *source {
            FrameSource::Data { folder, sets, split } => {
                let query = Query { data: folder, sets, split, limit: None, shard: Shard::WHOLE };
                let mut found = find_cases(&query).map_err(EvaluateError::from)?;
                for problem in &found.problems {
                    log::warn!("{problem}");
                }
                let total = found.cases.len();
                if total == 0 {
                    let found = format!("none in {}", folder.display());
                    return Err(QuantizeError::NoFrames { found });
                }
                let taken = count.min(total);
                let mut places = (0..taken).map(|i| i * total / taken).peekable();
                let mut place = 0;
                found.cases.retain(|_| {
                    place += 1;
                    places.next_if_eq(&(place - 1)).is_some()
                });
                List::Cases(found.cases)
            }
            FrameSource::Phantoms { seed } => {
                List::Phantoms { seed, count: u32::try_from(count).unwrap_or(u32::MAX) }
            }
        };
        Ok(Self { list })
    }

    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.list {
            List::Cases(cases) => cases.len(),
            List::Phantoms { count, .. } => *count as usize,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frames with an object, one by one; of one that cannot be used, the log says why.
    pub(crate) fn with_objects<'f>(
        &'f self,
        progress: &'f dyn Progress,
    ) -> impl Iterator<Item = NamedSample> + 'f {
        (0..self.len()).filter_map(move |place| {
            let loaded = self.load(place)?;
            progress.step();
            match loaded {
                Ok(named) => (!named.sample.objects.is_empty()).then_some(named),
                Err(problem) => {
                    log::warn!("{problem}");
                    None
                }
            }
        })
    }

    /// Reads or simulates a frame; `None` for a place beyond the last.
    ///
    /// # Errors
    /// A text that says why it cannot be used.
    pub fn load(&self, place: usize) -> Option<Result<NamedSample, String>> {
        match &self.list {
            List::Cases(cases) => cases.get(place).map(|case| {
                let sample = Sample::load(case)
                    .map_err(|error| format!("{}/{}: {error}", case.set, case.stem))?;
                Ok(NamedSample { set: case.set.clone(), stem: case.stem.clone(), sample })
            }),
            List::Phantoms { seed, count } => {
                let index = u32::try_from(place).ok().filter(|index| index < count)?;
                Some(phantom(*seed, index))
            }
        }
    }
}

/// A phantom with at least one target.
fn phantom(seed: u64, index: u32) -> Result<NamedSample, String> {
    let config = PhantomConfig { empty_share: 0.0, ..PhantomConfig::default() };
    let phantom = Phantom::generate(seed, index, &config);
    let stem = format!("{seed}-{index}");
    let refused = |error: &dyn std::fmt::Display| format!("phantom {stem}: {error}");
    let (width, height) = phantom.image.dimensions();
    let [width, height] = [width, height].map(|side| side as usize);
    let on = phantom.mask.into_raw().into_iter().map(|value| u8::from(value > 0)).collect();
    let mask = Mask::from_binary(width, height, on).map_err(|error| refused(&error))?;
    let frame = Frame::new(width, height, Pixels::Gray8(phantom.image.into_raw()))
        .map_err(|error| refused(&error))?;
    let sample = Sample::new(frame, &mask).map_err(|error| refused(&error))?;
    Ok(NamedSample { set: "phantom".to_string(), stem, sample })
}

/// Whether a frame holds one gray level only.
pub(crate) fn is_constant(frame: &Frame) -> bool {
    fn same<T: PartialEq>(values: &[T]) -> bool {
        values.first().is_none_or(|first| values.iter().all(|value| value == first))
    }
    match frame.pixels() {
        Pixels::Gray8(values) => same(values),
        Pixels::Gray16(values) => same(values),
        Pixels::Rgb8(values) => same(values),
        Pixels::Rgb16(values) => same(values),
    }
}

impl NamedSample {
    /// A failure on this frame.
    pub(crate) fn failed(&self, error: &dyn std::fmt::Display) -> QuantizeError {
        let frame = format!("{}/{}", self.set, self.stem);
        QuantizeError::Frame { frame, reason: error.to_string() }
    }
}
