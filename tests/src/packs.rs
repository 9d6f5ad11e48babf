//! Model packs for tests, exported into a scratch folder.
#![allow(
    clippy::expect_used,
    reason = "a test helper fails its test by panicking with what it could not do"
)]

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uniultra_checkpoint::{Architecture, Checkpoint, random_checkpoint};
use uniultra_engine::{EngineOptions, Segmenter, TractNetwork, open_pack};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::Pack;

/// A pack on disk that goes away with this value.
#[derive(Debug)]
pub struct ScratchPack {
    folder: TempDir,
    /// The pack that was written.
    pub pack: ModelPack,
}

impl ScratchPack {
    /// Exports `checkpoint`.
    ///
    /// # Panics
    /// If export or disk fail.
    #[must_use]
    pub fn export(checkpoint: &Checkpoint, options: &ExportOptions) -> Self {
        let pack = export(checkpoint, options).expect("the checkpoint exports");
        let folder = tempfile::tempdir().expect("a scratch folder");
        pack.write(&folder.path().join("pack"), false).expect("the pack is written");
        Self { folder, pack }
    }

    /// The pack's folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("pack")
    }

    /// Both networks in our runtime, on one thread.
    ///
    /// # Panics
    /// If the engine refuses them.
    #[must_use]
    pub fn network(&self) -> TractNetwork {
        open_network(&self.folder())
    }

    /// The pack in our runtime, on two threads, for tests that encode real images at full size: the
    /// bits are those of one thread.
    ///
    /// # Panics
    /// If the runtime refuses it.
    #[must_use]
    pub fn segmenter(&self) -> Segmenter {
        let options = EngineOptions::new().with_threads(2);
        let pack = Pack::open(&self.folder()).expect("the pack is in order");
        open_pack(&pack, &options).expect("the runtime opens the pack")
    }
}

/// Both networks of a pack in our runtime, on one thread.
///
/// # Panics
/// If the engine refuses them.
#[must_use]
pub fn open_network(folder: &Path) -> TractNetwork {
    let pack = Pack::open(folder).expect("the pack opens");
    TractNetwork::from_pack(&pack, &EngineOptions::default()).expect("the engine takes the pack")
}

/// Random weights of an architecture by name, e.g. `uniultra-mini`.
///
/// # Panics
/// If there is no such architecture.
#[must_use]
pub fn random(name: &str, seed: u64) -> Checkpoint {
    let architecture: Architecture = name.parse().expect("a known architecture");
    random_checkpoint(&architecture, seed)
}

/// SAM 2 tiny's real weights, or a note on stderr that they are absent.
///
/// # Panics
/// If they are there and cannot be read.
#[must_use]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
pub fn sam2_tiny() -> Option<Checkpoint> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if !shared.is_dir() {
        eprintln!("skipped: no ../shared");
        return None;
    }
    let path = shared.join("weights/sam2_hiera_tiny.fp16.safetensors");
    Some(Checkpoint::open(&path).expect("the shared weights open"))
}
