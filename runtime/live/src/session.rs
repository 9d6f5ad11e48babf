//! The session: objects, prompts, and the step from one frame to the next.

use crate::error::LiveError;
use crate::gate::Evidence;
use crate::object::{LiveObject, LivePrompt, MAX_PROMPTS, ObjectId, ObjectState, PromptKind};
use crate::track::{Motion, Thumbnail, agreement, inner_point, shift};
use crate::{CapturedFrame, LiveOptions};
use uniultra_core::{
    EncodedFrame, Mask, MaskChoice, MaskPrompt, MaskToken, Network, PixelSpacing, PointLabel,
    Prediction, PromptError, Prompts, SegmentError, Segmenter, contour,
};

/// Most objects of a session.
pub const MAX_LIVE_OBJECTS: usize = 8;

/// Cells in which an object is looked for round the place where the picture took it.
const REACH_CELLS: i32 = 5;
/// The same for a lost object, at every second cell.
const LOST_REACH_CELLS: i32 = 24;
/// Correlation with which a lost object counts as found. Higher than for one that is followed: much more of
/// the picture is searched, and something in it always resembles the object a little.
const FOUND_LIKENESS: f32 = 0.75;

/// Largest magnitude of a logit that goes on to the next frame, as SAM 2 limits its mask prompts. Larger ones
/// would say more than one frame can.
const MAX_LOGIT: f32 = 32.0;

/// A model, the objects that are followed with it, and what is known of the last frame.
pub struct LiveSession<N: Network> {
    segmenter: Segmenter<N>,
    options: LiveOptions,
    objects: heapless::Vec<LiveObject, MAX_LIVE_OBJECTS>,
    next_id: u32,
    last_frame: Option<u64>,
    size: [usize; 2],
    picture: Thumbnail,
    motion: Motion,
    scratch: Vec<f32>,
    /// The last frame after the image encoder, for prompts that are given on it.
    encoded: Option<EncodedFrame<N>>,
}

/// Why a mask is asked for.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// The user said where the object is.
    Prompted,
    /// The object was there on an earlier frame; its surroundings have this correlation now.
    Followed(f32),
}

/// A place in the list of objects, and what to ask for it.
type Plan = (usize, Reason, Prompts);

impl<N: Network> LiveSession<N> {
    /// A session without objects.
    #[must_use]
    pub fn new(segmenter: Segmenter<N>, options: LiveOptions) -> Self {
        Self {
            segmenter,
            options,
            objects: heapless::Vec::new(),
            next_id: 1,
            last_frame: None,
            size: [0; 2],
            picture: Thumbnail::default(),
            motion: Motion::default(),
            scratch: Vec::new(),
            encoded: None,
        }
    }

    /// The objects, in the order in which they were added.
    #[must_use]
    pub fn objects(&self) -> &[LiveObject] {
        &self.objects
    }

    /// One of them.
    #[must_use]
    pub fn object(&self, id: ObjectId) -> Option<&LiveObject> {
        self.objects.iter().find(|object| object.id == id)
    }

    /// Number of the last frame that was processed.
    #[must_use]
    pub fn last_frame(&self) -> Option<u64> {
        self.last_frame
    }

    /// Adds an object, which waits for its first prompt.
    ///
    /// # Errors
    /// [`LiveError::TooManyObjects`] if there are [`MAX_LIVE_OBJECTS`].
    pub fn add_object(&mut self, name: &str) -> Result<ObjectId, LiveError<N::Error>> {
        let id = ObjectId(self.next_id);
        match self.objects.push(LiveObject::new(id, name)) {
            Ok(()) => {
                self.next_id = self.next_id.wrapping_add(1);
                Ok(id)
            }
            Err(_) => Err(LiveError::TooManyObjects { max: MAX_LIVE_OBJECTS }),
        }
    }

