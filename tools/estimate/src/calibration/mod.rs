//! The estimate held against boards: networks that others timed, counted here as our own models are.
//!
//! Each kind of core that has pairs gets three constants ([`Constants`]). How far off they are is found by leaving
//! out: each pair is predicted from others of its core: without those of its network; without those of its board,
//! where the core was measured on several; and without those of its arithmetic, int8 or floats, which run other
//! code. The worst of these is the pair's error: what is estimated is another network in other code, too.

mod data;
mod fit;
mod table;

use crate::EstimateError;
pub use data::Pair;
use data::Pairs;
pub use fit::Constants;
pub(crate) use fit::Parts;
use serde::Serialize;
use std::collections::BTreeSet;
pub use table::calibration_document;

/// The share of pairs whose error the range of an estimate allows for.
pub const SHARE: f64 = 0.9;

/// Fits for every kind of core that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Calibration {
    /// Date, emulator, engine and setting of the counts.
    pub counted: [String; 4],
    /// A line for each board: where its times are from.
    pub sources: Vec<String>,
    /// The kinds of core.
    pub cores: Vec<CoreFit>,
}

/// A kind of core that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct CoreFit {
    /// Kind of core.
    pub core: String,
    /// Short names of the boards.
    pub boards: Vec<String>,
    /// From all pairs of the core.
    pub constants: Constants,
    /// Most times that 90 % of the left-out predictions are above or below what was measured.
    pub factor: f64,
    /// The median of the same.
    pub median_factor: f64,
    /// The pairs.
    pub pairs: Vec<Predicted>,
}

/// A pair and what is predicted for it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Predicted {
    /// What was measured and counted.
    #[serde(flatten)]
    pub pair: Pair,
    /// From all pairs of the core, this one included, in milliseconds.
    pub fitted_ms: f64,
    /// Without the pairs of this network, in milliseconds.
    pub without_network_ms: f64,
    /// Without the pairs of this board, in milliseconds; `null` where it is the core's only one.
    pub without_board_ms: Option<f64>,
    /// Without the pairs of its arithmetic, int8 or floats, in milliseconds; `null` where too few are left.
    pub without_arithmetic_ms: Option<f64>,
}

impl Predicted {
    /// The predictions that left it out, in milliseconds.
    pub(super) fn predictions_ms(&self) -> impl Iterator<Item = f64> {
        let all =
            [Some(self.without_network_ms), self.without_board_ms, self.without_arithmetic_ms];
        all.into_iter().flatten()
    }

    /// The worst of the predictions that left it out, over what was measured.
    #[must_use]
    pub fn left_out(&self) -> f64 {
        let ratios = self.predictions_ms().map(|ms| ms / self.pair.measured_ms);
        let off = |ratio: &f64| ratio.ln().abs();
        ratios.max_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(1.0)
    }

    /// How many times it is off, above or below: 1 or more.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.left_out().ln().abs().exp()
    }
}

impl Calibration {
    /// From the pairs that came with the program.
    ///
    /// # Errors
    /// [`EstimateError::Calibration`] never, for a test reads them.
    pub fn shipped() -> Result<Self, EstimateError> {
        Ok(Self::new(Pairs::shipped()?))
    }

    fn new(Pairs { pairs, counted, sources }: Pairs) -> Self {
        let cores: BTreeSet<&str> = pairs.iter().map(|pair| pair.core.as_str()).collect();
        let of = |core: &&str| pairs.iter().filter(|pair| pair.core == **core).cloned().collect();
        let cores = cores.iter().filter_map(|core| CoreFit::new(core, of(core))).collect();
        Self { counted, sources, cores }
    }

    /// The fit of a kind of core, if it was measured.
    #[must_use]
    pub fn of(&self, core: &str) -> Option<&CoreFit> {
        self.cores.iter().find(|fit| fit.core == core)
    }
}

impl CoreFit {
    /// None where too few pairs are left when a network or a board is left out.
    fn new(core: &str, pairs: Vec<Pair>) -> Option<Self> {
        let constants = Constants::fit(pairs.iter())?;
        let boards: BTreeSet<String> = pairs.iter().map(|pair| pair.board.clone()).collect();
        let predicted = |pair: &Pair| {
            let from = |is_known: fn(&Pair, &Pair) -> bool| {
                let known = pairs.iter().filter(|other| is_known(other, pair));
                Constants::fit(known).map(|fit| fit.predict_ms(pair))
            };
            Some(Predicted {
                pair: pair.clone(),
                fitted_ms: constants.predict_ms(pair),
                without_network_ms: from(|other, pair| other.network != pair.network)?,
                without_board_ms: from(|other, pair| other.board != pair.board),
                without_arithmetic_ms: from(|other, pair| other.is_int8() != pair.is_int8()),
            })
        };
        let predicted: Vec<Predicted> = pairs.iter().map(predicted).collect::<Option<_>>()?;
        let mut off: Vec<f64> = predicted.iter().map(Predicted::off).collect();
        off.sort_by(f64::total_cmp);
        // By nearest rank, as all quantiles of this project.
        let quantile = |share: f64| {
            let rank = (share * off.len() as f64).ceil() as usize;
            off.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            core: core.to_string(),
            boards: boards.into_iter().collect(),
            constants,
            factor: quantile(SHARE)?,
            median_factor: quantile(0.5)?,
            pairs: predicted,
        })
    }
}

#[cfg(test)]
mod tests;
