//! An emulator that counts: qemu with our own plugin.

use super::{debian, folder};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};

/// The plugin.
const SOURCE: &str = include_str!("counter.c");

/// What `/proc/cpuinfo` says on each core: the emulator does not tell, and tract chooses by it.
const CPU_INFO: [(&str, &str, &str); 3] = [
    ("cortex-a53", "0xd03", "fp asimd aes pmull sha1 sha2 crc32"),
    ("cortex-a72", "0xd08", "fp asimd aes pmull sha1 sha2 crc32"),
    (
        "cortex-a76",
        "0xd0b",
        "fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
    ),
];

/// The name, in files of counts, of what this machine's own kind of processor runs: AVX2, for qemu
/// emulates no wider vectors.
pub(super) const X86_64: &str = "x86-64";

/// The emulator, ready to count.
#[derive(Debug)]
pub(super) struct Counter {
    /// Folder of the emulators' package.
    emulators: PathBuf,
    /// Folder of plugin, counts and what stands for the cores' systems.
    folder: PathBuf,
}

impl Counter {
    /// Fetches the emulators and builds the plugin.
    pub(super) fn setup(workspace: &Workspace) -> Result<Self> {
        let emulators = folder(workspace).join("toolchain/qemu-plugins");
        debian::qemu_with_plugins(workspace, &emulators)?;
        let folder = std::path::absolute(folder(workspace).join("counted"))?;
        let counter = Self { emulators: std::path::absolute(emulators)?, folder };
        counter.prepare(workspace)?;
        Ok(counter)
    }

    fn prepare(&self, workspace: &Workspace) -> Result<()> {
        let written = |path: &Path, text: &str| {
            let parent = path.parent().unwrap_or(path);
            std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, text))
        };
        let source = self.folder.join("counter.c");
        written(&source, SOURCE).with_context(|| format!("cannot write {}", source.display()))?;
        let mut compiler = workspace.command("cc");
        compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]);
        workspace::output(compiler.arg(&source).arg("-o").arg(self.plugin()))?;
        for (core, part, features) in CPU_INFO {
            let text = format!("processor\t: 0\nFeatures\t: {features}\nCPU part\t: {part}\n");
            let path = self.system(core).join("proc/cpuinfo");
            written(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn plugin(&self) -> PathBuf {
        self.folder.join("counter.so")
    }

    /// What a program on `core` finds below `/` before it looks on this machine.
    fn system(&self, core: &str) -> PathBuf {
        self.folder.join(core)
    }

    fn emulator(&self, core: &str) -> PathBuf {
        let name = if core == X86_64 { "qemu-x86_64" } else { "qemu-aarch64" };
        self.emulators.join("usr/bin").join(name)
    }

    /// Name and version of the emulator.
    pub(super) fn version(&self, workspace: &Workspace) -> Result<String> {
        let mut command = workspace.command(self.emulator(CPU_INFO[0].0));
        let text = workspace::output(self.with_libraries(&mut command).arg("--version"))?;
        let line = text.lines().next().unwrap_or_default();
        Ok(line.split(" (").next().unwrap_or(line).replace("version ", ""))
    }

    /// The lines that a program prints as on `core`, and after how many instructions. It has to write each
    /// at once, with nothing else.
    pub(super) fn run(
        &self,
        workspace: &Workspace,
        core: &str,
        program: &Path,
        args: &[String],
    ) -> Result<Vec<(String, u64)>> {
        // A file of its own, for several run at once.
        let counts = tempfile::Builder::new().prefix("counts-").tempfile_in(&self.folder)?;
        let mut command = workspace.command(self.emulator(core));
        self.with_libraries(&mut command).args(["-U", "LD_LIBRARY_PATH"]);
        // The system call `write` of Linux.
        let write = if core == X86_64 {
            command.args(["-cpu", "max"]);
            1
        } else {
            command.args(["-cpu", core, "-L"]).arg(self.system(core));
            64
        };
        let out = counts.path().display();
        command.arg("-plugin").arg(format!("{},out={out},write={write}", self.plugin().display()));
        let printed = workspace::output(command.arg(program).args(args))?;
        let text = std::fs::read_to_string(counts.path())
            .with_context(|| format!("{core}: the emulator left no counts"))?;
        let counts: Vec<u64> = text
            .lines()
            .map(|line| line.parse().with_context(|| format!("{core}: found {line:?}")))
            .collect::<Result<_>>()?;
        let lines: Vec<_> = printed.lines().map(str::to_string).collect();
        let [expected, found] = [lines.len(), counts.len()];
        ensure!(expected == found, "{core}: expected {expected} counts, one a line, found {found}");
        Ok(lines.into_iter().zip(counts).collect())
    }

    /// The emulators' libraries lie beside them.
    fn with_libraries<'c>(
        &self,
        command: &'c mut std::process::Command,
    ) -> &'c mut std::process::Command {
        let folders = std::fs::read_dir(self.emulators.join("usr/lib")).into_iter().flatten();
        let folders = folders.filter_map(|entry| Some(entry.ok()?.path()));
        let folders: Vec<_> = folders.map(|path| path.display().to_string()).collect();
        command.env("LD_LIBRARY_PATH", folders.join(":"))
    }
}
