//! Packages of Debian, downloaded and unpacked in a folder of our own: apt gets a configuration, lists
//! and a cache there, so that the machine's own sources, architectures and packages stay as they are.

use super::starts;
use super::toolchain::script;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};

/// Oldest minor version of the compiler that the workspace promises.
const OLDEST_RUST: u32 = 91;

/// Installs the linker's packages on the machine.
pub(super) fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let by_hand = || format!("install {} by hand", packages.join(" and "));
    let mut update = workspace.command("apt-get");
    workspace::run(update.args(["update", "-q"])).with_context(by_hand)?;
    let mut install = workspace.command("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages);
    workspace::run(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(by_hand)
}

/// Unpacks a Rust compiler with the standard libraries of this machine and of ARM; the compiler.
pub(super) fn rustc(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let compiler = folder.join("bin/rustc");
    if starts(workspace, &compiler) {
        return Ok(compiler);
    }
    screen::line("no rustup that has the target: Debian's compiler instead");
    whole(folder, |folder| {
        let apt = Apt::new(workspace, folder)?;
        let host = workspace::output(workspace.command("dpkg").arg("--print-architecture"))?;
        let host = host.trim();
        let policy = apt.ask(&["apt-cache", "policy", &format!("rustc-web:{host}")])?;
        let version = candidate(&policy).context("expected a package rustc-web, found none")?;
        let minor = minor(version).with_context(|| format!("expected 1.N, found {version}"))?;
        ensure!(minor >= OLDEST_RUST, "expected Rust 1.{OLDEST_RUST} or newer, found {version}");
        let library = format!("libstd-rust-web-1.{minor}:{host}={version}");
        let depends = apt.ask(&["apt-cache", "depends", &library])?;
        let llvm = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
        let llvm = depends
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("libllvm"))
            .or(llvm)
            .context("expected a dependency on libllvm, found none")?;
        let packages = [
            format!("rustc-web:{host}={version}"),
            library.clone(),
            format!("libstd-rust-web-dev:{host}={version}"),
            format!("libstd-rust-web-dev:arm64={version}"),
            format!("{llvm}:{host}"),
        ];
        apt.unpack(&packages)?;
        // What LLVM asks for, beside what is on the machine already.
        let needed = ["libz3-4", "libxml2", "libicu72", "libedit2"];
        for package in needed {
            if apt.ask(&["dpkg", "-s", package]).is_err() {
                apt.unpack(&[format!("{package}:{host}")])?;
            }
        }
        wrap(folder)
    })?;
    ensure!(starts(workspace, &compiler), "{} does not start", workspace.shown(&compiler));
    Ok(compiler)
}

/// `bin/rustc`, which finds its libraries, and `lib`, where the compiler looks for the target's.
fn wrap(folder: &Path) -> Result<()> {
    let libraries = fs::read_dir(folder.join("usr/lib"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.join("librustc_driver.so").exists() || is_library_folder(path))
        .context("expected a folder of libraries in usr/lib, found none")?;
    let folder = std::path::absolute(folder)?;
    let libraries = std::path::absolute(libraries)?;
    fs::create_dir_all(folder.join("bin"))?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("usr/lib", folder.join("lib")).context("cannot make a link")?;
    let text = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH=\"{}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\nexec \"{}\" \"$@\"\n",
        libraries.display(),
        folder.join("usr/bin/rustc").display()
    );
    script(&folder.join("bin/rustc"), &text)
}

/// A folder by machine, such as `x86_64-linux-gnu`, that holds libraries.
fn is_library_folder(path: &Path) -> bool {
    let machine = path.file_name().is_some_and(|n| n.to_string_lossy().ends_with("-linux-gnu"));
    let holds = |path: &Path| {
        fs::read_dir(path).ok()?.find_map(|entry| {
            entry.ok()?.file_name().to_string_lossy().starts_with("librustc_driver").then_some(())
        })
    };
    machine && holds(path).is_some()
}

/// Unpacks qemu's emulator of ARM programs; the emulator. That of the backports tells programs the
/// processor's features as a board's kernel would.
pub(super) fn qemu(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let emulator = folder.join("usr/bin/qemu-aarch64");
    if !starts(workspace, &emulator) {
        whole(folder, |folder| {
            let apt = Apt::new(workspace, folder)?;
            let package = format!("qemu-user/{}-backports", codename()?);
            apt.unpack(&[package])
        })?;
    }
    ensure!(starts(workspace, &emulator), "{} does not start", workspace.shown(&emulator));
    Ok(emulator)
}

