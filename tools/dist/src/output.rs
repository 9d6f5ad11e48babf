//! Files of a release: the two packages, the SBOM, and their checksums, written whole or not at all.

use super::contents::Contents;
use super::deb::{self, Control};
use super::{archive, words};
use anyhow::Result;
use serde::Serialize;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::Workspace;
use uniultra_checkout::{screen, whole};
use uniultra_manifest::sha256_hex;

/// Where the tarball's programs expect to be.
const LOCAL: &str = "/usr/local";
pub(super) const SUMS: &str = "SHA256SUMS";

/// One file, not written yet.
#[derive(Debug)]
pub(super) struct Artifact {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The files of a release; the checksums, of all others, come last.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) tarball: Artifact,
    pub(super) deb: Artifact,
    pub(super) sbom: Artifact,
    pub(super) sums: Artifact,
}

impl Release {
    /// Packs; the same contents give the same bytes.
    pub(super) fn pack(contents: &Contents) -> Result<Self> {
        let Contents { version, board, commit, pack, .. } = contents;
        let stem = format!("uniultra-{version}-{}-aarch64", board.id());
        let package = board.package();
        let root = format!("{stem}/");
        let tarball = Artifact {
            bytes: archive::tar_gz(&root, &contents.files(LOCAL)?, commit.time_s)?,
            name: format!("{stem}.tar.gz"),
        };
        let control = Control {
            name: &package,
            version,
            summary: words::SUMMARY,
            description: &words::description(board, pack.manifest()),
        };
        let files = contents.files(&format!("/{}", deb::PREFIX))?;
        let deb = Artifact {
            bytes: deb::build(&control, &files, commit.time_s)?,
            name: format!("{package}_{version}_arm64.deb"),
        };
        let sbom = Artifact {
            bytes: contents.sbom.clone().into_bytes(),
            name: format!("{stem}.cdx.json"),
        };
        let sums = [&tarball, &deb, &sbom]
            .map(|file| format!("{}  {}\n", sha256_hex(&file.bytes).as_str(), file.name));
        let sums = Artifact { bytes: sums.concat().into_bytes(), name: SUMS.to_string() };
        Ok(Self { tarball, deb, sbom, sums })
    }

    pub(super) fn files(&self) -> [&Artifact; 4] {
        [&self.tarball, &self.deb, &self.sbom, &self.sums]
    }

    /// Writes all of it into `folder`.
    pub(super) fn write(self, folder: &Path) -> Result<Written> {
        for artifact in self.files() {
            whole::write(&folder.join(&artifact.name), &artifact.bytes)?;
        }
        Ok(Written { release: self, folder: folder.to_path_buf() })
    }
}

/// A release that is in a folder now.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) release: Release,
    pub(super) folder: PathBuf,
}

/// What was written, as a table and, if asked for, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    version: &'a str,
    board: &'a str,
    commit: Option<&'a str>,
    dirty: bool,
    source_date_epoch: u64,
    /// Crates of others in the binary, and those that only built it.
    crates_linked: usize,
    crates_building: usize,
    warnings: &'a [String],
    files: Vec<Row>,
}

/// A file of the table.
#[derive(Clone, Debug, Serialize)]
struct Row {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(contents: &'a Contents, warnings: &'a [String], written: &Written) -> Self {
        let row = |artifact: &Artifact| Row {
            path: written.folder.join(&artifact.name),
            bytes: artifact.bytes.len() as u64,
            sha256: sha256_hex(&artifact.bytes).as_str().to_string(),
        };
        let Contents { version, board, commit, crates, .. } = contents;
        Self {
            version,
            board: board.id(),
            commit: commit.id.as_deref(),
            dirty: commit.dirty,
            source_date_epoch: commit.time_s,
            crates_linked: crates.third_party().count(),
            crates_building: crates.all.values().filter(|found| !found.linked).count(),
            warnings,
            files: written.release.files().map(row).to_vec(),
        }
    }

    pub(super) fn show(&self, workspace: &Workspace) {
        screen::line(&format!(
            "\nUniUltra Edge {} for {}: {} crates of others in the program, {} that built it",
            self.version, self.board, self.crates_linked, self.crates_building
        ));
        screen::line(&format!("{:>10}  {:<16}  file", "bytes", "SHA-256"));
        for Row { path, bytes, sha256 } in &self.files {
            let start = sha256.get(..16).unwrap_or(sha256);
            screen::line(&format!("{bytes:>10}  {start:<16}  {}", workspace.shown(path)));
        }
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        whole::write(file, (serde_json::to_string_pretty(self)? + "\n").as_bytes())
    }
}
