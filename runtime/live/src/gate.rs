//! Whether a mask is still the object that was prompted.

use crate::LiveOptions;

/// What speaks for a mask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// The model's own estimate of the mask's IoU.
    pub(crate) predicted_iou: f32,
    /// The same when the object was prompted.
    pub(crate) prompted_iou: f32,
    /// The same as a mean over the last trusted frames.
    pub(crate) usual_iou: f32,
    /// The model's probability that the object is there, if it computes one.
    pub(crate) object_score: Option<f32>,
    /// Agreement with the last trusted mask, moved to where it is expected.
    pub(crate) agreement: f32,
    /// Area, as a share of the area when the object was prompted.
    pub(crate) growth: f32,
    /// Correlation of the surroundings with those of the last trusted frame.
    pub(crate) likeness: f32,
    /// How the mask stands out, as a share of how it did when the object was prompted; `None` if it did not then.
    pub(crate) contrast: Option<f32>,
    /// The same of the mask that was expected.
    pub(crate) expected_contrast: Option<f32>,
    /// Brightness of the object and its surroundings, as a share of that on the last trusted frame.
    pub(crate) brightness: f32,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The mask is the object, and the picture shows it as it was.
    Trusted,
    /// The mask is the object, but it does not stand out as it did: the picture is not what it is looked for by from
    /// now on.
    Likely,
    /// The mask is not trusted, but the picture looks as if the object were still there: the last trusted mask
    /// stands for it.
    Held,
    /// Nothing tells that the object is still there.
    Doubted,
}

/// Least IoU that the model predicts for a mask that is followed, as a share of what it predicted when the object
/// was prompted, where that is less than the options ask for.
const MIN_IOU_SHARE: f32 = 0.75;
/// Most that the area may grow or shrink, as a factor, since the object was prompted.
const MAX_GROWTH: f32 = 2.0;
/// Least correlation of the surroundings with which a mask is followed though it does not stand out.
const ALIKE: f32 = 0.7;
/// The same with which such an object is also looked for by its new surroundings.
const VERY_ALIKE: f32 = 0.9;
/// Most that the IoU predicted for such a mask may differ from the usual one, as a share of that.
const MAX_IOU_CHANGE: f32 = 0.1;
/// Brightness below which object and surroundings lie in a shadow.
const SHADOW: f32 = 0.75;

impl Evidence {
    /// Judges. Each kind of evidence alone fails somewhere: the model is sure of wrong masks on organs that it does
    /// not know, and the surroundings look the same when a small object has left.
    pub(crate) fn verdict(&self, options: &LiveOptions) -> Verdict {
        let stands_out = |share: f32| share >= options.min_contrast;
        // The model estimates low for some objects from the start; more cannot be asked of it later.
        let min_iou = options.min_predicted_iou.min(MIN_IOU_SHARE * self.prompted_iou);
        let growth = self.growth.max(self.growth.recip());
        let is_object = self.predicted_iou >= min_iou
            && self.object_score.is_none_or(|score| score >= options.min_object_score)
            && growth <= MAX_GROWTH
            && self.agreement >= options.min_agreement
            && self.likeness >= options.min_likeness
            // Of a frame that jumped, one is weak where the other is strong; both weak is another object.
            && self.agreement + self.likeness >= options.min_agreement_and_likeness;
        let unchanged = match self.contrast {
            Some(share) => stands_out(share),
            None => self.likeness >= VERY_ALIKE,
        };
        let alike = self.likeness >= ALIKE;
        // A shadow leaves the model as sure as it was; when an object leaves, that changes, too.
        let as_sure = (self.predicted_iou / self.usual_iou - 1.0).abs() <= MAX_IOU_CHANGE;
        if is_object && unchanged {
            Verdict::Trusted
        } else if is_object && alike && as_sure {
            Verdict::Likely
        } else if self.brightness <= SHADOW
            || alike && self.expected_contrast.is_none_or(stands_out)
        {
            // A shadow takes the object's contrast and the light of its surroundings. Where an object leaves the
            // plane, tissue of the same brightness takes its place.
            Verdict::Held
        } else {
            Verdict::Doubted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Evidence = Evidence {
        predicted_iou: 0.9,
        prompted_iou: 0.9,
        usual_iou: 0.9,
        object_score: Some(0.9),
        agreement: 0.9,
        growth: 1.1,
        likeness: 0.9,
        contrast: Some(0.9),
        expected_contrast: Some(0.9),
        brightness: 1.0,
    };

    fn verdict(evidence: Evidence) -> Verdict {
        evidence.verdict(&LiveOptions::default())
    }

    #[test]
    fn one_weak_point_is_enough_to_doubt() {
        assert_eq!(verdict(GOOD), Verdict::Trusted);
        let unknown = Evidence { object_score: None, contrast: None, ..GOOD };
        assert_eq!(verdict(unknown), Verdict::Trusted);
        let changed = Evidence { likeness: 0.6, ..GOOD };
        assert_eq!(verdict(changed), Verdict::Trusted);
        for weak in [
            Evidence { predicted_iou: 0.1, ..changed },
            Evidence { object_score: Some(0.1), ..changed },
            Evidence { contrast: Some(0.1), ..changed },
            Evidence { contrast: Some(-0.9), ..changed },
            Evidence { contrast: None, ..changed },
            Evidence { agreement: 0.1, ..changed },
            Evidence { growth: 4.0, ..changed },
            Evidence { growth: 0.1, ..changed },
            Evidence { growth: f32::NAN, ..changed },
            Evidence { likeness: 0.1, ..changed },
            Evidence { agreement: 0.55, likeness: 0.4, ..changed },
        ] {
            assert_eq!(verdict(weak), Verdict::Doubted, "{weak:?}");
        }
    }

    #[test]
    fn a_low_estimate_from_the_start_is_no_reason_to_doubt() {
        let low = Evidence { predicted_iou: 0.4, prompted_iou: 0.45, ..GOOD };
        assert_eq!(verdict(low), Verdict::Trusted);
        assert_eq!(verdict(Evidence { prompted_iou: 0.9, ..low }), Verdict::Held);
    }

    #[test]
    fn a_shadow_is_not_taken_for_an_exit() {
        // The contrast is gone. The picture still looks alike, or it is dark there.
        let faint = Evidence { contrast: Some(0.1), expected_contrast: Some(0.1), ..GOOD };
        let alike = Evidence { likeness: 0.8, ..faint };
        assert_eq!(verdict(alike), Verdict::Likely);
        for predicted_iou in [0.75, 1.1] {
            assert_eq!(verdict(Evidence { predicted_iou, ..alike }), Verdict::Doubted);
        }
        let other = Evidence { likeness: 0.5, ..faint };
        assert_eq!(verdict(other), Verdict::Doubted);
        assert_eq!(verdict(Evidence { brightness: 0.6, ..other }), Verdict::Held);
    }

    #[test]
    fn a_wrong_mask_of_an_object_that_is_still_there_is_held() {
        assert_eq!(verdict(Evidence { growth: 4.0, ..GOOD }), Verdict::Held);
        let gone = Evidence { growth: 4.0, expected_contrast: Some(0.1), ..GOOD };
        assert_eq!(verdict(gone), Verdict::Doubted);
    }
}
