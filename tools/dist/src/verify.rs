//! What was written, tried: packed again to the same bytes, both packages installed below a scratch folder,
//! and what is in them run as on the board's kind of core.

use super::board::Board;
use super::contents::{Contents, models};
use super::output::{Release, SUMS, Written};
use super::{PACK, deb, unit};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{SAMPLE, SAMPLE_POINT, screen};
use uniultra_cross::{Emulator, SONAME};
use uniultra_manifest::{Pack, sha256_hex};

/// `again` are the contents read a second time.
pub(super) fn run(
    workspace: &Workspace,
    emulator: &Emulator,
    again: &Contents,
    written: &Written,
    board: &Board,
) -> Result<()> {
    let Written { release, folder } = written;
    screen::line("\nverifying: packed again");
    let again = Release::pack(again)?;
    for (first, second) in release.files().into_iter().zip(again.files()) {
        ensure!(first.bytes == second.bytes, "{}: packed again, other bytes", first.name);
    }
    sums(folder)?;

    std::fs::create_dir_all(&workspace.target)?;
    let scratch =
        tempfile::tempdir_in(&workspace.target).context("cannot make a scratch folder")?;
    let installed = [
        install_deb(workspace, &folder.join(&release.deb.name), &scratch.path().join("deb"))?,
        install_tarball(
            workspace,
            &folder.join(&release.tarball.name),
            &scratch.path().join("tar"),
        )?,
    ];
    let core = board.emulated_core();
    let emulator = emulator.words(core);
    let mut masks = Vec::new();
    for place in &installed {
        let program = Program { workspace, emulator: &emulator, place };
        unit_files(workspace, place)?;
        library(place)?;
        program.selftest(board)?;
        masks.push(program.masks()?);
    }
    let [first, second] = installed.each_ref().map(|place| place.prefix);
    ensure!(masks[0] == masks[1], "expected equal masks from {first} and {second}");
    screen::line(&format!(
        "verified: {} and {} give the same mask as on {core}, with the model inside and with {PACK}",
        release.deb.name, release.tarball.name
    ));
    Ok(())
}

/// A package installed below a folder.
struct Place {
    root: PathBuf,
    /// Where it expects to be.
    prefix: &'static str,
}

impl Place {
    /// The path below the scratch folder of one on the board.
    fn real(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn below(&self, path: &str) -> PathBuf {
        self.real(self.prefix).join(path)
    }
}

/// As `dpkg-deb -x` unpacks it, and as the package's own hashes have it.
fn install_deb(workspace: &Workspace, package: &Path, root: &Path) -> Result<Place> {
    let bytes = std::fs::read(package)?;
    let files = deb::unpack(&bytes).with_context(|| workspace.shown(package).to_string())?;
    if workspace::output(workspace.command("dpkg-deb").arg("--version")).is_ok() {
        let mut command = workspace.command("dpkg-deb");
        workspace::run(command.arg("-x").arg(package).arg(root))?;
    } else {
        screen::line("no dpkg-deb: unpacked without it");
        for file in &files {
            let path = root.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            match &file.link_to {
                Some(target) => link(target, &path)?,
                None => std::fs::write(&path, &file.bytes)?,
            }
        }
    }
    for file in files.iter().filter(|file| file.link_to.is_none()) {
        let found = std::fs::read(root.join(&file.path)).with_context(|| file.path.clone())?;
        ensure!(found == file.bytes, "{}: unpacked, another content", file.path);
    }
    Ok(Place { root: root.to_path_buf(), prefix: "/usr" })
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(target, path)?)
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> Result<()> {
    anyhow::bail!("{}: cannot make a link to {target} here", path.display())
}

/// Every name of the C interface's library leads to the library.
fn library(place: &Place) -> Result<()> {
    let read = |name: &str| {
        let path = place.below("lib").join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (first, second) = (read("libuniultra_c.so")?, read(SONAME)?);
    ensure!(first == second, "expected one library behind libuniultra_c.so and {SONAME}");
    super::elf::check_shared(&first, SONAME)
}

/// As the README in it says.
fn install_tarball(workspace: &Workspace, tarball: &Path, root: &Path) -> Result<Place> {
    let place = Place { root: root.to_path_buf(), prefix: "/usr/local" };
    let to = place.real(place.prefix);
    std::fs::create_dir_all(&to)?;
    let mut command = workspace.command("tar");
    command.arg("-xzf").arg(tarball).args(["--strip-components=1", "--no-same-owner", "-C"]);
    workspace::run(command.arg(to))?;
    Ok(place)
}

/// Every file that the checksums name is there, as they have it.
fn sums(folder: &Path) -> Result<()> {
    let text = std::fs::read_to_string(folder.join(SUMS)).with_context(|| SUMS.to_string())?;
    for line in text.lines() {
        let (sum, name) = line.split_once("  ").with_context(|| format!("{SUMS}: {line}"))?;
        let bytes = std::fs::read(folder.join(name)).with_context(|| name.to_string())?;
        ensure!(sha256_hex(&bytes).as_str() == sum, "{name} differs from {SUMS}");
    }
    ensure!(text.lines().count() == 3, "{SUMS}: expected three files");
    Ok(())
}

/// systemd, where there is one, has nothing to say against the units.
fn unit_files(workspace: &Workspace, place: &Place) -> Result<()> {
    if workspace::output(workspace.command("systemd-analyze").arg("--version")).is_err() {
        screen::line("skipped: no systemd-analyze to check the units with");
        return Ok(());
    }
    let program = format!("{}/bin/uniultra", place.prefix);
    let mut command = workspace.command("systemd-analyze");
    command.args(["verify", "--man=no", "--generators=no"]);
    for name in [unit::NAME, unit::LIVE] {
        let text = std::fs::read_to_string(place.below("lib/systemd/system").join(name))?;
        // It looks for the program, which is not where the unit says.
        let copy = place.root.join(name);
        std::fs::write(&copy, text.replace(&program, &place.real(&program).display().to_string()))?;
        command.arg(copy);
    }
    workspace::run(&mut command)
}

/// The installed program under emulation.
struct Program<'a> {
    workspace: &'a Workspace,
    emulator: &'a [String],
    place: &'a Place,
}

/// What is read of a self-test's report.
#[derive(Debug, Deserialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    ok: bool,
    expected: String,
    found: String,
}