/// Unpacks qemu's emulators of programs in the release's own version, which take plugins (those of the
/// backports are linked statically, and do not), with libraries that the machine lacks.
pub(super) fn qemu_with_plugins(workspace: &Workspace, folder: &Path) -> Result<()> {
    if folder.join("usr/bin/qemu-aarch64").is_file() {
        return Ok(());
    }
    whole(folder, |folder| {
        let apt = Apt::new(workspace, folder)?;
        let policy = apt.ask(&["apt-cache", "policy", "qemu-user"])?;
        let version = candidate(&policy).context("expected a package qemu-user, found none")?;
        let package = format!("qemu-user={version}");
        let mut words =
            vec!["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests"];
        words.extend(["--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", &package]);
        let depends = apt.ask(&words)?;
        let mut packages = vec![package.clone()];
        for name in needed(&depends) {
            if name != "qemu-user" && apt.ask(&["dpkg", "-s", name]).is_err() {
                packages.push(name.to_string());
            }
        }
        apt.unpack(&packages)
    })
}

/// Packages that `apt-cache depends --recurse` lists, for this machine's architecture.
fn needed(depends: &str) -> impl Iterator<Item = &str> {
    depends
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && !line.contains(':'))
}

/// Fills a folder from nothing, and takes what is half done away again.
pub(super) fn whole(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let clear = || match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    clear().with_context(|| format!("cannot clear {}", folder.display()))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let filled = fill(folder);
    if filled.is_err() {
        clear()?;
    }
    filled
}

/// apt with everything of its own below a folder.
pub(super) struct Apt<'w> {
    workspace: &'w Workspace,
    folder: PathBuf,
    config: PathBuf,
}

impl<'w> Apt<'w> {
    pub(super) fn new(workspace: &'w Workspace, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        let apt = folder.join("apt");
        for part in ["state/lists/partial", "cache/archives/partial", "sources", "packages"] {
            fs::create_dir_all(apt.join(part))?;
        }
        let host = workspace::output(workspace.command("dpkg").arg("--print-architecture"))
            .context("without rustup's target, this needs Debian's apt and dpkg")?;
        let text = configuration(&apt, host.trim());
        let config = apt.join("apt.conf");
        fs::write(&config, text)?;
        let sources = own_sources()?;
        let codename = codename()?;
        let backports = backports(&sources, &codename)
            .with_context(|| format!("no source of {codename} among the machine's own"))?;
        fs::write(apt.join("sources/own.sources"), sources)?;
        fs::write(apt.join("sources/backports.sources"), backports)?;
        let apt = Self { workspace, folder, config };
        apt.ask(&["apt-get", "update", "-q"])?;
        Ok(apt)
    }

    /// What a command of apt's says, with these settings.
    pub(super) fn ask(&self, words: &[&str]) -> Result<String> {
        let [program, args @ ..] = words else { bail!("no command") };
        let mut command = self.workspace.command(program);
        command.args(args).env("APT_CONFIG", &self.config);
        workspace::output(command.current_dir(self.folder.join("apt/packages")))
    }

    /// What would be installed with packages, on a machine with nothing on it, so that what this one has
    /// cannot be in the way.
    fn plan(&self, packages: &[&str]) -> Result<String> {
        let status = self.folder.join("apt/nothing-installed");
        fs::write(&status, "").with_context(|| format!("cannot write {}", status.display()))?;
        let status = format!("Dir::State::status={}", status.display());
        let words = ["apt-get", "--simulate", "--no-install-recommends", "-o", &status, "install"];
        self.ask(&[&words[..], packages].concat())
    }

    /// Packages for ARM and all that they need of programs and libraries for ARM.
    pub(super) fn for_arm(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut needed = planned(&self.plan(packages)?, "");
        needed.retain(|package| package.contains(":arm64="));
        ensure!(!needed.is_empty(), "expected packages for arm64, found none");
        Ok(needed)
    }

    /// A package and what it needs, beside what is on the machine already.
    pub(super) fn missing(&self, package: &str) -> Result<Vec<String>> {
        let plan = self.plan(&[package])?;
        let format = "--showformat=${db:Status-Abbrev} ${Package}\\n";
        let installed = self.ask(&["dpkg-query", "--show", format])?;
        let packages = planned(&plan, &installed);
        ensure!(!packages.is_empty(), "expected something to install for {package}, found nothing");
        Ok(packages)
    }

    /// Downloads packages and unpacks them into the folder.
    pub(super) fn unpack(&self, packages: &[String]) -> Result<()> {
        screen::line(&format!("unpacking {}", packages.join(", ")));
        let mut words = vec!["apt-get", "download", "-q"];
        words.extend(packages.iter().map(String::as_str));
        self.ask(&words)?;
        let downloads = self.folder.join("apt/packages");
        for entry in fs::read_dir(&downloads)? {
            let file = entry?.path();
            let name = file.display().to_string();
            let folder = self.folder.display().to_string();
            self.ask(&["dpkg", "-x", &name, &folder])?;
            fs::remove_file(&file)?;
        }
        Ok(())
    }
}

/// Packages that `apt-get --simulate install` would install, without those that `dpkg-query` names.
fn planned(plan: &str, installed: &str) -> Vec<String> {
    let installed: BTreeSet<&str> =
        installed.lines().filter_map(|line| line.strip_prefix("ii ")).map(str::trim).collect();
    // Inst name [version there now] (version source [architecture])
    let package = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        let (version, rest) = rest.split_once('(')?.1.split_once(' ')?;
        let architecture = rest.split_once(" [")?.1.split_once(']')?.0;
        let bare = name.split(':').next().unwrap_or(name);
        (!installed.contains(name)).then(|| match architecture {
            "all" => format!("{bare}={version}"),
            _ => format!("{bare}:{architecture}={version}"),
        })
    };
    plan.lines().filter_map(package).collect()
}