    /// Removes an object.
    ///
    /// # Errors
    /// [`LiveError::NoObject`].
    pub fn remove_object(&mut self, id: ObjectId) -> Result<(), LiveError<N::Error>> {
        let place = self.place(id)?;
        self.objects.remove(place);
        Ok(())
    }

    /// Adds a prompt to an object. It takes effect on the next frame, moved there from its own frame.
    ///
    /// # Errors
    /// [`LiveError::NoObject`]; [`LiveError::FutureFrame`] for a frame that has not been processed;
    /// [`LiveError::TooManyPrompts`]; [`LiveError::Prompt`] if a coordinate is not finite, or a box has no area.
    pub fn prompt(&mut self, id: ObjectId, prompt: LivePrompt) -> Result<(), LiveError<N::Error>> {
        let place = self.place(id)?;
        let last = self.last_frame.unwrap_or_default();
        if prompt.frame > last {
            return Err(LiveError::FutureFrame { last, found: prompt.frame });
        }
        check(prompt.kind)?;
        let Some(object) = self.objects.get_mut(place) else { return Err(LiveError::NoObject(id)) };
        if object.prompts.push(prompt).is_err() {
            return Err(LiveError::TooManyPrompts { id, max: MAX_PROMPTS });
        }
        object.fresh += 1;
        Ok(())
    }

    /// Takes the last prompt of an object back; whether there was one. The next frame is answered from the
    /// prompts that are left.
    ///
    /// # Errors
    /// [`LiveError::NoObject`].
    pub fn undo(&mut self, id: ObjectId) -> Result<bool, LiveError<N::Error>> {
        let place = self.place(id)?;
        let Some(object) = self.objects.get_mut(place) else { return Ok(false) };
        let undone = object.prompts.pop().is_some();
        if undone {
            object.forget();
            object.fresh = object.prompts.len();
        }
        Ok(undone)
    }

    /// Follows every object to a new frame. [`objects`](Self::objects) has the answers.
    ///
    /// # Errors
    /// [`LiveError::FrameOrder`] unless the number is higher than the last one's; [`LiveError::Segment`] if the
    /// model fails. The objects are then as they were on the frame before.
    pub fn process(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        if let Some(last) = self.last_frame.filter(|last| captured.number <= *last) {
            return Err(LiveError::FrameOrder { last, found: captured.number });
        }
        let frame = &captured.frame;
        let size = [frame.width(), frame.height()];
        if size != self.size {
            // Places of the old picture mean nothing in the new one, prompts neither.
            self.motion.reset();
            for object in &mut self.objects {
                object.prompts.clear();
                object.fresh = 0;
                object.forget();
            }
            self.size = size;
        }
        self.picture.fill(frame);
        let moved = self.motion.update(captured.number, &self.picture);
        self.last_frame = Some(captured.number);
        for object in &mut self.objects {
            object.moved_px = [0, 1].map(|axis| object.moved_px[axis] + moved[axis]);
        }
        self.encoded = None;
        self.answer(captured, false)
    }

    /// Answers prompts that were given on the last frame, without waiting for the next: for a picture that is
    /// frozen, or slow. Objects without new prompts stay as they are.
    ///
    /// # Errors
    /// [`LiveError::FrameOrder`] if another frame was processed last; [`LiveError::Segment`].
    pub fn answer_prompts(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        match self.last_frame {
            Some(last) if last == captured.number => self.answer(captured, true),
            last => {
                let last = last.unwrap_or_default();
                Err(LiveError::FrameOrder { last, found: captured.number })
            }
        }
    }

    fn answer(
        &mut self,
        captured: &CapturedFrame,
        prompted_only: bool,
    ) -> Result<(), LiveError<N::Error>> {
        let plans = self.plan(prompted_only)?;
        if plans.is_empty() {
            return Ok(());
        }
        let encoded = match self.encoded.take() {
            Some(encoded) => encoded,
            None => self.segmenter.encode(&captured.frame)?,
        };
        let answers = predict(&encoded, &plans)?;
        self.encoded = Some(encoded);
        for ((place, reason, _), answer) in plans.iter().zip(&answers) {
            self.take_answer(*place, *reason, answer, captured.spacing);
        }
        Ok(())
    }

