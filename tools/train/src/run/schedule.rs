//! Learning-rate schedules.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The change of the learning rate over a training, as in a configuration's
/// `schedule = { kind = "cosine", warmup_steps = 500, floor = 0.01 }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Multiplied by `decay` after every epoch.
    ExponentialPerEpoch {
        /// Factor of one epoch, in (0, 1].
        #[serde(default = "published_decay")]
        decay: f64,
    },
    /// Rises linearly for `warmup_steps`, then falls along half a cosine to `floor`.
    Cosine {
        /// Optimiser steps of the rise; 0 starts at the full rate.
        #[serde(default)]
        warmup_steps: u64,
        /// Fraction of the full rate at the end, in [0, 1].
        #[serde(default)]
        floor: f64,
    },
    /// Always the full rate.
    #[default]
    Constant,
}

fn published_decay() -> f64 {
    0.98
}

impl Schedule {
    /// Checks the values' ranges.
    ///
    /// # Errors
    /// Names the value that is out of range.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::ExponentialPerEpoch { decay } => {
                ensure!(decay > 0.0 && decay <= 1.0, "schedule.decay {decay} must lie in (0, 1]");
            }
            Self::Cosine { floor, .. } => {
                ensure!((0.0..=1.0).contains(&floor), "schedule.floor {floor} must lie in [0, 1]");
            }
            Self::Constant => {}
        }
        Ok(())
    }

    /// Factor of the learning rate for optimiser step `step` of `total_steps`, in epoch `epoch`
    /// (all counted from 0).
    pub fn factor(&self, step: u64, epoch: u64, total_steps: u64) -> f64 {
        match *self {
            Self::ExponentialPerEpoch { decay } => decay.powf(epoch as f64),
            Self::Cosine { warmup_steps, .. } if step < warmup_steps => {
                // The first step already moves.
                (step + 1) as f64 / warmup_steps as f64
            }
            Self::Cosine { warmup_steps, floor } => {
                let length = total_steps.saturating_sub(warmup_steps).max(1);
                let done = ((step - warmup_steps) as f64 / length as f64).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
            Self::Constant => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        schedule: Schedule,
    }

    fn parse(text: &str) -> Result<Schedule, toml::de::Error> {
        toml::from_str::<Holder>(&format!("schedule = {text}")).map(|holder| holder.schedule)
    }

    #[test]
    fn exponential_falls_once_per_epoch() {
        let schedule = parse(r#"{ kind = "exponential_per_epoch" }"#).unwrap();
        assert_eq!(schedule, Schedule::ExponentialPerEpoch { decay: 0.98 });
        assert_eq!(schedule.factor(999, 0, 1000), 1.0);
        assert!((schedule.factor(0, 2, 1000) - 0.9604).abs() < 1e-12);
    }

    #[test]
    fn cosine_rises_and_falls_to_its_floor() {
        let schedule = parse(r#"{ kind = "cosine", warmup_steps = 10, floor = 0.1 }"#).unwrap();
        assert!((schedule.factor(0, 0, 110) - 0.1).abs() < 1e-12);
        assert_eq!(schedule.factor(9, 0, 110), 1.0);
        assert_eq!(schedule.factor(10, 0, 110), 1.0);
        assert!((schedule.factor(60, 0, 110) - 0.55).abs() < 1e-12);
        assert!((schedule.factor(110, 0, 110) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(5000, 0, 110) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_training_within_the_warm_up_stays_finite() {
        let schedule = Schedule::Cosine { warmup_steps: 10, floor: 0.0 };
        for step in 0..20 {
            assert!((0.0..=1.0).contains(&schedule.factor(step, 0, 5)));
        }
    }

    #[test]
    fn mistakes_in_the_configuration_are_refused() {
        assert!(parse(r#"{ kind = "cosine", warm = 3 }"#).is_err());
        assert!(parse(r#"{ kind = "linear" }"#).is_err());
        assert!(Schedule::ExponentialPerEpoch { decay: 1.5 }.validate().is_err());
        assert!(Schedule::Cosine { warmup_steps: 0, floor: -0.1 }.validate().is_err());
        assert_eq!(parse(r#"{ kind = "constant" }"#).unwrap().factor(3, 4, 5), 1.0);
    }
}
