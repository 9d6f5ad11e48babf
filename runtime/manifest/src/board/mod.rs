//! `boards/*.toml`: what a device is, how the runtime runs there, and the budgets it must hold.
//!
//! A profile is not a measurement. Its `tier` says what backs it, and each `[[sources]]` says where
//! a figure comes from.

mod check;
mod error;
mod file;
mod pin;
mod target;
#[cfg(test)]
mod tests;

pub use error::BoardError;
pub use file::BoardFile;
pub use pin::Pin;
pub use target::Target;

use crate::Precision;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The schema of board profiles that this version reads and writes.
pub const BOARD_SCHEMA_VERSION: u32 = 1;

/// A validated board profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Version of this schema; see [`BOARD_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Short name, that of the file: lower-case letters, digits and `-`.
    pub id: String,
    /// The board's name.
    pub name: String,
    /// What backs the profile.
    pub tier: Tier,
    /// The target that programs are built for.
    pub target: Target,
    /// glibc version of the board's usual system, e.g. `2.36`. A dynamically linked program may not
    /// need a newer one.
    pub glibc_floor: String,
    /// Groups of equal cores, in the order of Linux's CPU numbers: the first group begins with CPU
    /// 0.
    pub cores: Vec<Cores>,
    /// Features that the processor must have.
    pub cpu: Cpu,
    /// Its memory.
    pub memory: Memory,
    /// How the runtime runs.
    pub run: Run,
    /// How a live session runs; it has defaults.
    #[serde(default)]
    pub live: Live,
    /// The budgets it must hold.
    pub budget: Budget,
    /// Where the figures come from.
    pub sources: Vec<Source>,
}

/// What backs a profile, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum Tier {
    /// Nothing ran; figures come from data sheets.
    Estimated,
    /// The program ran in user-mode emulation of this kind of core. That proves right answers, not
    /// speed.
    Emulated,
    /// A whole emulated system with this kind of core booted the program within the memory limit.
    Booted,
    /// Timed on the machine itself. Only the profile `host` may claim this.
    Measured,
}

impl Tier {
    /// The name used in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Emulated => "emulated",
            Self::Booted => "booted",
            Self::Measured => "measured",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `[[cores]]`: a group of equal cores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cores {
    /// Kind of core, e.g. `cortex-a53`.
    pub kind: String,
    /// Number of cores in the group.
    pub count: usize,
    /// Highest clock, in MHz.
    pub mhz_max: u32,
    /// Whether `pin = "big"` selects them.
    pub big: bool,
}

/// `[cpu]`: features that the processor must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// SIMD features by their names in Rust; see [`Target::cpu_features`].
    pub required_features: Vec<String>,
}

/// `[memory]`: its limit and its bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Memory limit of the program's service, or of a system that runs nothing else, in MiB.
    pub limit_mib: u32,
    /// Theoretical peak of the DRAM interface: width times transfer rate, in 1e9 bytes a second.
    pub bandwidth_gb_s: f64,
}

/// `[run]`: how the runtime runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Threads of the engine, 1 to 4.
    pub threads: usize,
    /// CPUs that the threads are bound to.
    pub pin: Pin,
    /// Side of the model's square input, in pixels.
    pub image_size_px: usize,
    /// Arithmetic of the model.
    pub precision: Precision,
}

/// `[live]`: how a live session runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// What to do when frames come faster than the model answers.
    pub overload: Overload,
}

/// What a live session does when frames come faster than the model answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overload {
    /// The model gets the newest frame whenever it is free.
    #[default]
    Skip,
    /// The model gets every second, third .. frame.
    LowerRate,
    /// The same, and masks are moved to the frames between.
    DecodeOnly,
}

/// `[budget]`: the limits that the runtime must hold on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Budget {
    /// 90th percentile of the image encoder, in milliseconds.
    pub encode_ms: u32,
    /// 90th percentile of a click, from prompt to logits, in milliseconds.
    pub click_ms: u32,
    /// Limit from a frame's pixels to its first mask, in milliseconds. A frame that takes longer is
    /// given up.
    pub watchdog_ms: u32,
    /// Largest resident set of the process, in MiB.
    pub rss_mib: u32,
}

/// `[[sources]]`: where a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The figures meant.
    pub what: Figures,
    /// Title of a data sheet or page, or who chose the figure.
    pub r#where: String,
}

/// The parts of a profile that can have a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figures {
    /// `tier`: what ran and how.
    Tier,
    /// `glibc_floor`.
    GlibcFloor,
    /// `[[cores]]`.
    Cores,
    /// `[cpu]`.
    Cpu,
    /// `[memory]`.
    Memory,
    /// `[run]`.
    Run,
    /// `[budget]`.
    Budget,
}

impl Board {
    /// Parses and validates the text of a profile.
    ///
    /// # Errors
    /// [`BoardError::Toml`] for syntax, unknown or missing keys and wrong types;
    /// [`BoardError::Field`] for values that are out of range or contradict each other.
    pub fn parse(text: &str) -> Result<Self, BoardError> {
        let board: Self =
            toml::from_str(text).map_err(|e| BoardError::Toml(e.to_string().trim().to_string()))?;
        check::board(&board)?;
        Ok(board)
    }

    /// Writes the profile as TOML, after the checks of [`Board::parse`].
    ///
    /// # Errors
    /// Those of [`Board::parse`].
    pub fn to_toml(&self) -> Result<String, BoardError> {
        check::board(self)?;
        toml::to_string(self).map_err(|e| BoardError::Toml(e.to_string()))
    }

    /// Number of cores in all groups.
    #[must_use]
    pub fn cpu_count(&self) -> usize {
        self.cores.iter().fold(0, |sum, group| sum.saturating_add(group.count))
    }

    /// CPUs that threads are bound to, as Linux numbers them; empty if they are not bound.
    #[must_use]
    pub fn pins(&self) -> Vec<usize> {
        match &self.run.pin {
            Pin::Cpus(cpus) => cpus.clone(),
            Pin::Big => {
                let marks = self.cores.iter().flat_map(|c| std::iter::repeat_n(c.big, c.count));
                marks.enumerate().filter_map(|(cpu, big)| big.then_some(cpu)).collect()
            }
        }
    }

    /// The group of cores that CPU number `cpu` belongs to.
    #[must_use]
    pub fn cores_of(&self, cpu: usize) -> Option<&Cores> {
        let mut end = 0_usize;
        self.cores.iter().find(|group| {
            end = end.saturating_add(group.count);
            cpu < end
        })
    }
}