    /// What to ask the decoder for each object on this frame.
    fn plan(
        &mut self,
        prompted_only: bool,
    ) -> Result<heapless::Vec<Plan, MAX_LIVE_OBJECTS>, LiveError<N::Error>> {
        let mut plans = heapless::Vec::new();
        let side = self.segmenter.mask_side();
        for (place, object) in self.objects.iter_mut().enumerate() {
            if prompted_only && object.fresh == 0 {
                continue;
            }
            let since = |number| self.motion.since(number);
            if object.trusted.is_empty() {
                let all = object.prompts.len();
                let prompts = object.user_prompts(Prompts::new(), all, self.size, since)?;
                let positive = prompts.points().iter().any(|p| p.label == PointLabel::Positive);
                // An object whose only prompts are clicks outside waits for one inside.
                if object.fresh > 0 && (positive || prompts.bounding_box().is_some()) {
                    let _ = plans.push((place, Reason::Prompted, prompts));
                }
                continue;
            }
            let lost = object.state == ObjectState::Lost;
            let reach = if lost { [LOST_REACH_CELLS, 2] } else { [REACH_CELLS, 1] };
            let found =
                object.appearance.find(&self.picture, object.moved_px, reach, &mut self.scratch);
            let likeness = found.map_or(0.0, |found| found.likeness);
            let trusted_place = found.filter(|found| found.likeness >= self.options.min_likeness);
            let by = trusted_place.map_or(object.moved_px, |found| found.shift_px);
            let cells = [0, 1].map(|axis| by[axis] * side as f32 / self.size[axis] as f32);
            shift(&object.trusted, side, cells, &mut object.expected);
            if lost && likeness < FOUND_LIKENESS && object.fresh == 0 {
                continue;
            }
            let prompts = carried(object, side, self.size)?;
            let prompts = object.user_prompts(prompts, object.fresh, self.size, since)?;
            // The mask has left the picture, and nobody said where else it is.
            if prompts.points().is_empty() && prompts.bounding_box().is_none() {
                doubt(object, &self.options);
                object.hide();
                continue;
            }
            let reason =
                if object.fresh > 0 { Reason::Prompted } else { Reason::Followed(likeness) };
            let _ = plans.push((place, reason, prompts));
        }
        Ok(plans)
    }

    /// Judges an answer, and shows it or the mask that was expected.
    fn take_answer(
        &mut self,
        place: usize,
        reason: Reason,
        answer: &Prediction,
        spacing: Option<PixelSpacing>,
    ) {
        let Some(object) = self.objects.get_mut(place) else { return };
        let side = self.segmenter.mask_side();
        let (token, agreement) = choose(answer, reason, &object.expected, side);
        let evidence = Evidence {
            predicted_iou: answer.predicted_iou()[token.index()],
            object_score: answer.object_score(),
            agreement,
            likeness: if let Reason::Followed(likeness) = reason { likeness } else { 1.0 },
        };
        log::debug!("frame {:?}, object {}: {reason:?}, {evidence:?}", self.last_frame, object.id);
        object.predicted_iou = evidence.predicted_iou;
        object.object_score = evidence.object_score;
        let logits = answer.logits_of(token);
        let bounds = answer.mask(token).bounding_box();
        // The user's word counts more than any doubt of the model.
        let trusted = matches!(reason, Reason::Prompted) || evidence.suffices(&self.options);
        let Some(bounds) = bounds.filter(|_| trusted) else {
            doubt(object, &self.options);
            show(object, side, self.size, spacing);
            return;
        };
        object.trusted.clear();
        object.trusted.extend(logits.iter().map(|logit| logit.clamp(-MAX_LOGIT, MAX_LOGIT)));
        object.expected.clone_from(&object.trusted);
        object.fresh = 0;
        object.unseen = 0;
        object.moved_px = [0.0; 2];
        object.state = ObjectState::Tracking;
        let bounds = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|px| px as f32);
        object.appearance.take(&self.picture, bounds);
        show(object, side, self.size, spacing);
    }

    fn place(&self, id: ObjectId) -> Result<usize, LiveError<N::Error>> {
        let place = self.objects.iter().position(|object| object.id == id);
        place.ok_or(LiveError::NoObject(id))
    }
}

