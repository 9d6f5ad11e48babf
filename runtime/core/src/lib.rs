//! From a frame to a mask, without an engine and without files: preprocessing, prompts, segmenter,
//! masks, metrics.
//!
//! ```text
//! bytes -> Frame -> preprocess -> Network::encode -> EncodedFrame
//!                      Prompts -> DecoderInput -> Network::decode -> Prediction
//!                                       Prediction -> Mask, contour, measures
//! ```
//!
//! Any engine that implements [`Network`] will do; this crate knows none. Coordinates are pixels of
//! the source frame, x to the right, y down, and the centre of the top left pixel is (0, 0).
//! Everything here is bounded: frames by [`MAX_SIDE_PX`], prompts by [`MAX_POINTS`], contours by
//! the model's logit grid.

mod contour;
mod frame;
mod mask;
mod measure;
mod metrics;
mod preprocess;
mod prompt;
mod resample;
mod segmenter;

pub use contour::{Polygon, contour};
pub use frame::{DecodeOptions, DecodedFrame, Frame, FrameError, MAX_SIDE_PX, MIN_SIDE_PX, Pixels};
pub use mask::{Mask, MaskError, PixelBox, resize_logits};
pub use measure::{
    Diameters, PixelSpacing, Segment, SpacingError, diameters, diameters_with_spacing,
    largest_outer,
};
pub use metrics::{
    MetricError, dice, hausdorff_px, hd95_mm, hd95_px, iou, squared_distance_px2, stability_score,
};
pub use preprocess::{InputSpec, PreprocessError, preprocess};
pub use prompt::{
    DecoderInput, MAX_POINTS, MAX_TOKENS, MaskPrompt, Point, PointLabel, PromptError, Prompts,
};
pub use segmenter::{
    DecoderOutput, EncodedFrame, MASK_COUNT, MAX_OBJECTS, MaskChoice, MaskToken, Network,
    Prediction, SegmentError, Segmenter, Stage, Timings,
};
