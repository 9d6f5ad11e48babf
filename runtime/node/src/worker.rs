//! The thread of the session: takes the newest frame and the commands that have come, answers, publishes.

use crate::NodeError;
use crate::command::{Answer, Command, Request};
use crate::record::Recorder;
use crate::shared::{Recording, Shared};
use crate::snapshot::Snapshot;
use crate::source::SourceState;
use crate::state::{Figures, Object, Source, State};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uniultra_core::Network;
use uniultra_live::{
    CapturedFrame, FrameSlot, LiveError, LivePrompt, LiveSession, MAX_LIVE_OBJECTS, ObjectId,
    Pacer, Stats, Step,
};

/// How long the thread waits for a frame before it gives a sign of life.
const IDLE: Duration = Duration::from_millis(100);

/// What is left when the node has ended.
pub(crate) struct Summary {
    pub(crate) figures: Figures,
    /// Of the recording.
    pub(crate) outcome: Result<(), NodeError>,
    pub(crate) failed_taps: Option<String>,
}

/// The session and what surrounds it.
pub(crate) struct Worker<N: Network> {
    pub(crate) session: LiveSession<N>,
    pub(crate) slot: Arc<FrameSlot>,
    pub(crate) commands: Receiver<Request>,
    pub(crate) published: watch::Sender<Arc<Snapshot>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) source_name: &'static str,
    /// Greatest age of an answer that is in time.
    pub(crate) deadline: Option<Duration>,
    /// Least time from one frame to the next.
    pub(crate) interval: Duration,
    /// Decides which frames the model gets.
    pub(crate) pacer: Pacer,
    /// The node ends with its source, because nobody would look at what is left.
    pub(crate) ends_with_source: bool,
    /// Clicks of the command line, for the first frame.
    pub(crate) first_taps: Vec<[f32; 2]>,
    /// The first of them that was refused, and why.
    pub(crate) failed_taps: Option<String>,
    pub(crate) view: View,
}

/// What is shown, beside the session's objects.
#[derive(Debug, Default)]
pub(crate) struct View {
    current: Option<Arc<CapturedFrame>>,
    age: Duration,
    frozen: bool,
    /// Frames that came while the picture was frozen, and frames left out for a lower rate.
    skipped: u64,
    /// The masks of the current frame were moved to it, without the model.
    is_moved: bool,
    failures: u64,
    stats: Stats,
    /// The object of each label, from 1.
    labels: [Option<ObjectId>; MAX_LIVE_OBJECTS],
    /// State and errors of the source, as last published.
    last_source: Option<(SourceState, u64)>,
}

impl<N: Network> Worker<N> {
    /// Runs until the node stops.
    pub(crate) fn run(mut self) -> Summary {
        let mut due = Instant::now();
        while !self.shared.stops() {
            self.shared.alive();
            // The slot keeps the newest of the frames that come meanwhile.
            let early = due.saturating_duration_since(Instant::now());
            let frame = if early.is_zero() {
                self.slot.take(IDLE)
            } else {
                self.slot.pause(early.min(IDLE));
                None
            };
            let start = Instant::now();
            let mut changed = self.take_commands();
            let step = frame.map_or(Step::Leave, |frame| self.take_frame(frame));
            let new_frame = step != Step::Leave;
            if new_frame {
                due = start + self.interval;
            }
            if !new_frame && (self.view.frozen || !self.is_running()) {
                changed |= self.settle();
                if changed {
                    self.answer_on_current();
                }
            }
            let source = (self.shared.source.state(), self.shared.source.errors());
            changed |= self.view.last_source.replace(source) != Some(source);
            if new_frame || changed {
                self.publish(new_frame);
            }
            self.pacer.took(step, start.elapsed(), self.view.age);
            self.view.stats.model_every = self.pacer.every();
            let lost = self.shared.recording() == Recording::Failed || self.failed_taps.is_some();
            if self.ends_with_source && (self.slot.is_finished() || lost) {
                self.shared.stop();
            }
        }
        let outcome = self.recorder.take().map_or(Ok(()), |recorder| recorder.finish(&self.shared));
        let figures = self.figures();
        log::info!(
            "received {}, processed {}, dropped {}, recorded {}",
            figures.received,
            figures.processed,
            figures.dropped,
            figures.recorded
        );
        Summary { figures, outcome, failed_taps: self.failed_taps }
    }

