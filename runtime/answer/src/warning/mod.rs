//! Warnings: reasons not to trust an answer.

mod dicom;
mod prompts;

pub use dicom::DicomWarning;
pub use prompts::NoLogits;

use crate::Answer;
use prompts::{contradicted, look_normalized};
use std::fmt;
use uniultra_core::{DecodedFrame, MAX_POINTS, PointLabel, Prompts};
use uniultra_schema::WarningReport;

/// Predicted IoU below which a mask is rarely usable.
const LOW_IOU: f32 = 0.5;

/// Object score, a probability, below which the object is probably absent.
const LOW_OBJECT_SCORE: f32 = 0.5;

/// Ratio of the sides above which stretching the frame to a square distorts it too much.
const HIGH_ASPECT: f32 = 2.0;

/// Most warnings of one answer: each kind occurs at most once, except contradicted clicks, which
/// occur once for each click.
const MAX_WARNINGS: usize = 16 + MAX_POINTS;

/// A reason to doubt an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warning {
    /// The mask has no pixel.
    EmptyMask,
    /// The model doubts that the object is there.
    ObjectUnlikely {
        /// A probability.
        object_score: f32,
    },
    /// The model rates its own mask low.
    LowPredictedIou {
        /// In 0..=1.
        predicted_iou: f32,
    },
    /// The single mask was unstable.
    UnstableMask,
    /// The mask has several parts.
    SeveralParts {
        /// Number of parts.
        parts: usize,
    },
    /// The mask may be cut off.
    MaskTouchesBorder,
    /// A prompt lies on the frame's border.
    PromptOnBorder,
    /// The frame is much longer than wide, or the other way.
    FarFromSquare {
        /// Ratio of the sides.
        aspect: f32,
    },
    /// The number of the click, counted from 1 in the order given.
    ClickContradicted {
        /// Its number, from 1.
        point: usize,
        /// What the click says.
        label: PointLabel,
    },
    /// All coordinates lie between 0 and 1.
    CoordinatesLookNormalized {
        /// Width of the frame, in pixels.
        width: usize,
        /// Height of the frame, in pixels.
        height: usize,
    },
    /// The mask prompt holds something other than logits.
    MaskPromptIsNoLogits(NoLogits),
    /// The largest sample of a 16-bit frame.
    LowBitDepth {
        /// That sample.
        peak: u16,
    },
    /// The file has more pages.
    MorePages,
    /// Of a DICOM file.
    Dicom(DicomWarning),
    /// The process used more memory than its board allows.
    OverMemoryBudget {
        /// MiB that were used.
        mib: f32,
        /// MiB that the board allows.
        budget_mib: u32,
    },
}

/// The warnings of one answer.
pub type Warnings = heapless::Vec<Warning, MAX_WARNINGS>;

