//! How objects are followed.

/// Limits of tracking. The defaults were chosen on simulated sequences; see `uniultra-tools track`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// Least IoU that the model predicts for a mask that is followed. Of an object that the model was not sure of when
    /// it was prompted, three quarters of what it predicted then are enough.
    pub min_predicted_iou: f32,
    /// Least probability that the object is there.
    pub min_object_score: f32,
    /// Least agreement of a mask with the mask before it, moved by the picture's motion: the share of each that
    /// is within 2.3 % of the picture's side of the other.
    pub min_agreement: f32,
    /// Least correlation of the object's surroundings with those of the last frame that was followed.
    pub min_likeness: f32,
    /// Least sum of the two.
    pub min_agreement_and_likeness: f32,
    /// Least contrast of the object with its surroundings, as a share of that when it was prompted. Objects that
    /// did not stand out then are followed without this condition.
    pub min_contrast: f32,
    /// Most frames for which an object counts as still there without a trusted mask.
    pub held_frames: u32,
    /// Frames without a trusted mask, those not counted, after which an object is lost.
    pub uncertain_frames: u32,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            min_predicted_iou: 0.5,
            min_object_score: 0.5,
            min_agreement: 0.5,
            min_likeness: 0.3,
            min_agreement_and_likeness: 1.2,
            min_contrast: 0.65,
            held_frames: 60,
            uncertain_frames: 2,
        }
    }
}
