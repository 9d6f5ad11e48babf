//! A profile made on another machine, through ssh: `uniultra bench` there, its report here.
//!
//! ```text
//! binary, pack, board profile ──> temporary folder there ──> uniultra bench ──> JSON ──> report here
//! ```
//!
//! Everything goes through `ssh` alone, by standard input and output: small systems often have no file
//! transfer beside it. ssh is told never to ask for a password. The folder is removed at the end, whatever
//! happened; only a broken connection leaves it behind.

mod chart;
mod report;
mod ssh;

pub use report::{DeviceReport, device_document, write_device_profile};
pub use ssh::SshTarget;

use crate::ProfileError;
use ssh::Session;
use std::path::{Path, PathBuf};
use uniultra_manifest::{MANIFEST_FILE, Pack, sha256_hex};

/// What is copied to the device.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The program, built for the device.
    pub binary: PathBuf,
    /// The model pack's folder.
    pub model: PathBuf,
    /// The board's profile.
    pub board: PathBuf,
}

/// How `uniultra bench` is to run there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchOptions {
    /// Threads; the board's if not given.
    pub threads: Option<usize>,
    /// Runs before those that count.
    pub warm_up: u32,
    /// Runs that count.
    pub runs: u32,
}

impl BenchOptions {
    fn words(self) -> String {
        let Self { threads, warm_up, runs } = self;
        let threads = threads.map(|count| format!(" --threads {count}")).unwrap_or_default();
        format!("--runs {runs} --warm-up {warm_up}{threads}")
    }
}

/// Copies, runs and fetches.
///
/// # Errors
/// [`ProfileError::Read`] or [`ProfileError::Pack`] for files here, [`ProfileError::Ssh`] if the device
/// cannot be reached, [`ProfileError::Device`] if the program fails there for another reason than a
/// budget, [`ProfileError::Bench`] if its report cannot be read.
pub fn profile_device(
    target: &SshTarget,
    upload: &Upload,
    options: BenchOptions,
) -> Result<DeviceReport, ProfileError> {
    // All files are read before anybody is asked.
    let files = upload.files()?;
    let binary = read(&upload.binary)?;
    let binary_sha256 = sha256_hex(&binary).to_string();

    let session = Session::open(target)?;
    let outcome = run(&session, &files, &binary, options);
    let removed = session.remove();
    let json = outcome?;
    removed?;
    DeviceReport::new(&target.host, binary_sha256, &json)
}

/// The program's report.
fn run(
    session: &Session<'_>,
    files: &[(String, Vec<u8>)],
    binary: &[u8],
    options: BenchOptions,
) -> Result<String, ProfileError> {
    session.ask("make a folder", "mkdir model")?;
    for (name, bytes) in files {
        session.put(name, bytes)?;
    }
    session.put("uniultra", binary)?;
    session.ask("make the program executable", "chmod 700 uniultra")?;
    let bench = "./uniultra bench --board board.toml --model model --json -";
    session.bench(&format!("{bench} {}", options.words()))
}

impl Upload {
    /// The board's profile and the pack, under the names that they get there.
    fn files(&self) -> Result<Vec<(String, Vec<u8>)>, ProfileError> {
        let pack = Pack::open(&self.model)
            .map_err(|source| ProfileError::Pack { folder: self.model.clone(), source })?;
        let manifest = pack.manifest();
        let names = [MANIFEST_FILE, &manifest.image_encoder.file, &manifest.mask_decoder.file];
        let mut files = vec![("board.toml".to_string(), read(&self.board)?)];
        for name in names {
            files.push((format!("model/{name}"), read(&self.model.join(name))?));
        }
        Ok(files)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ProfileError> {
    let failed = |source| ProfileError::Upload { path: path.to_path_buf(), source };
    std::fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_the_board_s_unless_given() {
        let words = |threads| BenchOptions { threads, warm_up: 1, runs: 20 }.words();
        assert_eq!(words(None), "--runs 20 --warm-up 1");
        assert_eq!(words(Some(4)), "--runs 20 --warm-up 1 --threads 4");
    }
}
