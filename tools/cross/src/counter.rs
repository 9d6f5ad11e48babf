//! An emulator that counts: qemu with our own plugin.

use super::counts::{Note, notes};
use super::{debian, folder};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra_checkout::workspace::{self, Workspace};

/// The plugin.
const SOURCE: &str = include_str!("counter.c");

/// A kind of core.
#[derive(Debug)]
struct Core {
    name: &'static str,
    /// What `/proc/cpuinfo` says there: the emulator does not tell, and programs choose by it.
    part: &'static str,
    features: &'static str,
    /// Caches of data as boards have them: bytes and ways of the first and of the second level.
    caches: [u32; 4],
}

const ARMV8: &str = "fp asimd aes pmull sha1 sha2 crc32";
const KIB: u32 = 1024;
const INFOS: [Core; 3] = [
    Core {
        name: "cortex-a53",
        part: "0xd03",
        features: ARMV8,
        caches: [32 * KIB, 4, 512 * KIB, 16],
    },
    Core {
        name: "cortex-a72",
        part: "0xd08",
        features: ARMV8,
        caches: [32 * KIB, 2, 1024 * KIB, 16],
    },
    Core {
        name: "cortex-a76",
        part: "0xd0b",
        features: "fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
        caches: [64 * KIB, 4, 512 * KIB, 8],
    },
];

/// The name, in files of counts, of what this machine's own kind of processor runs: AVX2, for qemu
/// emulates no wider vectors.
pub(super) const X86_64: &str = "x86-64";

/// What is counted beside instructions, on ARM only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// Instructions by class.
    pub classes: bool,
    /// Blocks of code by address.
    pub places: bool,
    /// Misses of the core's caches, as modelled.
    pub caches: bool,
}

/// A program's lines, and the plugin's note at each.
pub(super) type Lines = Vec<(String, Note)>;

/// The emulator, ready to count.
#[derive(Debug)]
pub struct Counter {
    /// Folder of the emulators' package.
    emulators: PathBuf,
    /// Folder of plugin, counts and what stands for the cores' systems.
    folder: PathBuf,
}

impl Counter {
    /// Fetches the emulators and builds the plugin.
    pub fn setup(workspace: &Workspace) -> Result<Self> {
        let emulators = folder(workspace).join("toolchain/qemu-plugins");
        debian::qemu_with_plugins(workspace, &emulators)?;
        let folder = std::path::absolute(folder(workspace).join("counted"))?;
        let counter = Self { emulators: std::path::absolute(emulators)?, folder };
        counter.prepare(workspace)?;
        Ok(counter)
    }

    fn prepare(&self, workspace: &Workspace) -> Result<()> {
        let source = self.folder.join("counter.c");
        write(&source, SOURCE)?;
        let mut compiler = workspace.command("cc");
        compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]);
        workspace::output(compiler.arg(&source).arg("-o").arg(self.plugin()))?;
        INFOS.iter().try_for_each(|core| dress(&self.system(core.name), core.name))
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
    pub fn version(&self, workspace: &Workspace) -> Result<String> {
        let mut command = workspace.command(self.emulator(INFOS[0].name));
        let text = workspace::output(self.with_libraries(&mut command).arg("--version"))?;
        let line = text.lines().next().unwrap_or_default();
        Ok(line.split(" (").next().unwrap_or(line).replace("version ", ""))
    }

    /// A command that runs a program as on an ARM `core`, with the folder `system` below `/`, and puts a
    /// note into the file `notes` at each write to `descriptor`. The program and its arguments come after.
    pub fn command(
        &self,
        workspace: &Workspace,
        core: &str,
        system: &Path,
        (detail, notes, descriptor): (Detail, &Path, u32),
    ) -> Result<Command> {
        let mut command = workspace.command(self.emulator(core));
        // With these two, each error that tract makes while it tries something walks the stack: a third of a load's
        // count would be of the shell that it was started in.
        let unset = "LD_LIBRARY_PATH,RUST_BACKTRACE,RUST_LIB_BACKTRACE";
        self.with_libraries(&mut command).args(["-U", unset]);
        // The system call `write` of Linux.
        let write = if core == X86_64 {
            command.args(["-cpu", "max"]);
            1
        } else {
            command.args(["-cpu", core, "-L"]).arg(system);
            64
        };
        let (plugin, out) = (self.plugin(), notes.display());
        let mut text = format!("{},out={out},write={write},to={descriptor}", plugin.display());
        for (asked, option) in [(detail.classes, ",classes=on"), (detail.places, ",places=on")] {
            text += if asked { option } else { "" };
        }
        if detail.caches {
            let [first, ways, second, ways_of_second] = info(core)?.caches;
            text += &format!(",cache={first}/{ways}/{second}/{ways_of_second}");
        }
        command.arg("-plugin").arg(text);
        Ok(command)
    }

    /// The lines that a program prints as on `core`, with notes. It has to write each at once, with nothing
    /// else.
    pub(super) fn run(
        &self,
        workspace: &Workspace,
        core: &str,
        (program, args): (&Path, &[String]),
        detail: Detail,
    ) -> Result<Lines> {
        // A file of its own, for several run at once.
        let file = tempfile::Builder::new().prefix("counts-").tempfile_in(&self.folder)?;
        let noting = (detail, file.path(), 1);
        let mut command = self.command(workspace, core, &self.system(core), noting)?;
        let printed = workspace::output(command.arg(program).args(args))?;
        let found = noted(file.path()).with_context(|| format!("the emulated {core}"))?;
        let lines: Vec<_> = printed.lines().map(str::to_string).collect();
        let [expected, count] = [lines.len(), found.len()];
        ensure!(expected == count, "{core}: expected {expected} counts, one a line, found {count}");
        Ok(lines.into_iter().zip(found).collect())
    }

    /// The emulators' libraries lie beside them.
    fn with_libraries<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let folders = std::fs::read_dir(self.emulators.join("usr/lib")).into_iter().flatten();
        let folders = folders.filter_map(|entry| Some(entry.ok()?.path()));
        let folders: Vec<_> = folders.map(|path| path.display().to_string()).collect();
        command.env("LD_LIBRARY_PATH", folders.join(":"))
    }
}

/// The notes in a file that the plugin wrote.
pub fn noted(file: &Path) -> Result<Vec<Note>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the emulator left no counts in {}", file.display()))?;
    notes(&text)
}

/// Lets a system's folder say that it has one processor, and which.
pub fn dress(system: &Path, core: &str) -> Result<()> {
    let Core { part, features, .. } = info(core)?;
    let text = format!(
        "processor\t: 0\nFeatures\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n\
         CPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 4\n\n"
    );
    write(&system.join("proc/cpuinfo"), &text)?;
    // ONNX Runtime looks for every processor that these name, and crashes where it finds too few.
    let folder = system.join("sys/devices/system/cpu");
    ["possible", "present", "online"].iter().try_for_each(|file| write(&folder.join(file), "0\n"))
}

fn info(core: &str) -> Result<&'static Core> {
    let known = INFOS.map(|core| core.name).join(", ");
    let found = INFOS.iter().find(|info| info.name == core);
    found.with_context(|| format!("expected one of {known}, found {core}"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}
