//! Ways to follow objects: the live session, and baselines.

use crate::TrackError;
use crate::template::Template;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use uniultra_core::{Mask, MaskChoice, PointLabel, Prompts};
use uniultra_dataset::unite;
use uniultra_engine::Segmenter;
use uniultra_live::{CapturedFrame, LiveObject, LiveOptions, LivePrompt, LiveSession, PromptKind};

/// A way to follow objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The live session of the runtime.
    Live,
    /// The mask of the first frame, on every frame.
    Frozen,
    /// The taps of the first frame, answered anew on every frame.
    PointHeld,
    /// The first mask, moved to where the first frame's piece round it is found.
    Template,
}

impl Method {
    /// All of them; the live session comes first.
    pub const ALL: [Self; 4] = [Self::Live, Self::Frozen, Self::PointHeld, Self::Template];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live session",
            Self::Frozen => "first mask, frozen",
            Self::PointHeld => "taps held in place",
            Self::Template => "template matching",
        })
    }
}

/// A method at work on a sequence: every frame in order, the taps before the first.
pub(crate) enum Follower {
    Live(Box<LiveSession<uniultra_engine::TractNetwork>>),
    Frozen {
        segmenter: Segmenter,
        mask: Option<Mask>,
    },
    PointHeld {
        segmenter: Segmenter,
    },
    /// One template for each object.
    Template {
        segmenter: Segmenter,
        templates: Option<Vec<Template>>,
    },
}

impl Follower {
    pub(crate) fn new(method: Method, segmenter: &Segmenter, options: &LiveOptions) -> Self {
        let segmenter = segmenter.clone();
        match method {
            Method::Live => Self::Live(Box::new(LiveSession::new(segmenter, options.clone()))),
            Method::Frozen => Self::Frozen { segmenter, mask: None },
            Method::PointHeld => Self::PointHeld { segmenter },
            Method::Template => Self::Template { segmenter, templates: None },
        }
    }

    /// The union of all objects' masks on a frame; `None` if nothing is shown.
    pub(crate) fn next(
        &mut self,
        captured: &CapturedFrame,
        taps: &[[f32; 2]],
    ) -> Result<Option<Mask>, TrackError> {
        match self {
            Self::Live(session) => {
                if session.last_frame().is_none() {
                    // Prompts refer to a frame that was seen: nothing is asked on the first pass.
                    session.process(captured)?;
                    for (index, [x, y]) in taps.iter().copied().enumerate() {
                        let id = session.add_object(&format!("{}", index + 1))?;
                        let kind = PromptKind::Point { x, y, label: PointLabel::Positive };
                        session.prompt(id, LivePrompt { frame: captured.number, kind })?;
                    }
                    session.answer_prompts(captured)?;
                } else {
                    session.process(captured)?;
                }
                Ok(union(session.objects().iter().filter_map(LiveObject::mask)))
            }
            Self::Frozen { segmenter, mask } => {
                if mask.is_none() {
                    *mask = predict(segmenter, captured, taps)?;
                }
                Ok(mask.clone())
            }
            Self::PointHeld { segmenter } => predict(segmenter, captured, taps),
            Self::Template { segmenter, templates: templates @ None } => {
                let masks = masks(segmenter, captured, taps)?;
                let of_mask = |mask| Template::new(&captured.frame, mask);
                *templates = Some(masks.iter().filter_map(of_mask).collect());
                Ok(union(masks.iter()))
            }
            Self::Template { templates: Some(templates), .. } => {
                let follow = |template: &mut Template| template.follow(&captured.frame);
                let masks: Vec<Mask> = templates.iter_mut().filter_map(follow).collect();
                Ok(union(masks.iter()))
            }
        }
    }
}

fn predict(
    segmenter: &Segmenter,
    captured: &CapturedFrame,
    taps: &[[f32; 2]],
) -> Result<Option<Mask>, TrackError> {
    Ok(union(masks(segmenter, captured, taps)?.iter()))
}

/// The mask of each tap.
fn masks(
    segmenter: &Segmenter,
    captured: &CapturedFrame,
    taps: &[[f32; 2]],
) -> Result<Vec<Mask>, TrackError> {
    let encoded = segmenter.encode(&captured.frame)?;
    let mut masks = Vec::new();
    for &[x, y] in taps {
        let prompts = Prompts::new().with_point(x, y, PointLabel::Positive)?;
        let prediction = encoded.predict(&prompts)?;
        masks.push(prediction.mask(prediction.choose(MaskChoice::Single)));
    }
    Ok(masks)
}

/// All masks as one; `None` without an object's pixel.
fn union<'a>(masks: impl Iterator<Item = &'a Mask>) -> Option<Mask> {
    let mut all: Option<Mask> = None;
    for mask in masks {
        all = Some(match all {
            None => mask.clone(),
            Some(all) => {
                let mut data = all.data().to_vec();
                unite(&mut data, mask);
                Mask::from_binary(all.width(), all.height(), data).unwrap_or(all)
            }
        });
    }
    all.filter(|mask| mask.area_px() > 0)
}
