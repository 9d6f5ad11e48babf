//! `--board FILE`: a profile applied to a run.
//!
//! What the command line says wins over the profile; what the profile requires and this machine or the
//! model does not have is an error, for the profile's budgets would mean nothing then.

mod machine;
mod report;

pub(crate) use report::{BoardReport, FitReport};

use crate::failure::AppError;
use crate::model::ModelSource;
use anyhow::Context;
use machine::Machine;
use std::path::Path;
use std::time::Duration;
use uniultra_core::SegmentError;
use uniultra_engine::{EngineError, EngineOptions, Segmenter, open_pack};
use uniultra_manifest::{Board, BoardFile, Manifest};

/// How the engine runs: as the command line says, else as the board's profile, else on one thread.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// Threads and the CPUs that they are bound to.
    pub(crate) engine: EngineOptions,
    /// The profile, if one was given.
    file: Option<Named>,
}

/// A profile and the name of its file.
#[derive(Clone, Debug)]
struct Named {
    path: String,
    file: BoardFile,
}

impl Running {
    /// Reads the profile, if there is one.
    pub(crate) fn resolve(board: Option<&Path>, threads: Option<usize>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let path_text = path.display().to_string();
            let file = BoardFile::open(path).with_context(|| path_text.clone())?;
            anyhow::Ok(Named { path: path_text, file })
        };
        let file = board.map(open).transpose()?;
        let board = file.as_ref().map(|named| &named.file.board);
        let threads = threads.or(board.map(|board| board.run.threads)).unwrap_or(1);
        let pins = board.map(Board::pins).unwrap_or_default();
        Ok(Self { engine: EngineOptions::new().with_threads(threads).with_pins(pins), file })
    }

    /// The same on a machine that is as the profile says, or an error (exit code 7).
    pub(crate) fn resolve_here(
        board: Option<&Path>,
        threads: Option<usize>,
    ) -> anyhow::Result<Self> {
        let running = Self::resolve(board, threads)?;
        running.refuse(running.misfits_of_machine())?;
        Ok(running)
    }

    /// What this machine lacks of what the profile requires.
    pub(crate) fn misfits_of_machine(&self) -> Vec<String> {
        self.board().map(|board| Machine::here().misfits(board)).unwrap_or_default()
    }

    /// What the model is not of what the profile requires.
    pub(crate) fn misfits_of_model(&self, manifest: &Manifest) -> Vec<String> {
        let Some(board) = self.board() else { return Vec::new() };
        let (model, run) = (&manifest.model, &board.run);
        let mut misfits = Vec::new();
        if model.image_size != run.image_size_px {
            let (expected, found) = (run.image_size_px, model.image_size);
            misfits.push(format!("expected a model of {expected} px, found {found} px"));
        }
        if model.precision != run.precision {
            let (expected, found) = (run.precision, model.precision);
            misfits.push(format!("expected a model of precision {expected}, found {found}"));
        }
        misfits
    }

    /// An error if there is a misfit.
    pub(crate) fn refuse(&self, misfits: Vec<String>) -> Result<(), AppError> {
        match self.board() {
            Some(board) if !misfits.is_empty() => {
                Err(AppError::Board(format!("board {}: {}", board.id, misfits.join("; "))))
            }
            _ => Ok(()),
        }
    }

    /// The model, ready to run, if it is one that the profile allows.
    pub(crate) fn open(&self, model: &ModelSource) -> anyhow::Result<Segmenter> {
        let pack = model.pack().map_err(|e| SegmentError::<EngineError>::Open(e.into()))?;
        self.refuse(self.misfits_of_model(pack.manifest()))?;
        Ok(open_pack(&pack, &self.engine)?)
    }

    /// The profile in use.
    pub(crate) fn board(&self) -> Option<&Board> {
        self.file.as_ref().map(|named| &named.file.board)
    }

    /// How long a frame may take to its mask before it is given up.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.board().map(|board| Duration::from_millis(u64::from(board.budget.watchdog_ms)))
    }

    /// The profile for reports, as it was applied.
    pub(crate) fn report(&self) -> Option<BoardReport> {
        let Named { path, file } = self.file.as_ref()?;
        Some(BoardReport::new(path, file, &self.engine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../boards/host.toml"))
    }

    #[test]
    fn the_command_line_wins_over_the_profile_and_the_profile_over_the_default() {
        let threads = |board, threads| Running::resolve(board, threads).unwrap().engine.threads;
        assert_eq!(threads(None, None), 1);
        assert_eq!(threads(Some(host()), None), 2);
        assert_eq!(threads(Some(host()), Some(1)), 1);
        assert!(Running::resolve(None, None).unwrap().report().is_none());
    }

    #[test]
    fn big_cores_are_pinned_and_reported() {
        let path = host().with_file_name("rk3588.toml");
        let running = Running::resolve(Some(&path), None).unwrap();
        assert_eq!(running.engine.pins, [4, 5, 6, 7]);
        let json = serde_json::to_value(running.report()).unwrap();
        assert_eq!((&json["id"], &json["tier"]), (&"rk3588".into(), &"booted".into()));
        assert_eq!(json["pins"], serde_json::json!([4, 5, 6, 7]));
        assert_eq!(json["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(running.watchdog(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_profile_that_is_not_there_is_named() {
        let error = Running::resolve(Some(Path::new("absent.toml")), None).unwrap_err();
        assert!(format!("{error:#}").contains("absent.toml"));
    }
}
