//! Whether a mask is still the object that was prompted.

use crate::LiveOptions;

/// What speaks for a mask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// The model's own estimate of the mask's IoU.
    pub(crate) predicted_iou: f32,
    /// The model's probability that the object is there, if it computes one.
    pub(crate) object_score: Option<f32>,
    /// Agreement with the last trusted mask, moved to where it is expected.
    pub(crate) agreement: f32,
    /// Correlation of the surroundings with those of the last trusted frame.
    pub(crate) likeness: f32,
    /// How the mask stands out, as a share of how it did when the object was prompted; `None` if it did not then.
    pub(crate) contrast: Option<f32>,
}

impl Evidence {
    /// Whether all of it is good enough. Each alone fails somewhere: the model is sure of wrong masks on organs
    /// that it does not know, and the surroundings look the same when a small object has left.
    pub(crate) fn suffices(&self, options: &LiveOptions) -> bool {
        self.predicted_iou >= options.min_predicted_iou
            && self.object_score.is_none_or(|score| score >= options.min_object_score)
            && self.contrast.is_none_or(|contrast| contrast >= options.min_contrast)
            && self.agreement >= options.min_agreement
            && self.likeness >= options.min_likeness
            // Of a frame that jumped, one is weak where the other is strong; both weak is another object.
            && self.agreement + self.likeness >= options.min_agreement_and_likeness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_weak_point_is_enough_to_doubt() {
        let options = LiveOptions::default();
        let good = Evidence {
            predicted_iou: 0.9,
            object_score: Some(0.9),
            agreement: 0.9,
            likeness: 0.9,
            contrast: Some(0.9),
        };
        assert!(good.suffices(&options));
        assert!(Evidence { object_score: None, contrast: None, ..good }.suffices(&options));
        for weak in [
            Evidence { predicted_iou: 0.1, ..good },
            Evidence { object_score: Some(0.1), ..good },
            Evidence { contrast: Some(0.1), ..good },
            Evidence { contrast: Some(-0.9), ..good },
            Evidence { agreement: 0.1, ..good },
            Evidence { likeness: 0.1, ..good },
            Evidence { agreement: 0.55, likeness: 0.4, ..good },
        ] {
            assert!(!weak.suffices(&options), "{weak:?}");
        }
    }
}
