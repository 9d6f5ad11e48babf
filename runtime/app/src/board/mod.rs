//! `--board FILE`: a profile applied to a run.
//!
//! The command line overrides the profile. If this machine or the model lacks something that the
//! profile requires, that is an error, because the profile's budgets would then mean nothing.

mod machine;

use crate::failure::AppError;
use crate::model::ModelSource;
use anyhow::Context;
use machine::Machine;
use std::path::Path;
use std::time::Duration;
use uniultra_core::SegmentError;
use uniultra_engine::{EngineError, EngineOptions, Segmenter, open_pack};
use uniultra_manifest::{Board, BoardFile, Manifest};
use uniultra_schema::BoardReport;

/// How the engine runs: settings of the command line first, then those of the board's profile, then
/// one thread.
#[derive(Clone, Debug)]
pub(crate) struct RunSetup {
    /// The number of threads, and the CPUs that they are bound to.
    pub(crate) engine: EngineOptions,
    /// The profile, if one was given.
    file: Option<ProfileFile>,
}

/// A profile and the name of its file.
#[derive(Clone, Debug)]
struct ProfileFile {
    path: String,
    file: BoardFile,
}

impl RunSetup {
    /// Reads the profile, if there is one.
    pub(crate) fn resolve(board: Option<&Path>, threads: Option<usize>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let path_text = path.display().to_string();
            let file = BoardFile::open(path).with_context(|| path_text.clone())?;
            anyhow::Ok(ProfileFile { path: path_text, file })
        };
        let file = board.map(open).transpose()?;
        let board = file.as_ref().map(|profile| &profile.file.board);
        let threads = threads.or(board.map(|board| board.run.threads)).unwrap_or(1);
        let pins = board.map(Board::pins).unwrap_or_default();
        Ok(Self { engine: EngineOptions::new().with_threads(threads).with_pins(pins), file })
    }

    /// [`Self::resolve`], with an error (exit code 7) if this machine does not fit the profile.
    pub(crate) fn resolve_on_this_machine(
        board: Option<&Path>,
        threads: Option<usize>,
    ) -> anyhow::Result<Self> {
        let setup = Self::resolve(board, threads)?;
        setup.refuse(setup.machine_misfits())?;
        Ok(setup)
    }

    /// The requirements of the profile that this machine does not meet.
    pub(crate) fn machine_misfits(&self) -> Vec<String> {
        self.board().map(|board| Machine::here().misfits(board)).unwrap_or_default()
    }

    /// The requirements of the profile that the model does not meet.
    pub(crate) fn model_misfits(&self, manifest: &Manifest) -> Vec<String> {
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

    /// Returns an error if there are misfits.
    pub(crate) fn refuse(&self, misfits: Vec<String>) -> Result<(), AppError> {
        match self.board() {
            Some(board) if !misfits.is_empty() => {
                Err(AppError::Board(format!("board {}: {}", board.id, misfits.join("; "))))
            }
            _ => Ok(()),
        }
    }

    /// Opens the model, if the profile allows it.
    pub(crate) fn open(&self, model: &ModelSource) -> anyhow::Result<Segmenter> {
        let pack = model.pack().map_err(|e| SegmentError::<EngineError>::Open(e.into()))?;
        self.refuse(self.model_misfits(pack.manifest()))?;
        Ok(open_pack(&pack, &self.engine)?)
    }

    /// The profile in use.
    pub(crate) fn board(&self) -> Option<&Board> {
        self.file.as_ref().map(|profile| &profile.file.board)
    }

    /// The time that a frame may take to its mask before it is given up.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.board().map(|board| Duration::from_millis(u64::from(board.budget.watchdog_ms)))
    }

    /// The profile as applied, for reports.
    pub(crate) fn report(&self) -> Option<BoardReport> {
        let ProfileFile { path, file } = self.file.as_ref()?;
        Some(BoardReport::new(path, file, self.engine.threads, &self.engine.pins))
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
        let threads = |board, threads| RunSetup::resolve(board, threads).unwrap().engine.threads;
        assert_eq!(threads(None, None), 1);
        assert_eq!(threads(Some(host()), None), 2);
        assert_eq!(threads(Some(host()), Some(1)), 1);
        assert!(RunSetup::resolve(None, None).unwrap().report().is_none());
    }

    #[test]
    fn big_cores_are_pinned_and_reported() {
        let path = host().with_file_name("rk3588.toml");
        let setup = RunSetup::resolve(Some(&path), None).unwrap();
        assert_eq!(setup.engine.pins, [4, 5, 6, 7]);
        let json = serde_json::to_value(setup.report()).unwrap();
        assert_eq!((&json["id"], &json["tier"]), (&"rk3588".into(), &"booted".into()));
        assert_eq!(json["pins"], serde_json::json!([4, 5, 6, 7]));
        assert_eq!(json["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(setup.watchdog(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_profile_that_is_not_there_is_named() {
        let error = RunSetup::resolve(Some(Path::new("absent.toml")), None).unwrap_err();
        assert!(format!("{error:#}").contains("absent.toml"));
    }
}