impl Warning {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyMask => "empty_mask",
            Self::ObjectUnlikely { .. } => "object_unlikely",
            Self::LowPredictedIou { .. } => "low_predicted_iou",
            Self::UnstableMask => "unstable_mask",
            Self::SeveralParts { .. } => "several_parts",
            Self::MaskTouchesBorder => "mask_touches_border",
            Self::PromptOnBorder => "prompt_on_border",
            Self::FarFromSquare { .. } => "far_from_square",
            Self::ClickContradicted { .. } => "click_contradicted",
            Self::CoordinatesLookNormalized { .. } => "coordinates_look_normalized",
            Self::MaskPromptIsNoLogits(_) => "mask_prompt_is_no_logits",
            Self::LowBitDepth { .. } => "low_bit_depth",
            Self::MorePages => "more_pages",
            Self::Dicom(warning) => warning.code(),
            Self::OverMemoryBudget { .. } => "over_memory_budget",
        }
    }

    /// The warning in the JSON report.
    #[must_use]
    pub fn report(&self) -> WarningReport {
        let point = match self {
            Self::ClickContradicted { point, .. } => Some(*point),
            _ => None,
        };
        WarningReport { code: self.code().to_string(), message: self.to_string(), point }
    }

    /// A warning if the process used more memory than its board allows.
    #[must_use]
    pub fn over_memory(budget_mib: Option<u32>, peak_mib: Option<f32>) -> Option<Self> {
        let (budget_mib, mib) = (budget_mib?, peak_mib?);
        let over = f64::from(mib) > f64::from(budget_mib);
        over.then_some(Self::OverMemoryBudget { mib, budget_mib })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyMask => f.write_str("the mask is empty"),
            Self::ObjectUnlikely { object_score } => {
                write!(f, "the model doubts that the object is there (score {object_score:.2})")
            }
            Self::LowPredictedIou { predicted_iou } => {
                write!(f, "the model rates its own mask low (predicted IoU {predicted_iou:.2})")
            }
            Self::UnstableMask => f.write_str(
                "the single mask was unstable, so the best of the three alternatives is the answer",
            ),
            Self::SeveralParts { parts } => {
                write!(f, "the mask has {parts} parts; the diameters are those of the largest")
            }
            Self::MaskTouchesBorder => {
                f.write_str("the mask touches the frame's border, so it may be cut off")
            }
            Self::PromptOnBorder => f.write_str("a prompt lies on the frame's border"),
            Self::FarFromSquare { aspect } => write!(
                f,
                "the frame's sides differ by a factor of {aspect:.1}; the model sees it squeezed \
                 into a square"
            ),
            Self::ClickContradicted { point, label: PointLabel::Positive } => {
                write!(f, "the mask does not contain point {point}, which is positive")
            }
            Self::ClickContradicted { point, label: PointLabel::Negative } => {
                write!(f, "the mask contains point {point}, which is negative")
            }
            Self::CoordinatesLookNormalized { width, height } => write!(
                f,
                "all coordinates lie between 0 and 1, as if they were normalised; they are \
                 taken as pixels of the frame of {width} x {height}"
            ),
            Self::MaskPromptIsNoLogits(found) => found.fmt(f),
            Self::LowBitDepth { peak } => {
                // Fewer than 8 bits are not a depth but a dark frame.
                let bits = (u16::BITS - peak.leading_zeros()).max(8);
                write!(
                    f,
                    "the largest sample of this 16-bit frame is {peak} of 65535, so its values may \
                     have only {bits} bits, and the model sees it too dark; if so, pass \
                     --bit-depth {bits}"
                )
            }
            Self::MorePages => f.write_str("the file has more pages; the frame is the first"),
            Self::Dicom(warning) => warning.fmt(f),
            Self::OverMemoryBudget { mib, budget_mib } => write!(
                f,
                "the board's memory budget is {budget_mib} MiB, but {mib:.1} MiB were used"
            ),
        }
    }
}

/// All warnings about an answer, the most serious first.
#[must_use]
pub fn warnings(answer: &Answer, prompts: &Prompts, object_score: Option<f32>) -> Warnings {
    let mask = answer.chosen();
    let (width, height) = (answer.mask.width(), answer.mask.height());
    let (w, h) = (width as f32, height as f32);
    let aspect = w.max(h) / w.min(h);
    let touches = mask
        .bounding_box
        .is_some_and(|b| b.x0 == 0 || b.y0 == 0 || b.x1 + 1 == width || b.y1 + 1 == height);
    let unlikely = object_score.filter(|&score| score < LOW_OBJECT_SCORE);
    let predicted_iou = mask.predicted_iou;
    let empty = mask.area_px == 0;
    let no_logits = prompts.mask().and_then(NoLogits::detect).map(Warning::MaskPromptIsNoLogits);
    let normalized = look_normalized(prompts, width, height)
        .then_some(Warning::CoordinatesLookNormalized { width, height });
    let grave = [
        empty.then_some(Warning::EmptyMask),
        unlikely.map(|object_score| Warning::ObjectUnlikely { object_score }),
        normalized,
        no_logits,
    ];
    let contradicted = contradicted(&answer.mask, prompts)
        .map(|(point, label)| Warning::ClickContradicted { point, label });
    let others = [
        (predicted_iou < LOW_IOU).then_some(Warning::LowPredictedIou { predicted_iou }),
        answer.fell_back.then_some(Warning::UnstableMask),
        (mask.parts() > 1).then_some(Warning::SeveralParts { parts: mask.parts() }),
        touches.then_some(Warning::MaskTouchesBorder),
        on_border(prompts, [w, h]).then_some(Warning::PromptOnBorder),
        (aspect > HIGH_ASPECT).then_some(Warning::FarFromSquare { aspect }),
    ];
    let mut warnings = Warnings::new();
    add(&mut warnings, grave.into_iter().flatten().chain(contradicted));
    add(&mut warnings, others.into_iter().flatten());
    warnings
}

