//! What a session does when frames come faster than the model answers.
//!
//! Nothing here reads a clock: times are handed in, so that every decision can be tested.

use std::time::Duration;

/// Largest distance between two frames that the model gets. Of a model that is slower still, frames are skipped as
/// with [`Overload::Skip`].
const MAX_EVERY: u32 = 64;
/// Frames in a row that must be late before the model gets fewer. One slow frame says nothing.
const LATE_FRAMES: u32 = 4;
/// Frames in a row that must leave time before the model gets more again.
const EASY_FRAMES: u32 = 8;
/// Share of the time between frames that the model may take.
const FULL_LOAD: f32 = 0.9;
/// The same, to go back to more frames. The difference keeps the distance from changing to and fro.
const EASY_LOAD: f32 = 0.7;
/// Weight of a new frame time in their mean.
const WEIGHT: f32 = 0.125;
/// Longest time between frames that counts: a stream that paused has not become slow.
const LONGEST_FRAME_S: f32 = 1.0;

/// What to do when frames come faster than the model answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overload {
    /// The model gets the newest frame whenever it is free. As many frames as possible, unevenly spaced.
    #[default]
    Skip,
    /// The model gets every second, third .. frame. Evenly spaced.
    LowerRate,
    /// The model gets every second, third .. frame; on those between, masks are moved with the picture.
    DecodeOnly,
}

impl Overload {
    /// The name in reports and board profiles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::LowerRate => "lower_rate",
            Self::DecodeOnly => "decode_only",
        }
    }
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give it to the model.
    Model,
    /// Move the masks to it, without the model.
    Move,
    /// Leave it out.
    Leave,
}

/// Decides for each frame whether the model gets it.
#[derive(Clone, Debug)]
pub struct Pacer {
    policy: Overload,
    /// Least time between frames, if somebody asked for fewer than come.
    interval_s: f32,
    deadline_s: f32,
    every: u32,
    /// Number and time of the last frame.
    last_seen: Option<(u64, Duration)>,
    /// Number of the last frame that the model got.
    last_model: Option<u64>,
    /// Mean time between frames of the source; 0 before the second.
    frame_s: f32,
    /// How long it last took to move the masks.
    move_s: f32,
    late: Run,
    easy: Run,
}

/// Frames in a row that ask for another distance.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    frames: u32,
    /// The distance that suits all of them.
    every: u32,
}

impl Pacer {
    /// A pacer for frames that are offered at most every `interval`, with answers that should not be older than
    /// `deadline`.
    #[must_use]
    pub fn new(policy: Overload, interval: Duration, deadline: Option<Duration>) -> Self {
        Self {
            policy,
            interval_s: interval.as_secs_f32(),
            deadline_s: deadline.map_or(f32::INFINITY, |deadline| deadline.as_secs_f32()),
            every: 1,
            last_seen: None,
            last_model: None,
            frame_s: 0.0,
            move_s: 0.0,
            late: Run::default(),
            easy: Run::default(),
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Overload {
        self.policy
    }

    /// The model gets every n-th frame; 1 without overload, at most 64.
    #[must_use]
    pub fn every(&self) -> u32 {
        self.every
    }

    /// What to do with the frame `number` of time `captured`. A frame after a prompt goes to the model in any case.
    pub fn step(&mut self, number: u64, captured: Duration, prompted: bool) -> Step {
        let before = self.last_seen.map(|(number, _)| number);
        self.note_frame(number, captured);
        // Of a model that takes longer than the distance, every frame would be due, and none would show a moved mask.
        let is_after_model = before.is_some() && before == self.last_model;
        let rests = self.policy == Overload::DecodeOnly && is_after_model;
        let distance = u64::from(self.every) * self.stride();
        let is_due = self.every == 1
            || prompted
            || !rests && self.last_model.is_none_or(|last| number.saturating_sub(last) >= distance);
        match self.policy {
            Overload::LowerRate if !is_due => Step::Leave,
            Overload::DecodeOnly if !is_due => Step::Move,
            _ => {
                self.last_model = Some(number);
                Step::Model
            }
        }
    }

    /// Notes how long a frame kept the session `busy`, and how old its answer was then.
    pub fn took(&mut self, step: Step, busy: Duration, age: Duration) {
        match step {
            Step::Model if self.policy != Overload::Skip && self.frame_s > 0.0 => {
                self.judge(busy.as_secs_f32(), age.as_secs_f32());
            }
            Step::Move => self.move_s = busy.as_secs_f32(),
            Step::Model | Step::Leave => {}
        }
    }

    fn note_frame(&mut self, number: u64, captured: Duration) {
        if let Some((last, then)) = self.last_seen.replace((number, captured)) {
            let frames = number.saturating_sub(last).max(1) as f32;
            let frame_s =
                (captured.saturating_sub(then).as_secs_f32() / frames).min(LONGEST_FRAME_S);
            let is_first = self.frame_s == 0.0;
            self.frame_s += if is_first { frame_s } else { WEIGHT * (frame_s - self.frame_s) };
        }
    }

    /// Frames of the source for each that is offered.
    fn stride(&self) -> u64 {
        if self.frame_s > 0.0 {
            (self.interval_s / self.frame_s).round().max(1.0) as u64
        } else {
            1
        }
    }

    fn offered_s(&self) -> f32 {
        self.frame_s.max(self.interval_s)
    }

    fn judge(&mut self, model_s: f32, age_s: f32) {
        let needed = self.needed(model_s, FULL_LOAD);
        let easy = self.needed(model_s, EASY_LOAD);
        // Fewer frames make a late answer younger only if it had to wait. The model itself gets no faster.
        let waited = self.every as f32 * self.offered_s() < self.deadline_s;
        let missed = age_s > self.deadline_s && waited && self.every < MAX_EVERY;
        if needed > self.every || missed {
            self.easy = Run::default();
            let needed = needed.max(self.every + 1);
            let before = if self.late.frames == 0 { needed } else { self.late.every };
            self.late = Run { frames: self.late.frames + 1, every: needed.min(before) };
        } else if easy < self.every {
            self.late = Run::default();
            self.easy = Run { frames: self.easy.frames + 1, every: easy.max(self.easy.every) };
        } else {
            self.late = Run::default();
            self.easy = Run::default();
        }
        for (run, frames) in [(self.late, LATE_FRAMES), (self.easy, EASY_FRAMES)] {
            if run.frames >= frames {
                self.every = run.every.clamp(1, MAX_EVERY);
                self.late = Run::default();
                self.easy = Run::default();
            }
        }
    }

    /// The least distance at which the session keeps up, if it is busy for this share of the time.
    fn needed(&self, model_s: f32, load: f32) -> u32 {
        let available_s = load * self.offered_s();
        let distance = match self.policy {
            Overload::Skip => 1.0,
            Overload::LowerRate => model_s / available_s,
            // Where moving masks takes almost all the time, the model still gets half of it.
            Overload::DecodeOnly => {
                let spare_s = (available_s - self.move_s).max(f32::MIN_POSITIVE);
                ((model_s - self.move_s) / spare_s).min(2.0 * model_s / available_s)
            }
        };
        // Casts of floats saturate.
        (distance.ceil() as u32).clamp(1, MAX_EVERY)
    }
}

#[cfg(test)]
mod tests;
