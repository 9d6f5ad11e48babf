//! An object that is followed: its prompts, its state, its last answer.

use crate::measures::{Measures, SizeHistory};
use crate::sight::Sight;
use crate::track::Standing;
use std::fmt;
use uniultra_core::{MAX_POINTS, Mask, PointLabel, Polygon, PromptError, Prompts};

/// Most prompts of an object: one less than the decoder takes, because the mask that is carried from frame to
/// frame brings a point of its own.
pub const MAX_PROMPTS: usize = MAX_POINTS - 1;
/// Longest name of an object, in bytes.
pub const MAX_NAME_BYTES: usize = 48;

/// A name, cut after a whole letter.
pub(crate) fn short_name(name: &str) -> heapless::String<MAX_NAME_BYTES> {
    let mut short = heapless::String::new();
    for letter in name.chars() {
        if short.push(letter).is_err() {
            break;
        }
    }
    short
}

/// Tells objects of a session apart; not used again after the object is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How sure it is where an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectState {
    /// No prompt was answered yet.
    #[default]
    Waiting,
    /// The mask of this frame is trusted.
    Tracking,
    /// The mask is the last trusted one, moved with the picture.
    Uncertain,
    /// The object is looked for, and no mask is shown.
    Lost,
}

impl ObjectState {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Tracking => "tracking",
            Self::Uncertain => "uncertain",
            Self::Lost => "lost",
        }
    }
}

/// What a prompt says, in pixels of its frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PromptKind {
    /// A click.
    Point {
        /// Column.
        x: f32,
        /// Row.
        y: f32,
        /// Whether the pixel belongs to the object.
        label: PointLabel,
    },
    /// A box round the object, in place of an earlier one.
    Box {
        /// Left.
        x0: f32,
        /// Top.
        y0: f32,
        /// Right.
        x1: f32,
        /// Bottom.
        y1: f32,
    },
}

/// A prompt, and the frame that the user saw when giving it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LivePrompt {
    /// Number of that frame.
    pub frame: u64,
    /// What it says.
    pub kind: PromptKind,
}

/// An object of a session.
#[derive(Debug)]
pub struct LiveObject {
    pub(crate) id: ObjectId,
    pub(crate) name: heapless::String<MAX_NAME_BYTES>,
    pub(crate) prompts: heapless::Vec<LivePrompt, MAX_PROMPTS>,
    /// Prompts at the end of the list that no answer has used.
    pub(crate) fresh: usize,
    pub(crate) state: ObjectState,
    /// The object on the frame on which it was prompted, and on the last one on which it was recognised.
    pub(crate) first: Sight,
    pub(crate) last: Sight,
    /// The mask `[side, side]` that is expected on the current frame.
    pub(crate) expected: Vec<f32>,
    /// How far the picture moved since the last trusted frame, in pixels.
    pub(crate) moved_px: [f32; 2],
    /// Where its surroundings are found on the current frame, from where they were then, in pixels.
    pub(crate) place_px: [f32; 2],
    /// Frames since then.
    pub(crate) unseen: u32,
    /// Whether the mask that is shown was computed on an earlier frame.
    pub(crate) moved: bool,
    /// How the object stood out when it was prompted, and on the last trusted frame.
    pub(crate) stood: [Option<Standing>; 2],
    /// The model's estimate of the mask's IoU, and the mask's area in cells, when it was prompted.
    pub(crate) prompted_iou: f32,
    pub(crate) prompted_area: u32,
    /// Mean of that estimate over the last trusted frames.
    pub(crate) usual_iou: f32,
    /// Frames since the last trusted one on which the object counted as still there.
    pub(crate) held: u32,
    pub(crate) mask: Option<Mask>,
    pub(crate) contour: Vec<Polygon>,
    pub(crate) measures: Option<Measures>,
    pub(crate) sizes: SizeHistory,
    pub(crate) predicted_iou: f32,
    pub(crate) object_score: Option<f32>,
}

