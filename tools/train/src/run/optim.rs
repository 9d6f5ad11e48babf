//! Adam and AdamW over named tensors.
//!
//! tch's own optimisers hide their moments, so a training that uses them cannot be resumed
//! exactly. Here every moment has its parameter's name and goes through [`Adam::state`] and
//! [`Adam::load_state`] unchanged.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

/// Hyper-parameters of [`Adam`]. The default is the published Adam without weight decay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first and the second moment, each in [0, 1).
    pub betas: (f64, f64),
    /// Added to the root of the second moment, > 0.
    pub eps: f64,
    /// Weight decay; tensors of fewer than two dimensions (biases, norms) are spared.
    pub weight_decay: f64,
    /// Whether the decay acts on the weight itself (AdamW) instead of on its gradient.
    pub decoupled: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

/// Parameters that share a learning rate.
#[derive(Debug)]
pub struct Group {
    /// Name for messages and logs.
    pub name: String,
    /// Multiplies the learning rate of every step.
    pub lr_scale: f64,
    /// The parameters, f32, any shape; names are unique over all groups.
    pub params: Vec<(String, Tensor)>,
}

/// The result of [`Adam::step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The parameters were updated.
    Applied,
    /// The gradient was not finite; neither parameters nor moments were touched.
    Skipped,
}

/// Moments of one parameter, each of the parameter's shape.
#[derive(Debug)]
struct Moments {
    m: Tensor,
    v: Tensor,
    /// Updates of this parameter so far: one that joins late needs its own bias correction.
    t: u32,
}

#[derive(Debug)]
struct Slot {
    name: String,
    param: Tensor,
    decays: bool,
    /// None before the first defined gradient.
    moments: Option<Moments>,
}

#[derive(Debug)]
struct SlotGroup {
    lr_scale: f64,
    slots: Vec<Slot>,
}

/// The optimiser. See the [module](self) for its purpose.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    groups: Vec<SlotGroup>,
    steps: u64,
    skipped: u64,
    /// The norm that [`Adam::clip_grad_norm`] last saw was not finite.
    poisoned: bool,
}

impl Adam {
    /// Takes hold of the parameters (tensors are handles: the network's own are updated).
    ///
    /// # Errors
    /// On hyper-parameters out of range, a name used twice or a parameter that is not f32.
    pub fn new(groups: Vec<Group>, config: &AdamConfig) -> Result<Self> {
        let (b1, b2) = config.betas;
        ensure!(
            (0.0..1.0).contains(&b1) && (0.0..1.0).contains(&b2),
            "betas ({b1}, {b2}) must lie in [0, 1)"
        );
        ensure!(config.eps > 0.0 && config.eps.is_finite(), "eps {} must be > 0", config.eps);
        ensure!(
            config.weight_decay >= 0.0 && config.weight_decay.is_finite(),
            "weight_decay {} must be >= 0",
            config.weight_decay
        );
        let mut names = BTreeSet::new();
        let mut kept = Vec::with_capacity(groups.len());
        for group in groups {
            ensure!(
                group.lr_scale >= 0.0 && group.lr_scale.is_finite(),
                "group {}: lr_scale {} must be >= 0",
                group.name,
                group.lr_scale
            );
            let mut slots = Vec::with_capacity(group.params.len());
            for (name, param) in group.params {
                let kind = param.f_kind()?;
                ensure!(kind == Kind::Float, "parameter {name} is {kind:?}, not f32");
                ensure!(names.insert(name.clone()), "parameter {name} occurs twice");
                let decays = config.weight_decay > 0.0 && param.dim() > 1;
                slots.push(Slot { name, param, decays, moments: None });
            }
            kept.push(SlotGroup { lr_scale: group.lr_scale, slots });
        }
        Ok(Self { config: *config, groups: kept, steps: 0, skipped: 0, poisoned: false })
    }

