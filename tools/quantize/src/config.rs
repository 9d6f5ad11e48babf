//! What to do: the TOML file, completed by the command line.

use crate::QuantizeError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uniultra_manifest::{Sha256Hex, sha256_hex};

/// How the range of an activation is chosen from what was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Observer {
    /// The largest magnitude: nothing saturates.
    MinMax,
    /// The magnitude that a share of the values stays below (`percentile`).
    Percentile,
    /// The range with the least mean square error.
    Mse,
    /// The range whose 8-bit histogram diverges least from the float one (Kullback-Leibler).
    Entropy,
}

impl Observer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::MinMax, Self::Percentile, Self::Mse, Self::Entropy];

    /// The name in files and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MinMax => "minmax",
            Self::Percentile => "percentile",
            Self::Mse => "mse",
            Self::Entropy => "entropy",
        }
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Observer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|observer| observer.name() == text).ok_or_else(|| {
            format!("expected {}, found `{text}`", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// How the range of a weight's output channel is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightRange {
    /// The largest magnitude.
    Max,
    /// The range with the least square error, each weight counted by the mean square of its input.
    Mse,
}

/// What a quantization does; every field may be left out of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuantizeConfig {
    /// Calibration frames, evenly spaced over the set's part.
    pub images: usize,
    /// Seed of the phantoms, where there is no set.
    pub seed: u64,
    /// Prompts of the decoder's calibration: `point`, `box`, `clicks`.
    pub prompts: Vec<String>,
    /// Range of activations.
    pub observer: Observer,
    /// For [`Observer::Percentile`], in percent.
    pub percentile: f32,
    /// Range of weights.
    pub weight_range: WeightRange,
    /// Strength of the equalisation of LayerNorm outputs against the weights that read them, 0 to 1;
    /// 0 leaves both alone (SmoothQuant, Xiao et al. 2023, equation 4).
    pub equalize: f32,
    /// Whether biases make up for the mean error of each output channel.
    pub correct_bias: bool,
    /// Whether convolutions are quantized as well.
    pub convolutions: bool,
    /// Whether products with the weight on the left are quantized as well. They make planes, channels
    /// first (the neck, whose outputs are the features); the runtime's kernels have no scale of rows.
    pub left_products: bool,
    /// Whether the image encoder's attention is computed in 8-bit integers; as the weights were trained
    /// where it is not said, and in float where they were not trained for 8 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer_attention: Option<bool>,
    /// Layers that stay in float: a name, or the beginning of one before a `/`.
    pub exclude: Vec<String>,
}

impl Default for QuantizeConfig {
    fn default() -> Self {
        Self {
            images: 64,
            seed: 1,
            prompts: ["point", "box", "clicks"].map(String::from).to_vec(),
            observer: Observer::Mse,
            percentile: 99.99,
            weight_range: WeightRange::Mse,
            equalize: 0.3,
            correct_bias: true,
            convolutions: false,
            left_products: false,
            integer_attention: None,
            exclude: Vec::new(),
        }
    }
}

/// Most calibration frames.
const MAX_IMAGES: usize = 10_000;

impl QuantizeConfig {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`QuantizeError::Config`] for bad TOML, unknown keys and values out of range.
    pub fn parse(text: &str) -> Result<Self, QuantizeError> {
        let config: Self =
            toml::from_str(text).map_err(|e| QuantizeError::Config(e.to_string().trim().into()))?;
        config.validate()?;
        Ok(config)
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`QuantizeError::Config`].
    pub fn validate(&self) -> Result<(), QuantizeError> {
        let refuse = |what: String| Err(QuantizeError::Config(what));
        if !(1..=MAX_IMAGES).contains(&self.images) {
            return refuse(format!("images: expected 1 to {MAX_IMAGES}, found {}", self.images));
        }
        if !(50.0..=100.0).contains(&self.percentile) {
            return refuse(format!("percentile: expected 50 to 100, found {}", self.percentile));
        }
        if !(0.0..=1.0).contains(&self.equalize) {
            return refuse(format!("equalize: expected 0 to 1, found {}", self.equalize));
        }
        if self.prompts.is_empty() {
            return refuse("prompts: expected at least one, found none".to_string());
        }
        self.prompt_kinds().map(|_| ())
    }

    /// The prompts as the evaluation knows them.
    pub(crate) fn prompt_kinds(&self) -> Result<Vec<uniultra_evaluate::PromptKind>, QuantizeError> {
        let kind = |text: &String| {
            // Three clicks reach every state: no mask prompt, one, and both kinds of click.
            let text = if text == "clicks" { "clicks-3" } else { text.as_str() };
            text.parse().map_err(|e| QuantizeError::Config(format!("prompts: {e}")))
        };
        self.prompts.iter().map(kind).collect()
    }

    /// The configuration in full, as TOML.
    ///
    /// # Errors
    /// [`QuantizeError::Config`] never, for a validated configuration.
    pub fn to_toml(&self) -> Result<String, QuantizeError> {
        toml::to_string(self).map_err(|e| QuantizeError::Config(e.to_string()))
    }

    /// Hash of the configuration in full.
    pub(crate) fn sha256(&self) -> Result<Sha256Hex, QuantizeError> {
        Ok(sha256_hex(self.to_toml()?.as_bytes()))
    }

    /// Whether a layer is to stay in float.
    pub(crate) fn excludes(&self, layer: &str) -> bool {
        self.exclude.iter().any(|name| {
            layer == name || layer.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default_and_toml_round_trips() {
        assert_eq!(QuantizeConfig::parse("").unwrap(), QuantizeConfig::default());
        let config = QuantizeConfig { observer: Observer::Entropy, ..QuantizeConfig::default() };
        assert_eq!(QuantizeConfig::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (text, expected) in [
            ("images = 0", "images"),
            ("percentile = 20.0", "percentile"),
            ("equalize = 1.5", "equalize"),
            ("equalize = nan", "equalize"),
            ("prompts = []", "prompts"),
            ("prompts = [\"poke\"]", "poke"),
            ("observer = \"guess\"", "guess"),
            ("bits = 4", "bits"),
        ] {
            let problem = QuantizeConfig::parse(text).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    #[test]
    fn a_layer_is_excluded_by_name_or_by_a_whole_part_of_its_path() {
        let exclude = vec!["blocks.1".to_string(), "neck/convs.0".to_string()];
        let config = QuantizeConfig { exclude, ..QuantizeConfig::default() };
        assert!(config.excludes("blocks.1/attn/qkv") && config.excludes("neck/convs.0"));
        assert!(!config.excludes("blocks.10/attn/qkv") && !config.excludes("neck/convs.01"));
    }
}