impl Program<'_> {
    fn command(&self) -> Result<Command> {
        let (emulator, options) = self.emulator.split_first().context("no emulator")?;
        let mut command = self.workspace.command(emulator);
        command.args(options).arg(self.place.below("bin/uniultra"));
        Ok(command)
    }

    /// Runs what the installed unit starts.
    fn selftest(&self, board: &Board) -> Result<()> {
        let file = self.place.below("lib/systemd/system").join(unit::NAME);
        let text = std::fs::read_to_string(&file).context("the unit")?;
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart="));
        let words = line.context("expected ExecStart in the unit")?.split(' ').skip(1);
        let mut words: Vec<&str> = words.collect();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        if !board.fits(cpus) {
            screen::line(&format!("{cpus} CPUs are too few for the profile: self-test without it"));
            words.truncate(1);
        }
        let mut command = self.command()?;
        for word in words {
            // The board's own files are below the scratch folder.
            match word.starts_with(self.place.prefix) {
                true => command.arg(self.place.real(word)),
                false => command.arg(word),
            };
        }
        let report = self.place.root.join("selftest.json");
        screen::line(&format!("$ {} --json ...", workspace::typed(&command)));
        let output = command.arg("--json").arg(&report).output().context("cannot start qemu")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        // 5 says that a check failed; which one, the report does.
        let ended = matches!(output.status.code(), Some(0 | 5));
        ensure!(ended, "self-test: {}: {stderr}", output.status);
        let text = std::fs::read(&report).with_context(|| format!("self-test: {stderr}"))?;
        let report: Report = serde_json::from_slice(&text).context("the self-test's report")?;
        for check in &report.checks {
            let Check { name, ok, expected, found } = check;
            let mark = if *ok { "ok" } else { "no" };
            screen::line(&format!("  {mark} {name}: expected {expected}, found {found}"));
            ensure!(*ok || of_the_emulator(name), "{}: self-test: {name}", board.id());
        }
        ensure!(!report.checks.is_empty(), "expected checks in the self-test's report, found none");
        Ok(())
    }

    /// The sample frame's mask, from the model inside and from the installed one, which must be equal.
    fn masks(&self) -> Result<Vec<u8>> {
        let model = Pack::open(&self.workspace.root.join(PACK)).context(PACK)?;
        let installed = self.place.below(&models(&model.manifest().model.id));
        let mut masks = [None, Some(installed)].into_iter().map(|model| {
            let file = self.place.root.join("mask.png");
            let mut command = self.command()?;
            command.args(["segment", SAMPLE, "--point", SAMPLE_POINT, "--out-mask"]).arg(&file);
            if let Some(model) = &model {
                command.arg("--model").arg(model);
            }
            workspace::run(&mut command)?;
            let bytes = std::fs::read(&file).context("the mask")?;
            std::fs::remove_file(&file)?;
            Ok::<_, anyhow::Error>(bytes)
        });
        let (inside, outside) =
            (masks.next().context("a mask")??, masks.next().context("a mask")??);
        ensure!(
            inside == outside,
            "expected equal masks from the model inside and the installed one"
        );
        Ok(inside)
    }
}

/// Memory and time are the emulator's as much as the program's, so their limits say nothing here.
fn of_the_emulator(check: &str) -> bool {
    check == "peak_rss_mib" || check.ends_with("_ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_board_are_below_the_scratch_folder() {
        let place = Place { root: PathBuf::from("/scratch"), prefix: "/usr/local" };
        assert_eq!(place.real("/usr/local/bin/x"), Path::new("/scratch/usr/local/bin/x"));
        assert_eq!(place.below("bin/x"), Path::new("/scratch/usr/local/bin/x"));
        assert!(of_the_emulator("peak_rss_mib") && !of_the_emulator("mask_from_point"));
    }

    #[test]
    fn checksums_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for name in ["a", "b", "c"] {
            std::fs::write(folder.path().join(name), name).unwrap();
            text += &format!("{}  {name}\n", sha256_hex(name.as_bytes()).as_str());
        }
        std::fs::write(folder.path().join(SUMS), &text).unwrap();
        sums(folder.path()).unwrap();
        std::fs::write(folder.path().join("b"), "other").unwrap();
        assert_eq!(sums(folder.path()).unwrap_err().to_string(), "b differs from SHA256SUMS");
    }
}