/// Warnings about the frame's file.
pub fn warnings_of_frame(decoded: &DecodedFrame) -> impl Iterator<Item = Warning> {
    let low_bit_depth = decoded.low_peak.map(|peak| Warning::LowBitDepth { peak });
    let more_pages = decoded.has_more_pages.then_some(Warning::MorePages);
    low_bit_depth.into_iter().chain(more_pages)
}

/// Adds warnings. There is room for all that can occur; any more would be dropped.
pub fn add(warnings: &mut Warnings, more: impl IntoIterator<Item = Warning>) {
    for warning in more {
        if warnings.push(warning).is_err() {
            log::debug!("no room for the warning `{}`", warning.code());
        }
    }
}

/// Whether a click or a corner of a box lies on or beyond the centres of the outermost pixels.
fn on_border(prompts: &Prompts, [width, height]: [f32; 2]) -> bool {
    let outer = |[x, y]: [f32; 2]| x <= 0.0 || y <= 0.0 || x >= width - 1.0 || y >= height - 1.0;
    prompts.points().iter().any(|p| outer([p.x, p.y]))
        || prompts.bounding_box().is_some_and(|[x0, y0, x1, y1]| outer([x0, y0]) || outer([x1, y1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::PointLabel;

    #[test]
    fn prompts_on_the_outermost_pixels_are_noticed() {
        let point = |x, y| Prompts::new().with_point(x, y, PointLabel::Positive).unwrap();
        assert!(!on_border(&point(1.0, 1.0), [16.0, 16.0]));
        assert!(!on_border(&point(14.0, 14.0), [16.0, 16.0]));
        for (x, y) in [(0.0, 5.0), (5.0, 0.0), (15.0, 5.0), (5.0, 16.0)] {
            assert!(on_border(&point(x, y), [16.0, 16.0]), "{x},{y}");
        }
        let corners = Prompts::new().with_box(1.0, 1.0, 15.0, 14.0).unwrap();
        assert!(on_border(&corners, [16.0, 16.0]));
    }

    #[test]
    fn a_list_that_is_full_takes_no_more() {
        let mut warnings = Warnings::new();
        add(&mut warnings, std::iter::repeat_n(Warning::EmptyMask, MAX_WARNINGS + 5));
        assert_eq!(warnings.len(), MAX_WARNINGS);
        add(&mut warnings, [Warning::UnstableMask]);
        assert_eq!(warnings.last(), Some(&Warning::EmptyMask));
    }

    #[test]
    fn a_contradicted_click_has_its_number() {
        let warning = Warning::ClickContradicted { point: 3, label: PointLabel::Negative };
        let json = serde_json::to_value(warning.report()).unwrap();
        assert_eq!((&json["code"], &json["point"]), (&"click_contradicted".into(), &3.into()));
        assert!(json["message"].as_str().unwrap().contains("point 3, which is negative"));
        let json = serde_json::to_value(Warning::EmptyMask.report()).unwrap();
        assert!(json.get("point").is_none());
    }

    #[test]
    fn a_warning_has_a_code_and_a_message() {
        let report = Warning::ObjectUnlikely { object_score: 0.125 }.report();
        assert_eq!(report.code, "object_unlikely");
        assert!(report.message.contains("0.12"));
    }
}
