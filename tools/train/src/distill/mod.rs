//! DSKD: deep-supervised distillation of the image encoder (MODEL.md section 6). At each level the
//! student's streams, brought to 256 channels by its neck, follow the teacher's through its own.

mod cache;
mod loss;
mod stage;

pub use cache::FeatureCache;
pub use loss::{DistillConfig, Normalise, Through};
pub use stage::DistillStage;