    /// Scales all gradients so that their joint 2-norm is at most `max`; returns the norm before.
    ///
    /// With `max` infinite it only measures. A norm that is not finite leaves the gradients alone
    /// and makes the next [`Adam::step`] skip.
    ///
    /// # Errors
    /// When libtorch refuses an operation.
    pub fn clip_grad_norm(&mut self, max: f64) -> Result<f64> {
        no_grad(|| {
            let mut grads = Vec::new();
            for slot in self.slots() {
                let grad = slot.param.f_grad()?;
                if grad.defined() {
                    grads.push(grad);
                }
            }
            if grads.is_empty() {
                return Ok(0.0);
            }
            let norms = grads.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
            // One transfer from the device for all of them.
            let norm = Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])?;
            self.poisoned = !norm.is_finite();
            let scale = max / (norm + 1e-6);
            if norm.is_finite() && scale < 1.0 {
                for grad in &mut grads {
                    let _ = grad.f_mul_scalar_(scale)?;
                }
            }
            Ok(norm)
        })
    }

    /// One update of every parameter that has a gradient, with learning rate `lr` times the
    /// group's scale.
    ///
    /// # Errors
    /// When libtorch refuses an operation; the parameters are then partly updated.
    pub fn step(&mut self, lr: f64) -> Result<StepOutcome> {
        if self.poisoned {
            self.poisoned = false;
            self.skipped += 1;
            return Ok(StepOutcome::Skipped);
        }
        let config = self.config;
        no_grad(|| {
            for group in &mut self.groups {
                let lr = lr * group.lr_scale;
                for slot in &mut group.slots {
                    update(slot, lr, &config)
                        .with_context(|| format!("Adam step of parameter {}", slot.name))?;
                }
            }
            anyhow::Ok(())
        })?;
        self.steps += 1;
        Ok(StepOutcome::Applied)
    }

    /// Sets every gradient to zero in place, ready for the next backward pass to add to.
    ///
    /// # Errors
    /// When libtorch refuses an operation.
    pub fn zero_grad(&mut self) -> Result<()> {
        self.poisoned = false;
        for slot in self.slots() {
            let mut grad = slot.param.f_grad()?;
            if grad.defined() {
                // After a backward pass that kept its graph, the gradient has a history.
                let _ = grad.f_detach_()?;
                let _ = grad.f_zero_()?;
            }
        }
        Ok(())
    }

    /// Steps applied so far, skipped ones not counted.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps skipped for a gradient that was not finite.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Number of values under optimisation.
    pub fn param_count(&self) -> usize {
        self.slots().map(|slot| slot.param.numel()).sum()
    }

    /// The moments `m.<name>` and `v.<name>` in the parameter's shape and the number of its
    /// updates `t.<name>` (f32, one value), for parameters that were ever updated.
    ///
    /// The tensors are handles of the live moments: write or copy them before the next step.
    ///
    /// # Errors
    /// When libtorch refuses an operation.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for slot in self.slots() {
            if let Some(Moments { m, v, t }) = &slot.moments {
                state.insert(format!("m.{}", slot.name), m.shallow_clone());
                state.insert(format!("v.{}", slot.name), v.shallow_clone());
                // Exact up to 2^24 updates.
                let t = Tensor::f_from_slice(&[*t as f32])?;
                state.insert(format!("t.{}", slot.name), t);
            }
        }
        Ok(state)
    }

    /// Restores what [`Adam::state`] and [`Adam::steps`] returned; the values are copied.
    ///
    /// # Errors
    /// When the state belongs to other parameters or shapes; the optimiser is then unchanged.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>, steps: u64) -> Result<()> {
        let mut loaded = Vec::new();
        let mut used = 0;
        for slot in self.slots() {
            let part = |key: &str| state.get(&format!("{key}.{}", slot.name));
            loaded.push(match (part("m"), part("v"), part("t")) {
                (None, None, None) => None,
                (Some(m), Some(v), Some(t)) => {
                    used += 3;
                    let t = t.f_double_value(&[0])?;
                    ensure!(t >= 0.0 && t <= f64::from(1 << 24), "t.{} is {t}", slot.name);
                    Some(Moments {
                        m: moment_like(m, &slot.param, "m", &slot.name)?,
                        v: moment_like(v, &slot.param, "v", &slot.name)?,
                        t: t as u32,
                    })
                }
                _ => bail!("the optimiser state of {} lacks one of m, v, t", slot.name),
            });
        }
        if used != state.len() {
            let known: BTreeSet<&str> = self.slots().map(|slot| slot.name.as_str()).collect();
            let stray = state
                .keys()
                .find(|key| key.split_once('.').is_none_or(|(_, name)| !known.contains(name)));
            bail!(
                "the optimiser state has {} of a parameter that is not optimised here",
                stray.map_or("a tensor", String::as_str)
            );
        }
        let slots = self.groups.iter_mut().flat_map(|group| &mut group.slots);
        for (slot, moments) in slots.zip(loaded) {
            slot.moments = moments;
        }
        self.steps = steps;
        self.poisoned = false;
        Ok(())
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.groups.iter().flat_map(|group| &group.slots)
    }
}

/// An own copy of `saved` on the device of `param`.
fn moment_like(saved: &Tensor, param: &Tensor, key: &str, name: &str) -> Result<Tensor> {
    ensure!(
        saved.size() == param.size(),
        "{key}.{name} has shape {:?}, the parameter {:?}",
        saved.size(),
        param.size()
    );
    no_grad(|| {
        let mut own = param.f_zeros_like()?;
        own.f_copy_(saved)?;
        Ok(own)
    })
}

/// Adam on one parameter. At most two temporaries of its size are alive at once.
fn update(slot: &mut Slot, lr: f64, config: &AdamConfig) -> Result<()> {
    let mut grad = slot.param.f_grad()?;
    if !grad.defined() {
        return Ok(());
    }
    let (b1, b2) = config.betas;
    if slot.decays {
        if config.decoupled {
            let _ = slot.param.f_mul_scalar_(1.0 - lr * config.weight_decay)?;
        } else {
            grad = (slot.param.f_mul_scalar(config.weight_decay)?).f_add_(&grad)?;
        }
    }
    let moments = match &mut slot.moments {
        Some(moments) => moments,
        empty => empty.insert(Moments {
            m: slot.param.f_zeros_like()?,
            v: slot.param.f_zeros_like()?,
            t: 0,
        }),
    };
    moments.t += 1;
    let _ = moments.m.f_lerp_(&grad, 1.0 - b1)?;
    let _ = moments.v.f_lerp_(&grad.f_square()?, 1.0 - b2)?;

    let t = f64::from(moments.t);
    let (c1, c2) = (1.0 - b1.powf(t), 1.0 - b2.powf(t));
    // -lr/c1 / (sqrt(v/c2) + eps) in one tensor, because tch's addcdiv_ does not take a factor.
    let rate = (moments.v.f_sqrt()?)
        .f_div_scalar_(c2.sqrt())?
        .f_add_scalar_(config.eps)?
        .f_reciprocal_()?
        .f_mul_scalar_(-lr / c1)?;
    let _ = slot.param.f_addcmul_(&moments.m, &rate)?;
    Ok(())
}

#[cfg(test)]
#[path = "optim_tests.rs"]
mod tests;
