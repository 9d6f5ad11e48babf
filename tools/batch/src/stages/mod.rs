//! The three stages that frames go through, with short queues between them: a queue holds frames of many megabytes.
//!
//! Several threads answer, each a frame of its own. Every frame brings the way back for its answers, and the writer gets
//! these ways in the order of the frames.

mod answer;
mod decode;
mod write;

pub(crate) use answer::answer_all;
pub(crate) use decode::decode_all;
pub(crate) use write::write_all;

use crate::line::ResultLine;
use crate::record::MaskForm;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use uniultra_answer::Warning;
use uniultra_core::{DecodeOptions, Frame, MaskChoice, PixelSpacing, Prediction, Prompts};
use uniultra_dicom::{Algorithm, SegmentKind, Segmentation};
use uniultra_schema::SpacingSource;

/// Frames that wait for the encoder.
const FRAMES_AHEAD: usize = 2;

/// Answers of a frame that wait to be written. An answer holds four masks at the model's resolution.
const ANSWERS_AHEAD: usize = 16;

/// What the stages need to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) decode: DecodeOptions,
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) choice: MaskChoice,
    pub(crate) masks: MaskForm,
    /// What segmentations show, and what makes them; with [`MaskForm::Seg`].
    pub(crate) segments: Option<(SegmentKind, Algorithm)>,
}

/// What the first stage gives the second.
pub(crate) enum Piece {
    /// A line that needs no model.
    Line(Box<ResultLine>),
    /// A frame, and what is asked about it.
    Frame(Box<FrameWork>),
}

/// A frame, and what is asked about it.
pub(crate) struct FrameWork {
    pub(crate) frame: Frame,
    pub(crate) steps: Vec<Step>,
}

/// A prompt of a frame.
pub(crate) enum Step {
    /// It cannot be answered.
    Failed(Box<ResultLine>),
    /// It can be asked.
    Ask(Box<Task>),
}

/// A prompt to be answered.
pub(crate) struct Task {
    /// What is known of its line.
    pub(crate) line: ResultLine,
    /// The mask's file without its ending is made of these: frame and prompt, from 1.
    pub(crate) place: [usize; 2],
    pub(crate) prompts: Prompts,
    pub(crate) spacing: Option<(PixelSpacing, SpacingSource)>,
    /// Warnings about the file.
    pub(crate) warnings: Vec<Warning>,
    /// The DICOM segmentation that the mask goes into, with the frame's index.
    pub(crate) segmentation: Option<(Segmentation, usize)>,
}

/// What the second stage gives the third.
pub(crate) enum Outcome {
    Line(Box<ResultLine>),
    Answer(Box<Task>, Box<Prediction>),
    /// All of this piece was sent. Without it, the second stage has failed.
    End,
}

/// A piece with the way back for its answers.
pub(crate) struct Turn {
    pub(crate) piece: Piece,
    pub(crate) answers: SyncSender<Outcome>,
}

/// Where the first stage puts pieces.
pub(crate) struct Queue {
    /// To the threads that answer.
    work: SyncSender<Turn>,
    /// To the writer: the answers of each piece, in order.
    order: SyncSender<Receiver<Outcome>>,
}

/// The receivers are gone: the run ends with its error.
pub(crate) struct Closed;

impl Queue {
    /// A queue for `at_once` threads that answer, and its two ends.
    pub(crate) fn new(at_once: usize) -> (Self, Receiver<Turn>, Receiver<Receiver<Outcome>>) {
        let (work, turns) = sync_channel(FRAMES_AHEAD);
        let (order, answers) = sync_channel(FRAMES_AHEAD + at_once);
        (Self { work, order }, turns, answers)
    }

    fn push(&self, piece: Piece) -> Result<(), Closed> {
        let (answers, outcomes) = sync_channel(ANSWERS_AHEAD);
        self.order.send(outcomes).map_err(|_| Closed)?;
        self.work.send(Turn { piece, answers }).map_err(|_| Closed)
    }
}
