//! The profile in reports.

use serde::Serialize;
use uniultra_engine::EngineOptions;
use uniultra_manifest::{BoardFile, Budget, Sha256Hex, Target, Tier};

/// The profile of a run, as applied.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BoardReport {
    /// Its file, as given.
    path: String,
    /// SHA-256 of the file.
    sha256: Sha256Hex,
    /// Short name of the board.
    pub(crate) id: String,
    /// Name of the board.
    name: String,
    /// What backs the profile.
    pub(crate) tier: Tier,
    /// Target that programs are built for.
    target: Target,
    /// Threads of the engine; the command line may have set them.
    threads: usize,
    /// CPUs that the threads are bound to; empty if they are not bound.
    pub(crate) pins: Vec<usize>,
    /// Memory limit of the program, in MiB.
    memory_limit_mib: u32,
    /// The limits that the runtime must hold.
    budget: Budget,
}

impl BoardReport {
    pub(super) fn new(path: &str, file: &BoardFile, engine: &EngineOptions) -> Self {
        let BoardFile { board, sha256 } = file;
        Self {
            path: path.to_string(),
            sha256: sha256.clone(),
            id: board.id.clone(),
            name: board.name.clone(),
            tier: board.tier,
            target: board.target,
            threads: engine.threads,
            pins: engine.pins.clone(),
            memory_limit_mib: board.memory.limit_mib,
            budget: board.budget,
        }
    }

    /// A line for people: the board, its tier, the CPUs that threads are bound to.
    pub(crate) fn line(&self) -> String {
        let Self { id, tier, pins, .. } = self;
        let pins: Vec<_> = pins.iter().map(usize::to_string).collect();
        let bound = if pins.is_empty() {
            "threads not bound".to_string()
        } else {
            format!("bound to CPUs {}", pins.join(","))
        };
        let hash: String = self.sha256.as_str().chars().take(12).collect();
        format!("{id} ({tier}, profile {hash}), {bound}")
    }
}

/// The profile, and whether this machine and the model meet its requirements.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FitReport {
    #[serde(flatten)]
    pub(crate) board: BoardReport,
    /// Whether there is no misfit.
    pub(crate) fits: bool,
    /// A sentence for each misfit: what was expected and what was found.
    pub(crate) misfits: Vec<String>,
}