/// Refuses what makes no sense on any frame.
fn check(kind: PromptKind) -> Result<(), PromptError> {
    let prompts = Prompts::new();
    match kind {
        PromptKind::Point { x, y, label } => prompts.with_point(x, y, label).map(drop),
        PromptKind::Box { x0, y0, x1, y1 } => prompts.with_box(x0, y0, x1, y1).map(drop),
    }
}

/// The last mask, moved to this frame, as a prompt: its logits and its innermost point. A box round it was tried
/// in place of either, and followed no better.
fn carried(
    object: &LiveObject,
    side: usize,
    [width, height]: [usize; 2],
) -> Result<Prompts, PromptError> {
    let prompts = Prompts::new().with_mask(MaskPrompt::new(object.expected.clone(), side)?)?;
    match inner_point(&object.expected, side) {
        Some([x, y]) => {
            let to_px = |cell: f32, px: usize| (cell + 0.5) * px as f32 / side as f32 - 0.5;
            let (x, y) = (to_px(x, width).max(0.0), to_px(y, height).max(0.0));
            prompts.with_point(x, y, PointLabel::Positive)
        }
        None => Ok(prompts),
    }
}

/// Asks for one object or several in one call, which shares the engine's threads among them.
fn predict<N: Network>(
    encoded: &EncodedFrame<N>,
    plans: &[Plan],
) -> Result<Vec<Prediction>, SegmentError<N::Error>> {
    let prompts: Vec<Prompts> = plans.iter().map(|(.., prompts)| prompts.clone()).collect();
    encoded.predict_all(&prompts)
}

/// The mask that is most likely the object, and its overlap with what was expected. The model's own choice
/// knows only this frame; of an ambiguous object (a cyst, or the organ round it) the one that was meant is the
/// one that was there before.
fn choose(answer: &Prediction, reason: Reason, expected: &[f32], side: usize) -> (MaskToken, f32) {
    let with = |token: MaskToken| agreement(answer.logits_of(token), expected, side);
    let single = answer.choose(MaskChoice::Single);
    if matches!(reason, Reason::Prompted) {
        return (single, with(single));
    }
    let score = |token: MaskToken| with(token) + answer.predicted_iou()[token.index()];
    let best = MaskToken::MULTIMASK
        .into_iter()
        .fold(single, |best, next| if score(next) > score(best) { next } else { best });
    (best, with(best))
}

/// Notes a frame on which the object was not recognised.
fn doubt(object: &mut LiveObject, options: &LiveOptions) {
    object.unseen = object.unseen.saturating_add(1);
    let lost = object.unseen > options.uncertain_frames || object.state == ObjectState::Lost;
    object.state = if lost { ObjectState::Lost } else { ObjectState::Uncertain };
}

/// Makes mask, contour and measures of the expected mask, unless the object is lost.
fn show(
    object: &mut LiveObject,
    side: usize,
    [width, height]: [usize; 2],
    spacing: Option<PixelSpacing>,
) {
    if object.state == ObjectState::Lost {
        object.hide();
        return;
    }
    let trusted = object.state == ObjectState::Tracking;
    // Sizes were checked when the frame and the model were opened.
    let mask = Mask::upsample_threshold(&object.expected, side, width, height);
    let outlines = contour(&object.expected, side, width, height);
    if let (Ok(mask), Ok(outlines)) = (mask, outlines) {
        object.measures = Some(object.sizes.measure(&mask, &outlines, spacing, trusted));
        object.mask = Some(mask);
        object.contour = outlines;
    }
}
