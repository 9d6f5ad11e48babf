//! Training on masks: prompts, losses, corrective clicks.

mod clicks;
mod loss;
mod outline;
mod prompts;
mod stage;
mod validate;

pub use loss::{LossConfig, MaskLoss};
pub use prompts::{Kind, PromptConfig};
pub use stage::SegmentStage;
pub use validate::{score, validate};