    fn is_running(&self) -> bool {
        self.shared.source.state() == SourceState::Running
    }

    fn take_frame(&mut self, frame: CapturedFrame) -> Step {
        let prompted = self.session.has_new_prompts();
        let step = match self.view.frozen {
            true => Step::Leave,
            false => self.pacer.step(frame.number, frame.captured, prompted),
        };
        let captured = Arc::new(frame);
        let outcome = match step {
            Step::Model => self.session.process(&captured),
            Step::Move => self.session.move_masks(&captured),
            Step::Leave => {
                self.view.skipped += 1;
                return step;
            }
        };
        self.note(&captured, outcome);
        self.view.is_moved = step == Step::Move;
        self.view.stats.moved += u64::from(self.view.is_moved);
        for [x, y] in std::mem::take(&mut self.first_taps) {
            let command =
                Command::Point { object: None, frame: Some(captured.number), x, y, inside: true };
            match self.carry_out(&command) {
                Ok(_) => self.answer_on(&captured),
                Err(message) => {
                    // Alone, the node ends with this error.
                    if !self.ends_with_source {
                        log::error!("--tap {x},{y}: {message}");
                    }
                    self.failed_taps.get_or_insert_with(|| format!("{x},{y}: {message}"));
                }
            }
        }
        let now = self.shared.epoch.elapsed();
        self.view.age = now.saturating_sub(captured.captured);
        self.view.stats.answered(captured.captured, now, self.deadline);
        self.view.current = Some(captured);
        step
    }

    fn answer_on_current(&mut self) {
        if let Some(captured) = self.view.current.clone() {
            self.answer_on(&captured);
        }
    }

    fn answer_on(&mut self, captured: &CapturedFrame) {
        let outcome = self.session.answer_prompts(captured);
        self.note(captured, outcome);
    }

    /// Computes outlines that were only moved, once the picture stands still: it is looked at and measured. Whether
    /// there were any.
    fn settle(&mut self) -> bool {
        let is_moved = std::mem::take(&mut self.view.is_moved);
        if let Some(captured) = self.view.current.clone().filter(|_| is_moved) {
            let outcome = self.session.process_again(&captured);
            self.note(&captured, outcome);
        }
        is_moved
    }

    fn note(&mut self, captured: &CapturedFrame, outcome: Result<(), LiveError<N::Error>>) {
        if let Err(error) = outcome {
            log::error!("frame {}: {error}", captured.number);
            self.view.failures += 1;
        }
    }

    /// Carries out the commands that have come; whether there was any.
    fn take_commands(&mut self) -> bool {
        let mut any = false;
        // As many as the channel holds: a client that never stops cannot keep frames waiting.
        for _ in 0..crate::command::MAX_WAITING {
            let Ok(request) = self.commands.try_recv() else { break };
            any = true;
            let answer = self.carry_out(&request.command);
            // Who asked may be gone.
            let _ = request.answer.send(answer);
        }
        any
    }

    fn carry_out(&mut self, command: &Command) -> Answer {
        let newest = self.view.current.as_ref().map_or(0, |captured| captured.number);
        if let Some((object, prompt)) = command.prompt(newest) {
            return self.prompt(object, prompt);
        }
        let (object, outcome) = match command {
            Command::Undo { object } => (*object, self.session.undo(ObjectId(*object)).map(drop)),
            Command::Remove { object } => {
                let id = ObjectId(*object);
                self.free_label(id);
                (*object, self.session.remove_object(id))
            }
            Command::Rename { object, name } => {
                let name = printable(name);
                if name.is_empty() {
                    return Err("expected a name, found nothing that can be read".to_string());
                }
                (*object, self.session.rename_object(ObjectId(*object), &name))
            }
            Command::Freeze { on } => {
                self.view.frozen = *on;
                return Ok(None);
            }
            Command::Point { .. } | Command::Box { .. } => return Ok(None),
        };
        outcome.map(|()| Some(object)).map_err(|e| e.to_string())
    }

