//! What a package holds, wherever it is installed.

use super::archive::File;
use super::board::Board;
use super::commit::Commit;
use super::crates::Crates;
use super::licences::{self, Licences};
use super::{PACK, elf, interface, libraries, sbom, unit, words};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use uniultra_checkout::workspace::Workspace;
use uniultra_manifest::{MANIFEST_FILE, Manifest, Pack};

/// The card that the pack's own card refers to.
const F32_CARD: &str = "models/uniultra-mini/README.md";
/// Cards of a pack: files for people.
const CARD: &str = "README.md";

/// The parts, read and checked.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) version: &'static str,
    pub(super) board: Board,
    pub(super) commit: Commit,
    pub(super) pack: Pack,
    pub(super) binary: Vec<u8>,
    pub(super) crates: Crates,
    pub(super) sbom: String,
    pub(super) licences: Licences,
    /// Headers, shared library and the file for pkg-config, by path below the prefix.
    interface: Vec<File>,
    /// Licence files of the project and cards of the models, by path below the prefix.
    texts: Vec<File>,
}

impl Contents {
    /// Reads the parts: the static program `binary`, and the C interface laid out below `prefix`.
    pub(super) fn gather(
        workspace: &Workspace,
        board: Board,
        binary: &Path,
        prefix: &Path,
    ) -> Result<Self> {
        let bytes = std::fs::read(binary)
            .with_context(|| format!("cannot read {}", workspace.shown(binary)))?;
        elf::check(&bytes).with_context(|| workspace.shown(binary).to_string())?;
        let commit = Commit::find(workspace)?;
        let pack = Pack::open(&workspace.root.join(PACK)).context(PACK)?;
        fits(&board, pack.manifest())?;
        let crates = Crates::resolve(workspace)?;
        let libraries = libraries::linked(&bytes);
        let subject = sbom::Subject {
            commit: &commit,
            binary: &bytes,
            crates: &crates,
            libraries: &libraries,
            models: pack.manifest(),
        };
        let sbom = sbom::document(subject)?;
        let licences = licences::list(&crates, &libraries)?;
        let interface = interface::files(prefix)?;
        let texts = texts(workspace, &board, &pack.manifest().model.id)?;
        let version = env!("CARGO_PKG_VERSION");
        let binary = bytes;
        Ok(Self { version, board, commit, pack, binary, crates, sbom, licences, interface, texts })
    }

    /// All files, for programs and data below `prefix`.
    pub(super) fn files(&self, prefix: &str) -> Result<Vec<File>> {
        let (board, manifest) = (&self.board, self.pack.manifest());
        let model = models(&manifest.model.id);
        let documents = documents(board);
        // Read through the pack, which refuses files other than those of its manifest.
        let [encoder, decoder] = [self.pack.read_image_encoder()?, self.pack.read_mask_decoder()?];
        let folder = self.pack.folder().context("expected a pack in a folder")?;
        let model_toml = std::fs::read(folder.join(MANIFEST_FILE))
            .with_context(|| format!("cannot read {PACK}/{MANIFEST_FILE}"))?;
        let readme = words::readme(board, manifest, &self.commit, self.version);
        let mut files = vec![
            File::program("bin/uniultra", self.binary.as_slice()),
            File::plain(format!("lib/systemd/system/{}", unit::NAME), unit::text(prefix, board)),
            File::plain(format!("lib/systemd/system/{}", unit::LIVE), unit::live(prefix, board)),
            File::plain(board.installed(), board.bytes.as_slice()),
            File::plain(format!("{model}/{MANIFEST_FILE}"), model_toml),
            File::plain(format!("{model}/{}", manifest.image_encoder.file), encoder.into_owned()),
            File::plain(format!("{model}/{}", manifest.mask_decoder.file), decoder.into_owned()),
            File::plain(format!("{documents}/README.txt"), readme),
            File::plain(format!("{documents}/copyright"), words::copyright(manifest)),
            File::plain(format!("{documents}/THIRD-PARTY.txt"), self.licences.text.as_str()),
            File::plain(format!("{documents}/sbom.cdx.json"), self.sbom.as_str()),
        ];
        files.extend(self.interface.iter().chain(&self.texts).cloned());
        Ok(files)
    }
}