impl LiveObject {
    pub(crate) fn new(id: ObjectId, name: &str) -> Self {
        Self {
            id,
            name: short_name(name),
            prompts: heapless::Vec::new(),
            fresh: 0,
            state: ObjectState::Waiting,
            first: Sight::default(),
            last: Sight::default(),
            expected: Vec::new(),
            moved_px: [0.0; 2],
            place_px: [0.0; 2],
            unseen: 0,
            moved: false,
            stood: [None; 2],
            prompted_iou: 0.0,
            prompted_area: 0,
            usual_iou: 0.0,
            held: 0,
            mask: None,
            contour: Vec::new(),
            measures: None,
            sizes: SizeHistory::default(),
            predicted_iou: 0.0,
            object_score: None,
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Its name, cut to [`MAX_NAME_BYTES`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its prompts, oldest first.
    #[must_use]
    pub fn prompts(&self) -> &[LivePrompt] {
        &self.prompts
    }

    /// How sure it is where the object is on the last frame.
    #[must_use]
    pub fn state(&self) -> ObjectState {
        self.state
    }

    /// Its mask on the last frame; `None` if it is lost or was never answered.
    #[must_use]
    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }

    /// Whether that mask was computed on an earlier frame and moved to this one. It is while the object is
    /// [`Uncertain`](ObjectState::Uncertain), and on frames that the model did not get.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.moved
    }

    /// Outlines of the mask, in pixels of the frame.
    #[must_use]
    pub fn contour(&self) -> &[Polygon] {
        &self.contour
    }

    /// Sizes of the mask.
    #[must_use]
    pub fn measures(&self) -> Option<Measures> {
        self.measures
    }

    /// The model's estimate of the mask's IoU on the last frame with an answer.
    #[must_use]
    pub fn predicted_iou(&self) -> f32 {
        self.predicted_iou
    }

    /// The model's probability that the object was there on that frame.
    #[must_use]
    pub fn object_score(&self) -> Option<f32> {
        self.object_score
    }

    /// Forgets every mask. The prompts stay.
    pub(crate) fn forget(&mut self) {
        self.state = ObjectState::Waiting;
        self.first.clear();
        self.last.clear();
        self.expected.clear();
        self.stood = [None; 2];
        self.held = 0;
        self.moved_px = [0.0; 2];
        self.unseen = 0;
        self.hide();
        self.sizes.clear();
    }

    /// Takes the mask away from what is shown.
    pub(crate) fn hide(&mut self) {
        self.mask = None;
        self.moved = false;
        self.contour.clear();
        self.measures = None;
    }

    /// Adds the last `count` user prompts to `prompts`, moved by `since(frame)`. Of several boxes the last
    /// counts. Points that left the picture are left out.
    pub(crate) fn user_prompts(
        &self,
        mut prompts: Prompts,
        count: usize,
        [width, height]: [usize; 2],
        since: impl Fn(u64) -> [f32; 2],
    ) -> Result<Prompts, PromptError> {
        let [right, bottom] = [width as f32, height as f32];
        let first = self.prompts.len().saturating_sub(count);
        let mut corners = None;
        for prompt in self.prompts.get(first..).unwrap_or_default() {
            let [dx, dy] = since(prompt.frame);
            match prompt.kind {
                PromptKind::Point { x, y, label } => {
                    let (x, y) = (x + dx, y + dy);
                    if (0.0..=right).contains(&x) && (0.0..=bottom).contains(&y) {
                        prompts = prompts.with_point(x, y, label)?;
                    }
                }
                PromptKind::Box { x0, y0, x1, y1 } => {
                    let across = [x0 + dx, x1 + dx].map(|x| x.clamp(0.0, right));
                    let down = [y0 + dy, y1 + dy].map(|y| y.clamp(0.0, bottom));
                    corners = Some([across[0], down[0], across[1], down[1]]);
                }
            }
        }
        match corners {
            // A box whose object left the picture has no area.
            Some([x0, y0, x1, y1]) if x0 < x1 && y0 < y1 => prompts.with_box(x0, y0, x1, y1),
            _ => Ok(prompts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(frame: u64, x: f32, y: f32) -> LivePrompt {
        LivePrompt { frame, kind: PromptKind::Point { x, y, label: PointLabel::Positive } }
    }

    #[test]
    fn prompts_move_with_the_picture() {
        let mut object = LiveObject::new(ObjectId(1), "cyst");
        object.prompts.push(point(3, 10.0, 20.0)).unwrap();
        object.prompts.push(point(5, 90.0, 20.0)).unwrap();
        let corners = PromptKind::Box { x0: 70.0, y0: 5.0, x1: 99.0, y1: 30.0 };
        object.prompts.push(LivePrompt { frame: 5, kind: corners }).unwrap();
        let moved = |frame: u64| [(7 - frame) as f32 * 8.0, 1.0];
        let prompts = object.user_prompts(Prompts::new(), 3, [100, 60], moved).unwrap();
        // The second point left the picture on the right.
        assert_eq!(prompts.points().len(), 1);
        assert_eq!((prompts.points()[0].x, prompts.points()[0].y), (42.0, 21.0));
        assert_eq!(prompts.bounding_box(), Some([86.0, 6.0, 100.0, 31.0]));
        let last = object.user_prompts(Prompts::new(), 0, [100, 60], moved).unwrap();
        assert!(last.is_empty());
    }

    #[test]
    fn long_names_are_cut_at_a_letter() {
        let object = LiveObject::new(ObjectId(1), &"\u{e4}".repeat(40));
        assert_eq!(object.name().chars().count(), 24);
    }
}
