//! How objects are followed.

/// Limits of tracking. The defaults were chosen on simulated sequences; see `uniultra-tools track`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// Least IoU that the model predicts for a mask that is followed.
    pub min_predicted_iou: f32,
    /// Least probability that the object is there.
    pub min_object_score: f32,
    /// Least IoU of a mask with the mask before it, moved by the picture's motion.
    pub min_overlap: f32,
    /// Least correlation of the object's surroundings with those of the last frame that was followed.
    pub min_likeness: f32,
    /// Frames without a trusted mask after which an object is lost.
    pub uncertain_frames: u32,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            min_predicted_iou: 0.5,
            min_object_score: 0.5,
            min_overlap: 0.5,
            min_likeness: 0.5,
            uncertain_frames: 4,
        }
    }
}
