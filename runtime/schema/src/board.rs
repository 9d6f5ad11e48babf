//! A board's profile in reports.

use serde::{Deserialize, Serialize};
use uniultra_manifest::{BoardFile, Budget, Target, Tier};

/// The profile of a run, as applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct BoardReport {
    /// Its file, as given.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Short name of the board.
    pub id: String,
    /// Name of the board.
    pub name: String,
    /// What backs the profile.
    pub tier: Tier,
    /// Target that programs are built for.
    pub target: Target,
    /// Threads of the engine; the command line may have set them.
    pub threads: usize,
    /// CPUs that the threads are bound to; empty if they are not bound.
    pub pins: Vec<usize>,
    /// Memory limit of the program, in MiB.
    pub memory_limit_mib: u32,
    /// The limits that the runtime must hold.
    pub budget: Budget,
}

/// The profile, and whether this machine and the model meet its requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct BoardFit {
    /// The profile.
    #[serde(flatten)]
    pub board: BoardReport,
    /// Whether there is no misfit.
    pub fits: bool,
    /// A sentence for each misfit: what was expected and what was found.
    pub misfits: Vec<String>,
}

impl BoardReport {
    /// The profile in the file at `path`, applied with `threads` that are bound to the CPUs `pins`.
    #[must_use]
    pub fn new(path: &str, file: &BoardFile, threads: usize, pins: &[usize]) -> Self {
        let BoardFile { board, sha256 } = file;
        Self {
            path: path.to_string(),
            sha256: sha256.to_string(),
            id: board.id.clone(),
            name: board.name.clone(),
            tier: board.tier,
            target: board.target,
            threads,
            pins: pins.to_vec(),
            memory_limit_mib: board.memory.limit_mib,
            budget: board.budget,
        }
    }

    /// A line for people: the board, its tier, the CPUs that threads are bound to.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { id, tier, pins, .. } = self;
        let pins: Vec<_> = pins.iter().map(usize::to_string).collect();
        let bound = if pins.is_empty() {
            "threads not bound".to_string()
        } else {
            format!("bound to CPUs {}", pins.join(","))
        };
        let hash: String = self.sha256.chars().take(12).collect();
        format!("{id} ({tier}, profile {hash}), {bound}")
    }
}
