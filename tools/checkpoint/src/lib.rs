//! Reads SAM 2 and UniUltra checkpoints and knows every architecture's parameters.
//!
//! [`Checkpoint::open`] reads safetensors and PyTorch archives, told apart by content, into plain
//! f32 tensors under Meta's names. [`Checkpoint::recognise`] says which network they are and what
//! is missing. [`Architecture::parameters`] is the inventory that both follow.
//!
//! A checkpoint is untrusted input: nothing in it is executed, no size it declares is believed
//! before it is checked against the file, and no value that is not finite gets through.

mod checkpoint;
mod error;
mod format;
mod hiera;
mod inventory;
#[cfg(feature = "random-weights")]
mod random;
mod recognise;
mod tensor;
mod work;

pub use checkpoint::Checkpoint;
pub use error::CheckpointError;
pub use format::Format;
pub use hiera::{Block, EDGE_CHANNELS, Hiera, NECK_DIM};
pub use inventory::{Architecture, Component, Need, Parameter, ParameterKind};
#[cfg(feature = "random-weights")]
pub use random::random_checkpoint;
pub use recognise::Recognition;
pub use tensor::Tensor;
pub use work::EncoderWork;
