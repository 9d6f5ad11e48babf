//! The session: objects, prompts, and the step from one frame to the next.

use crate::error::LiveError;
use crate::follow::{Reason, carried, choose, expect, show};
use crate::gate::Verdict;
use crate::judge::{doubt, follow_mask, hold, trust, weigh};
use crate::object::{
    LiveObject, LivePrompt, MAX_PROMPTS, ObjectId, ObjectState, PromptKind, short_name,
};
use crate::track::{Motion, Thumbnail, area};
use crate::{CapturedFrame, LiveOptions};
use uniultra_core::{
    EncodedFrame, Network, PixelSpacing, Point, PointLabel, Prediction, PromptError, Prompts,
    SegmentError, Segmenter,
};

/// Most objects of a session.
pub const MAX_LIVE_OBJECTS: usize = 8;

/// Correlation with which the model is asked for a lost object. Higher than for one that is followed: much more of the
/// picture is searched, and something in it always resembles the object a little.
const FOUND_LIKENESS: f32 = 0.7;
/// The same for one that never stood out.
const SURELY_FOUND_LIKENESS: f32 = 0.75;

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
    has_new_prompts: bool,
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
            has_new_prompts: false,
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

    /// Gives an object another name, cut to [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES).
    ///
    /// # Errors
    /// [`LiveError::NoObject`].
    pub fn rename_object(&mut self, id: ObjectId, name: &str) -> Result<(), LiveError<N::Error>> {
        let place = self.place(id)?;
        let Some(object) = self.objects.get_mut(place) else { return Err(LiveError::NoObject(id)) };
        object.name = short_name(name);
        Ok(())
    }

    /// Adds a prompt to an object. It takes effect on the next frame, moved there from its own frame.
    ///
    /// # Errors
    /// [`LiveError::NoObject`]; [`LiveError::FutureFrame`] for a frame that has not been processed;
    /// [`LiveError::TooManyPrompts`]; [`LiveError::Prompt`] if a coordinate is not finite or outside the picture, or
    /// a box has no area.
    pub fn prompt(&mut self, id: ObjectId, prompt: LivePrompt) -> Result<(), LiveError<N::Error>> {
        let place = self.place(id)?;
        if self.last_frame.is_none_or(|last| prompt.frame > last) {
            return Err(LiveError::FutureFrame { found: prompt.frame });
        }
        check(prompt.kind, self.size, self.segmenter.mask_side())?;
        let Some(object) = self.objects.get_mut(place) else { return Err(LiveError::NoObject(id)) };
        if object.prompts.push(prompt).is_err() {
            return Err(LiveError::TooManyPrompts { id, max: MAX_PROMPTS });
        }
        object.fresh += 1;
        self.has_new_prompts = true;
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
            self.has_new_prompts |= object.fresh > 0;
        }
        Ok(undone)
    }

    /// Follows every object to a new frame. [`objects`](Self::objects) has the answers.
    ///
    /// # Errors
    /// [`LiveError::FrameOrder`] unless the number is higher than the last one's; [`LiveError::Segment`] if the
    /// model fails. The objects then still show their answers to the frame before.
    pub fn process(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        self.advance(captured)?;
        self.answer(captured, false)
    }

    /// Moves every mask to a new frame, without the model: for frames that it has no time for. Where an object's
    /// surroundings no longer look alike it becomes [`Uncertain`](ObjectState::Uncertain). Prompts wait for the next
    /// frame that is processed.
    ///
    /// # Errors
    /// [`LiveError::FrameOrder`].
    pub fn move_masks(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        self.advance(captured)?;
        let side = self.segmenter.mask_side();
        let seen =
            |object: &&mut LiveObject| !object.last.is_empty() && object.state != ObjectState::Lost;
        for object in self.objects.iter_mut().filter(seen) {
            let (picture, least) = (&self.picture, self.options.min_likeness);
            let likeness = expect(object, picture, side, self.size, least, &mut self.scratch);
            if likeness < least {
                object.state = ObjectState::Uncertain;
            }
            object.moved = true;
            show(object, side, self.size, captured.spacing);
        }
        Ok(())
    }

    /// Gives the last frame to the model after all, where [`move_masks`](Self::move_masks) only moved masks to it: for
    /// a picture that is frozen.
    ///
    /// # Errors
    /// [`LiveError::OtherFrame`] if another frame was the last; [`LiveError::Segment`].
    pub fn process_again(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        self.answer_last(captured, false)
    }

    /// Whether prompts came or were taken back since the model last got a frame.
    #[must_use]
    pub fn has_new_prompts(&self) -> bool {
        self.has_new_prompts
    }

    /// Takes a new frame, and notes how the picture moved.
    fn advance(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
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
        Ok(())
    }

    /// Answers prompts that were given on the last frame, without waiting for the next: for a picture that is
    /// frozen, or slow. Objects without new prompts stay as they are.
    ///
    /// # Errors
    /// [`LiveError::OtherFrame`] if another frame was processed last; [`LiveError::Segment`].
    pub fn answer_prompts(&mut self, captured: &CapturedFrame) -> Result<(), LiveError<N::Error>> {
        self.answer_last(captured, true)
    }

    fn answer_last(
        &mut self,
        captured: &CapturedFrame,
        prompted_only: bool,
    ) -> Result<(), LiveError<N::Error>> {
        if self.last_frame != Some(captured.number) {
            return Err(LiveError::OtherFrame { found: captured.number });
        }
        self.answer(captured, prompted_only)
    }

    fn answer(
        &mut self,
        captured: &CapturedFrame,
        prompted_only: bool,
    ) -> Result<(), LiveError<N::Error>> {
        self.has_new_prompts = false;
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
            if object.last.is_empty() {
                let all = object.prompts.len();
                let prompts = object.user_prompts(Prompts::new(), all, self.size, since)?;
                // An object whose only prompts are clicks outside waits for one inside.
                if object.fresh > 0 && says_where(&prompts) {
                    let _ = plans.push((place, Reason::Prompted, prompts));
                }
                continue;
            }
            let lost = object.state == ObjectState::Lost;
            let (picture, least) = (&self.picture, self.options.min_likeness);
            let likeness = expect(object, picture, side, self.size, least, &mut self.scratch);
            if lost && likeness < FOUND_LIKENESS && object.fresh == 0 {
                continue;
            }
            // Of an object that is not found again, only the user knows the place: the old one would count as a
            // second.
            let old = match lost && likeness < FOUND_LIKENESS {
                true => Prompts::new(),
                false => carried(object, side, self.size)?,
            };
            let prompts = object.user_prompts(old, object.fresh, self.size, since)?;
            // The mask has left the picture, and nobody said where else the object is.
            if !says_where(&prompts) {
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
        let logits = answer.logits_of(token);
        let likeness = if let Reason::Followed(likeness) = reason { likeness } else { 1.0 };
        let (evidence, stands) = weigh(object, &self.picture, answer, (token, agreement, likeness));
        // The user's word counts more than any doubt of the model.
        let verdict = match reason {
            Reason::Prompted => Verdict::Trusted,
            Reason::Followed(_) => evidence.verdict(&self.options),
        };
        log::debug!("frame {:?}, object {}: {evidence:?}: {verdict:?}", self.last_frame, object.id);
        object.predicted_iou = evidence.predicted_iou;
        object.object_score = evidence.object_score;
        let lost = object.state == ObjectState::Lost;
        match (verdict, answer.mask(token).bounding_box()) {
            (Verdict::Likely, Some(_)) if !lost => follow_mask(object, logits),
            // A lost object that stood out has to do so again.
            (Verdict::Likely, _)
                if evidence.contrast.is_some() || likeness < SURELY_FOUND_LIKENESS =>
            {
                doubt(object, &self.options);
            }
            (Verdict::Trusted | Verdict::Likely, Some(bounds)) => {
                let bounds = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|px| px as f32);
                object.last.take(logits, &self.picture, bounds);
                object.stood[1] = stands;
                if object.fresh > 0 {
                    object.first.take(logits, &self.picture, bounds);
                    object.stood[0] = stands;
                    object.prompted_iou = evidence.predicted_iou;
                    object.usual_iou = evidence.predicted_iou;
                    object.prompted_area = area(logits);
                }
                trust(object);
            }
            (Verdict::Held, _) => hold(object, &self.options),
            _ => doubt(object, &self.options),
        }
        show(object, side, self.size, spacing);
    }

    fn place(&self, id: ObjectId) -> Result<usize, LiveError<N::Error>> {
        let place = self.objects.iter().position(|object| object.id == id);
        place.ok_or(LiveError::NoObject(id))
    }
}

/// Refuses what makes no sense on any frame of this size.
fn check(kind: PromptKind, [width, height]: [usize; 2], side: usize) -> Result<(), PromptError> {
    let prompts = Prompts::new();
    let prompts = match kind {
        // A click outside the object is enough beside others, so only the place is checked.
        PromptKind::Point { x, y, .. } => prompts.with_point(x, y, PointLabel::Positive)?,
        PromptKind::Box { x0, y0, x1, y1 } => prompts.with_box(x0, y0, x1, y1)?,
    };
    prompts.validate(width, height, side)
}

/// Whether there is a click inside the object, or a box round it.
fn says_where(prompts: &Prompts) -> bool {
    let inside = |point: &Point| point.label == PointLabel::Positive;
    prompts.bounding_box().is_some() || prompts.points().iter().any(inside)
}

/// Asks for one object or several in one call, which shares the engine's threads among them.
fn predict<N: Network>(
    encoded: &EncodedFrame<N>,
    plans: &[Plan],
) -> Result<Vec<Prediction>, SegmentError<N::Error>> {
    let prompts: Vec<Prompts> = plans.iter().map(|(.., prompts)| prompts.clone()).collect();
    encoded.predict_all(&prompts)
}