    fn prompt(&mut self, object: Option<ObjectId>, prompt: LivePrompt) -> Answer {
        if let Some(id) = object {
            self.session.prompt(id, prompt).map_err(|e| e.to_string())?;
            return Ok(Some(id.0));
        }
        let place = self.view.labels.iter().position(Option::is_none).unwrap_or_default();
        let id =
            self.session.add_object(&format!("object {}", place + 1)).map_err(|e| e.to_string())?;
        if let Err(error) = self.session.prompt(id, prompt) {
            // Nothing is left of an object without its first prompt.
            let _ = self.session.remove_object(id);
            return Err(error.to_string());
        }
        if let Some(label) = self.view.labels.get_mut(place) {
            *label = Some(id);
        }
        Ok(Some(id.0))
    }

    fn free_label(&mut self, id: ObjectId) {
        for label in self.view.labels.iter_mut().filter(|label| **label == Some(id)) {
            *label = None;
        }
    }

    fn label(&self, id: ObjectId) -> u8 {
        let place = self.view.labels.iter().position(|label| *label == Some(id));
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or_default()
    }

    fn publish(&mut self, new_frame: bool) {
        let objects = self.session.objects();
        let masks = objects.iter().filter_map(|object| {
            let mask = object.mask()?;
            Some((self.label(object.id()), mask.clone()))
        });
        let snapshot =
            Snapshot::new(self.state(), self.view.current.clone(), masks.collect(), new_frame);
        let snapshot = Arc::new(snapshot);
        if let Some(recorder) = self.recorder.as_mut() {
            recorder.offer(&snapshot, &self.shared);
        }
        self.published.send_replace(snapshot);
    }

    fn state(&self) -> State {
        let current = self.view.current.as_deref();
        let spacing = current.and_then(|captured| captured.spacing);
        let objects = self.session.objects().iter();
        State {
            frame: current.map_or(0, |captured| captured.number),
            captured_ms: current.map_or(0.0, |captured| captured.captured.as_secs_f64() * 1e3),
            age_ms: self.view.age.as_secs_f64() * 1e3,
            width: current.map_or(0, |captured| captured.frame.width()),
            height: current.map_or(0, |captured| captured.frame.height()),
            pixel_spacing_mm: spacing.map(|spacing| [spacing.x_mm(), spacing.y_mm()]),
            frozen: self.view.frozen,
            source: Source {
                name: self.source_name.to_string(),
                state: self.shared.source.state().name().to_string(),
                errors: self.shared.source.errors(),
            },
            recording: self.shared.recording().name().to_string(),
            objects: objects.map(|object| Object::new(object, self.label(object.id()))).collect(),
            stats: self.figures(),
        }
    }

    fn figures(&self) -> Figures {
        let stats = &self.view.stats;
        let counts = self.slot.counts();
        let ages = stats.ages();
        Figures {
            rate_hz: stats.rate_hz(),
            age_p50_ms: ages.map(|ages| ages.p50_ms),
            age_p90_ms: ages.map(|ages| ages.p90_ms),
            age_p99_ms: ages.map(|ages| ages.p99_ms),
            received: counts.received,
            overload: self.pacer.policy().name().to_string(),
            model_every: stats.model_every,
            processed: stats.processed,
            moved: stats.moved,
            dropped: counts.dropped + self.view.skipped,
            deadline_misses: stats.deadline_misses,
            failures: self.view.failures,
            clients: self.shared.clients.load(Ordering::Relaxed),
            clients_dropped: self.shared.clients_dropped.load(Ordering::Relaxed),
            recorded: self.shared.recorded.load(Ordering::Relaxed),
            record_dropped: self.shared.record_dropped.load(Ordering::Relaxed),
        }
    }
}

/// A name without what cannot be read: control characters, and marks that turn the direction of a text.
fn printable(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown: String = name.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    shown.trim().to_string()
}
