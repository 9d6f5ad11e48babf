//! Exponential moving average of the weights, for evaluation and export.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor, no_grad};

#[derive(Debug)]
struct Pair {
    name: String,
    /// The network's own tensor.
    live: Tensor,
    /// The average; holds the trained values while swapped in.
    average: Tensor,
}

/// Averages of named tensors, kept in their shapes and on their devices.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    updates: u64,
    pairs: Vec<Pair>,
    swapped: bool,
}

impl Ema {
    /// Starts at the current values. `decay` in [0, 1) is the weight of the past.
    ///
    /// Give buffers (running statistics) too, if the network has any: an averaged network needs
    /// both. Those of integers are copied, not averaged.
    ///
    /// # Errors
    /// On a decay out of range or when libtorch refuses an operation.
    pub fn new(params: Vec<(String, Tensor)>, decay: f64) -> Result<Self> {
        ensure!((0.0..1.0).contains(&decay), "the average's decay {decay} must lie in [0, 1)");
        let pairs = no_grad(|| {
            params
                .into_iter()
                .map(|(name, live)| Ok(Pair { name, average: own_copy(&live)?, live }))
                .collect::<Result<Vec<_>>>()
        })?;
        Ok(Self { decay, updates: 0, pairs, swapped: false })
    }

    /// Takes the current values in, after every optimiser step.
    ///
    /// The n-th update decays by min(decay, (1 + n) / (10 + n)), so that the untrained start is
    /// soon forgotten.
    ///
    /// # Errors
    /// While swapped, or when libtorch refuses an operation.
    pub fn update(&mut self) -> Result<()> {
        ensure!(!self.swapped, "the averaged weights are swapped in: an update would mix them up");
        let n = self.updates as f64;
        let decay = self.decay.min((1.0 + n) / (10.0 + n));
        no_grad(|| {
            for Pair { live, average, .. } in &mut self.pairs {
                if is_float(live)? {
                    let _ = average.f_lerp_(live, 1.0 - decay)?;
                } else {
                    average.f_copy_(live)?;
                }
            }
            anyhow::Ok(())
        })?;
        self.updates += 1;
        Ok(())
    }

    /// Exchanges the network's values and the averages, in place. Call it twice to return.
    ///
    /// # Errors
    /// When libtorch refuses an operation.
    pub fn swap(&mut self) -> Result<()> {
        no_grad(|| {
            for Pair { live, average, .. } in &mut self.pairs {
                let trained = own_copy(live)?;
                live.f_copy_(average)?;
                average.f_copy_(&trained)?;
            }
            anyhow::Ok(())
        })?;
        self.swapped = !self.swapped;
        Ok(())
    }

    /// Runs `evaluate` with the averaged weights in the network, and swaps back even if it fails.
    ///
    /// # Errors
    /// Those of `evaluate`, and while already swapped.
    pub fn with_average<T>(&mut self, evaluate: impl FnOnce() -> Result<T>) -> Result<T> {
        ensure!(!self.swapped, "the averaged weights are swapped in already");
        self.swap()?;
        let outcome = evaluate();
        self.swap()?;
        outcome
    }

    /// Whether the averages are in the network now.
    pub fn is_swapped(&self) -> bool {
        self.swapped
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The averages under the names given, swapped or not.
    ///
    /// The tensors are handles: write or copy them before the next update or swap.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let average = |pair: &Pair| {
            if self.swapped { pair.live.shallow_clone() } else { pair.average.shallow_clone() }
        };
        self.pairs.iter().map(|pair| (pair.name.clone(), average(pair))).collect()
    }

    /// Restores what [`Ema::state`] and [`Ema::updates`] returned; the values are copied.
    ///
    /// # Errors
    /// While swapped, or when names or shapes differ; the averages are then unchanged.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>, updates: u64) -> Result<()> {
        ensure!(!self.swapped, "the averaged weights are swapped in");
        for pair in &self.pairs {
            let Some(saved) = state.get(&pair.name) else {
                bail!("the state has no average of {}", pair.name);
            };
            ensure!(
                saved.size() == pair.live.size(),
                "the average of {} has shape {:?}, the weight {:?}",
                pair.name,
                saved.size(),
                pair.live.size()
            );
        }
        ensure!(
            state.len() == self.pairs.len(),
            "the state averages {} tensors, the network has {}",
            state.len(),
            self.pairs.len()
        );
        no_grad(|| {
            for pair in &mut self.pairs {
                let saved = state.get(&pair.name).context("checked above")?;
                pair.average.f_copy_(saved)?;
            }
            anyhow::Ok(())
        })?;
        self.updates = updates;
        Ok(())
    }
}

fn own_copy(tensor: &Tensor) -> Result<Tensor> {
    let mut copy = tensor.f_zeros_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

fn is_float(tensor: &Tensor) -> Result<bool> {
    Ok(matches!(tensor.f_kind()?, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.detach().flatten(0, -1)).unwrap()
    }

    fn fresh() -> (Tensor, Ema) {
        let live = Tensor::from_slice(&[1.0f32, 2.0]).set_requires_grad(true);
        let ema = Ema::new(vec![("w".into(), live.shallow_clone())], 0.99).unwrap();
        (live, ema)
    }

    fn set(live: &mut Tensor, to: &[f32]) {
        no_grad(|| live.copy_(&Tensor::from_slice(to)));
    }

    #[test]
    fn the_first_updates_decay_faster() {
        let (mut live, mut ema) = fresh();
        set(&mut live, &[11.0, 2.0]);
        ema.update().unwrap(); // decay 1/10
        assert!((values(&ema.state()["w"])[0] - 10.0).abs() < 1e-5);
        set(&mut live, &[21.0, 2.0]);
        ema.update().unwrap(); // decay 2/11
        assert!((values(&ema.state()["w"])[0] - (10.0 + 11.0 * 9.0 / 11.0)).abs() < 1e-5);
    }

    #[test]
    fn evaluation_swaps_in_place_and_back_even_on_failure() {
        let (mut live, mut ema) = fresh();
        set(&mut live, &[5.0, 6.0]);
        let seen = ema.with_average(|| Ok(values(&live))).unwrap();
        assert_eq!(seen, [1.0, 2.0]);
        assert_eq!(values(&live), [5.0, 6.0]);
        assert!(ema.with_average(|| -> Result<()> { bail!("no images") }).is_err());
        assert_eq!(values(&live), [5.0, 6.0]);
        assert!(live.requires_grad());

        ema.swap().unwrap();
        assert!(ema.update().is_err());
        assert_eq!(values(&ema.state()["w"]), [1.0, 2.0]);
        ema.swap().unwrap();
    }

    #[test]
    fn a_restored_average_continues_equally() {
        let (mut live, mut ema) = fresh();
        set(&mut live, &[3.0, -7.0]);
        ema.update().unwrap();
        let mut other = Ema::new(vec![("w".into(), live.shallow_clone())], 0.99).unwrap();
        other.load_state(&ema.state(), ema.updates()).unwrap();
        set(&mut live, &[0.3, 0.7]);
        ema.update().unwrap();
        other.update().unwrap();
        assert_eq!(values(&ema.state()["w"]), values(&other.state()["w"]));

        let wrong = BTreeMap::from([("w".to_owned(), Tensor::from_slice(&[1.0f32]))]);
        assert!(other.load_state(&wrong, 0).unwrap_err().to_string().contains("shape"));
        assert!(other.load_state(&BTreeMap::new(), 0).is_err());
    }
}