/// apt's settings for a folder of its own.
fn configuration(apt: &Path, host: &str) -> String {
    let apt = apt.display();
    format!(
        "APT::Architecture \"{host}\";\nAPT::Architectures {{ \"{host}\"; \"arm64\"; }};\n\
         Acquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n\
         Dir::State \"{apt}/state\";\nDir::State::status \"/var/lib/dpkg/status\";\n\
         Dir::Cache \"{apt}/cache\";\nDir::Etc::sourcelist \"/dev/null\";\n\
         Dir::Etc::sourceparts \"{apt}/sources\";\n"
    )
}

/// The machine's own sources of Debian, in deb822 form.
fn own_sources() -> Result<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir("/etc/apt/sources.list.d").context("this needs Debian's apt")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sources") {
            let text = fs::read_to_string(&path)?;
            if text.contains("debian-archive-keyring") {
                texts.push(text);
            }
        }
    }
    ensure!(!texts.is_empty(), "expected Debian's sources in /etc/apt/sources.list.d, found none");
    Ok(texts.join("\n"))
}

fn codename() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("cannot tell the distribution")?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name.context("/etc/os-release names no release")?.trim_matches('"').to_string())
}

/// The backports of a release, from where `sources` has the release itself.
fn backports(sources: &str, codename: &str) -> Option<String> {
    let field = |stanza: &str, name: &str| {
        let value = stanza.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim_start_matches(':').trim().to_string())
    };
    let stanza = sources.split("\n\n").find(|stanza| {
        field(stanza, "Suites").is_some_and(|suites| suites.split(' ').any(|s| s == codename))
    })?;
    let (uris, key) = (field(stanza, "URIs")?, field(stanza, "Signed-By")?);
    Some(format!(
        "Types: deb\nURIs: {uris}\nSuites: {codename}-backports\nComponents: main\nSigned-By: {key}\n"
    ))
}

/// The version that `apt-cache policy` would install.
fn candidate(policy: &str) -> Option<&str> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then_some(version)
}

/// 96 of `1.96.0+dfsg1-1`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_candidate() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        let version = candidate(policy).unwrap();
        assert_eq!((version, minor(version)), ("1.96.0+dfsg1-1~deb12u2", Some(96)));
        assert_eq!(candidate("  Candidate: (none)\n"), None);
        assert_eq!(minor("two"), None);
    }

    #[test]
    fn reads_what_would_be_installed() {
        let plan = "Reading package lists...\n\
                    Inst libfdt1 (1.6.1-4+b1 Debian:12/old [amd64])\n\
                    Inst libpng16-16 [1.6-1] (1.6-2 Debian:12/old, Debian-Security:12/old [amd64]) []\n\
                    Inst libc6 (2.36-10 Debian:12/old [amd64])\n\
                    Inst qemu-system-data (1:7.2+dfsg-7 Debian:12/old [all])\n\
                    Inst libc6:arm64 (2.36-10 Debian:12/old [arm64])\n\
                    Conf libfdt1 (1.6.1-4+b1 Debian:12/old [amd64])\n";
        // Removed is not installed, even if its settings are still there.
        let installed = "ii  libc6\nrc  libfdt1\n";
        let expected = [
            "libfdt1:amd64=1.6.1-4+b1",
            "libpng16-16:amd64=1.6-2",
            "qemu-system-data=1:7.2+dfsg-7",
            "libc6:arm64=2.36-10",
        ];
        assert_eq!(planned(plan, installed), expected);
    }

    #[test]
    fn needed_packages_are_those_at_the_beginning_of_a_line() {
        let text = "qemu-user\n  Depends: libc6\n |Depends: x\nlibc6\nlibc6:arm64\n<virtual>\n";
        assert_eq!(needed(text).collect::<Vec<_>>(), ["qemu-user", "libc6"]);
    }

    #[test]
    fn backports_come_from_the_release_s_own_mirror() {
        let sources = "Types: deb\nURIs: http://a/security\nSuites: old-security\nSigned-By: /k\n\n\
                       Types: deb\nURIs: http://b/debian\nSuites: old old-updates\nSigned-By: /k\n";
        let found = backports(sources, "old").unwrap();
        assert!(found.contains("URIs: http://b/debian\nSuites: old-backports\n"), "{found}");
        assert_eq!(backports(sources, "new"), None);
    }

    #[test]
    fn what_is_half_done_is_taken_away() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("toolchain");
        let broken = whole(&folder, |folder| {
            fs::write(folder.join("part"), "x")?;
            bail!("no network")
        });
        assert_eq!(broken.unwrap_err().to_string(), "no network");
        assert!(!folder.exists());
    }
}
