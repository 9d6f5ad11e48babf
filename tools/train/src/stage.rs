//! The interface between a stage and the training loop.

use crate::model::Params;
use anyhow::Result;
use rand_pcg::Pcg64;
use tch::{Device, Tensor};
use uniultra_dataset::Example;

/// A stage of the training: what one step computes.
pub trait Stage: std::fmt::Debug + Send {
    /// Names of the loss's parts, for the log.
    fn parts(&self) -> &'static [&'static str];

    /// The network that is trained.
    fn params(&self) -> &Params;

    /// The same, to mark what is trained and to load a state.
    fn params_mut(&mut self) -> &mut Params;

    /// The same stage once more, on the same parameters: what one trains, the other sees.
    ///
    /// # Errors
    /// A stage with something that cannot be shared.
    fn another(&self) -> Result<Box<dyn Stage>>;

    /// The loss of a batch. `random` depends on the seed and the step alone, so that a resumed
    /// training takes the same steps.
    ///
    /// # Errors
    /// What keeps the step from being computed.
    fn step(&mut self, examples: &[Example], step: u64, random: &mut Pcg64) -> Result<StepLoss>;
}

/// Loss of one step.
#[derive(Debug)]
pub struct StepLoss {
    /// The loss, a scalar.
    pub total: Tensor,
    /// Its parts, unweighted, in the order of [`Stage::parts`]; `None` where a part was not
    /// computed.
    pub parts: Vec<Option<Tensor>>,
}

impl StepLoss {
    /// Total and parts on the host; NaN for terms that were not computed.
    #[must_use]
    pub fn values(&self) -> (f64, Vec<f64>) {
        let value = |x: &Tensor| x.detach().to_device(Device::Cpu).double_value(&[]);
        let parts = self.parts.iter().map(|part| part.as_ref().map_or(f64::NAN, value)).collect();
        (value(&self.total), parts)
    }
}