/// The model is the one that the profile asks for: the program refuses any other with it.
fn fits(board: &Board, manifest: &Manifest) -> Result<()> {
    let run = &board.profile.run;
    let expected = (run.image_size_px, run.precision);
    let found = (manifest.model.image_size, manifest.model.precision);
    let id = board.id();
    ensure!(
        expected == found,
        "{PACK}: the profile of {id} expects a model of {} px in {}, found {} px in {}",
        expected.0,
        expected.1,
        found.0,
        found.1
    );
    Ok(())
}

/// Folder of a model below the prefix.
pub(super) fn models(id: &str) -> String {
    format!("share/uniultra/models/{id}")
}

/// Folder of the documents below the prefix: where Debian wants them.
fn documents(board: &Board) -> String {
    format!("share/doc/{}", board.package())
}

fn texts(workspace: &Workspace, board: &Board, model: &str) -> Result<Vec<File>> {
    let documents = documents(board);
    let sources = [
        ("LICENSE-MIT".to_string(), format!("{documents}/LICENSE-MIT")),
        ("LICENSE-APACHE".to_string(), format!("{documents}/LICENSE-APACHE")),
        (format!("{PACK}/{CARD}"), format!("{}/{CARD}", models(model))),
        (F32_CARD.to_string(), format!("{}/{CARD}", models("uniultra-mini"))),
    ];
    let read = |(from, to): (String, String)| {
        let bytes = std::fs::read(workspace.root.join(&from));
        Ok(File::plain(to, bytes.with_context(|| format!("cannot read {from}"))?))
    };
    sources.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::board;
    use super::*;

    #[test]
    fn a_profile_for_another_model_is_refused() {
        let pack = Pack::open(&Workspace::find().unwrap().root.join(PACK)).unwrap();
        let mut board = board::example();
        assert!(fits(&board, pack.manifest()).is_ok());
        board.profile.run.image_size_px = 1024;
        let error = fits(&board, pack.manifest()).unwrap_err().to_string();
        assert!(error.contains("1024 px in int8, found 512 px in int8"), "{error}");
    }

    #[test]
    fn everything_has_its_place() {
        let workspace = Workspace::find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("uniultra");
        std::fs::write(&binary, elf::good_stub()).unwrap();
        let prefix = folder.path().join("capi");
        interface::example(&prefix);
        let gather = || Contents::gather(&workspace, board::example(), &binary, &prefix);
        let contents = gather().unwrap();
        let files = contents.files("/usr").unwrap();
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        let expected = [
            "bin/uniultra",
            "include/uniultra.h",
            "include/uniultra.hpp",
            "lib/libuniultra_c.so",
            "lib/libuniultra_c.so.0",
            "lib/libuniultra_c.so.0.2.0",
            "lib/pkgconfig/uniultra_c.pc",
            "lib/systemd/system/uniultra-live.service",
            "lib/systemd/system/uniultra-selftest.service",
            "share/doc/uniultra-raspberry-pi-4/LICENSE-APACHE",
            "share/doc/uniultra-raspberry-pi-4/LICENSE-MIT",
            "share/doc/uniultra-raspberry-pi-4/README.txt",
            "share/doc/uniultra-raspberry-pi-4/THIRD-PARTY.txt",
            "share/doc/uniultra-raspberry-pi-4/copyright",
            "share/doc/uniultra-raspberry-pi-4/sbom.cdx.json",
            "share/uniultra/boards/raspberry-pi-4.toml",
            "share/uniultra/models/uniultra-mini-int8/README.md",
            "share/uniultra/models/uniultra-mini-int8/image_encoder.onnx",
            "share/uniultra/models/uniultra-mini-int8/mask_decoder.onnx",
            "share/uniultra/models/uniultra-mini-int8/model.toml",
            "share/uniultra/models/uniultra-mini/README.md",
        ];
        assert_eq!(paths, expected);
        let programs: Vec<_> = files.iter().filter(|file| file.mode == 0o755).collect();
        assert_eq!((programs.len(), programs[0].path.as_str()), (1, "bin/uniultra"));
        let readme = files.iter().find(|file| file.path.ends_with("README.txt")).unwrap();
        let readme = String::from_utf8_lossy(&readme.bytes);
        for words in
            ["NOT A MEDICAL DEVICE", "Raspberry Pi 4 Model B", "uniultra-raspberry-pi-4_", "BUSI"]
        {
            assert!(readme.contains(words), "{words} in\n{readme}");
        }
        std::fs::write(&binary, "#!/bin/sh\n").unwrap();
        let error = gather().unwrap_err();
        assert!(format!("{error:#}").contains("expected a 64-bit ELF program"), "{error:#}");
    }
}
