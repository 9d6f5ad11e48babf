//! Reads SAM 2 and UniUltra checkpoints and knows every architecture's parameters.
//!
//! [`Checkpoint::open`] reads safetensors and PyTorch's files into plain f32 tensors under Meta's
//! names; it tells the formats apart by their content. [`Checkpoint::recognise`] says which network
//! the tensors belong to, what is missing and what is there beside it. Both follow the inventory,
//! [`Architecture::parameters`].
//!
//! A checkpoint is untrusted input. Nothing in it is executed, and declared sizes are checked
//! against the file before they are used. A tensor that is not of finite floating-point numbers is
//! refused as soon as something needs it.

mod checkpoint;
mod error;
mod format;
mod hiera;
mod inventory;
mod names;
#[cfg(feature = "random-weights")]
mod random;
mod recognise;
mod tensor;
mod unusable;
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
