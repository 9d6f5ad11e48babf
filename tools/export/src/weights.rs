//! Named access to a checkpoint's tensors in the shapes the builders want.

use crate::linear::Linear;
use uniultra_checkpoint::{Checkpoint, CheckpointError};

/// A checkpoint, and the prefix of the module at hand.
#[derive(Clone)]
pub(crate) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    prefix: String,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(checkpoint: &'a Checkpoint, prefix: &str) -> Self {
        Self { checkpoint, prefix: prefix.to_string() }
    }

    /// The module `name` inside this one.
    pub(crate) fn module(&self, name: impl std::fmt::Display) -> Self {
        Self { checkpoint: self.checkpoint, prefix: format!("{}.{name}", self.prefix) }
    }

    /// A tensor's values, row-major.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<&'a [f32], CheckpointError> {
        let name = format!("{}.{name}", self.prefix);
        Ok(self.checkpoint.tensor(&name, shape)?.data())
    }

    /// `weight [out, in]` and `bias [out]` of the module `name`.
    pub(crate) fn linear(
        &self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, CheckpointError> {
        let module = self.module(name);
        let weight = module.tensor("weight", &[outputs, inputs])?;
        Ok(Linear::new(weight, module.tensor("bias", &[outputs])?))
    }

    /// A 1x1 convolution as a linear layer over channels.
    pub(crate) fn pointwise(
        &self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, CheckpointError> {
        let module = self.module(name);
        let weight = module.tensor("weight", &[outputs, inputs, 1, 1])?;
        Ok(Linear::new(weight, module.tensor("bias", &[outputs])?))
    }

    /// `weight` and `bias`, `[channels]` each, of the normalisation `name`.
    pub(crate) fn norm(
        &self,
        name: &str,
        channels: usize,
    ) -> Result<(&'a [f32], &'a [f32]), CheckpointError> {
        let module = self.module(name);
        Ok((module.tensor("weight", &[channels])?, module.tensor("bias", &[channels])?))
    }
}
