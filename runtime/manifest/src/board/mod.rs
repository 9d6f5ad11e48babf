//! `boards/*.toml`: what a device is, how the runtime is to run there, and what it has to hold.
//!
//! A profile is not a measurement. Its `tier` says what is behind it, and each `[[sources]]` says where
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
    /// What is behind the profile.
    pub tier: Tier,
    /// What programs are built for.
    pub target: Target,
    /// Version of glibc that the board's usual system has, e.g. `2.36`: a dynamically linked program
    /// may not need a newer one.
    pub glibc_floor: String,
    /// Groups of equal cores, in the order of Linux's CPU numbers: the first group begins with CPU 0.
    pub cores: Vec<Cores>,
    /// What the processor must have.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// How the runtime is to run.
    pub run: Run,
    /// What it has to hold.
    pub budget: Budget,
    /// Where the figures come from.
    pub sources: Vec<Source>,
}

/// What is behind a profile, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Nothing ran; figures come from data sheets.
    Estimated,
    /// The program ran as on this kind of core, in user-mode emulation: right answers, no times.
    Emulated,
    /// A whole emulated system with this kind of core booted the program within the memory limit.
    Booted,
    /// Timed on the machine itself; only the profile `host` may say so.
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

/// `[[cores]]`: one group of equal cores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cores {
    /// Kind of core, e.g. `cortex-a53`.
    pub kind: String,
    /// How many there are.
    pub count: usize,
    /// Highest clock, in MHz.
    pub mhz_max: u32,
    /// Whether `pin = "big"` means them.
    pub big: bool,
}

/// `[cpu]`: what the processor must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// SIMD features, as Rust calls them; see [`Target::cpu_features`].
    pub required_features: Vec<String>,
}

/// `[memory]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Most memory that the program's service, or a system that holds nothing else, gets, in MiB.
    pub limit_mib: u32,
    /// Theoretical peak of the DRAM interface, width times transfer rate, in 1e9 bytes a second; of a
    /// measured host, what was measured.
    pub bandwidth_gb_s: f64,
}

/// `[run]`: how the runtime is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Threads of the engine, 1 to 4.
    pub threads: usize,
    /// CPUs that they are bound to.
    pub pin: Pin,
    /// Side of the model's square input, in pixels.
    pub image_size_px: usize,
    /// Arithmetic of the model.
    pub precision: Precision,
}

/// `[budget]`: what the runtime has to hold on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The image encoder, nine times out of ten, in milliseconds.
    pub encode_ms: u32,
    /// A click, from prompt to logits, nine times out of ten, in milliseconds.
    pub click_ms: u32,
    /// From a frame's pixels to its first mask, always, in milliseconds: what takes longer is given up.
    pub watchdog_ms: u32,
    /// Largest resident set of the process, in MiB.
    pub rss_mib: u32,
}

/// `[[sources]]`: where a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which figures.
    pub what: Figures,
    /// Title of a data sheet or page, or whose choice it is.
    pub r#where: String,
}

/// Parts of a profile that a source can be given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figures {
    /// `tier`: what ran, and how.
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

    /// The profile as TOML, after the same checks as [`Board::parse`] makes.
    ///
    /// # Errors
    /// As [`Board::parse`].
    pub fn to_toml(&self) -> Result<String, BoardError> {
        check::board(self)?;
        toml::to_string(self).map_err(|e| BoardError::Toml(e.to_string()))
    }

    /// Cores of all groups.
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
