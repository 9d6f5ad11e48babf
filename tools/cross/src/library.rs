//! The C interface for 64-bit ARM: both libraries, headers and the file for pkg-config, and a C program on
//! each library as on a core.

use super::toolchain::LINKER;
use super::{DEVICE, Link, TARGET, Toolchain, folder, static_flags};
use anyhow::{Context, Result, ensure};
use image::{DynamicImage, GrayImage};
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{SAMPLE, SAMPLE_POINT, screen};

/// Sources of the C interface.
const SOURCES: &str = "runtime/capi";
/// What programs ask the loader for; its build script gives the host's library the same name.
pub const SONAME: &str = "libuniultra_c.so.0";
/// Only the functions of the header are visible to programs; all other symbols are local.
const EXPORTS: &str = "{ global: uniultra_*; local: *; };\n";

/// Builds the libraries and lays them out as `install.sh` does, below `target/cross/capi`.
///
/// With a static glibc, the compiler cannot build a shared library. A second build with a shared glibc would
/// compile everything again. So the linker builds the shared library from the objects of the static one: they
/// are position-independent, and on the board they use the board's glibc.
///
/// # Errors
/// If a tool fails.
pub fn library(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let target = folder(workspace).join(Link::Static.name());
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    // Beside the program, so that both need the same features of what they share, built once.
    command.args(["--profile", DEVICE, "-p", "uniultra-app", "-p", "uniultra-capi"]);
    command.args(["--no-default-features", "--features"]);
    command.arg("uniultra-app/embedded-model,uniultra-app/live,uniultra-capi/embedded-model");
    static_flags(&mut command, Link::Static);
    workspace::run(&mut command)?;

    let built = folder(workspace).join("capi-built");
    let shown = || format!("cannot write to {}", built.display());
    fs::create_dir_all(&built).with_context(shown)?;
    let archive = target.join(TARGET).join(DEVICE).join("libuniultra_c.a");
    fs::copy(&archive, built.join("libuniultra_c.a"))
        .with_context(|| format!("cannot copy {}", workspace.shown(&archive)))?;
    let exports = built.join("exports.map");
    fs::write(&exports, EXPORTS).with_context(shown)?;
    let mut link = workspace.command(LINKER);
    link.args(["-shared", "-s", "-Wl,--gc-sections", "-Wl,-z,relro,-z,now", "-Wl,--no-undefined"]);
    link.arg(format!("-Wl,-soname,{SONAME}"));
    link.arg(format!("-Wl,--version-script={}", exports.display()));
    link.arg("-Wl,--whole-archive").arg(&archive).arg("-Wl,--no-whole-archive");
    link.args(["-lgcc_s", "-lpthread", "-ldl", "-lm", "-lc", "-o"]);
    workspace::run(link.arg(built.join("libuniultra_c.so")))?;

    let prefix = folder(workspace).join("capi");
    let mut install = workspace.command(workspace.root.join(SOURCES).join("install.sh"));
    workspace::run(install.arg(&prefix).arg(&built))?;
    Ok(prefix)
}

/// Compiles the example in C against each library, runs both as on `core`, and expects the mask that the
/// program `binary` finds there.
///
/// # Errors
/// If a program fails or finds another mask.
pub(super) fn try_out(
    workspace: &Workspace,
    toolchain: &Toolchain,
    prefix: &Path,
    binary: &Path,
    core: &str,
) -> Result<()> {
    screen::line(&format!("{TARGET}: a C program on libuniultra_c, as on {core}"));
    let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
    let file = |name: &str| scratch.path().join(name);
    let frame = image::open(workspace.root.join(SAMPLE)).context(SAMPLE)?.into_luma8();
    let header = format!("P5\n{} {}\n255\n", frame.width(), frame.height());
    fs::write(file("frame.pgm"), [header.as_bytes(), frame.as_raw()].concat())
        .context("cannot write the frame")?;

    let run = |program: &Path, args: &[&str]| {
        let [emulator, rest @ ..] = toolchain.emulator().words(core);
        let mut command = workspace.command(emulator);
        // For the program under emulation, not for the emulator.
        command.args(rest).arg("-E");
        command.arg(format!("LD_LIBRARY_PATH={}", prefix.join("lib").display()));
        workspace::output(command.arg(program).args(args))
    };
    let mask = file("mask.png").display().to_string();
    run(binary, &["segment", SAMPLE, "--point", SAMPLE_POINT, "--out-mask", &mask])?;
    let expected = image::open(&mask).context("the program's mask")?.into_luma8();
    ensure!(expected.pixels().any(|pixel| pixel.0[0] > 0), "expected a mask, found an empty one");

    let (x, y) = SAMPLE_POINT.split_once(',').context("expected X,Y")?;
    let source = workspace.root.join(SOURCES).join("examples/one_click.c");
    for (name, flags) in
        [("shared", ["-luniultra_c", "-lm"]), ("static", ["-static", "-l:libuniultra_c.a"])]
    {
        let program = file(name);
        let mut compile = workspace.command(LINKER);
        compile.args(["-std=c99", "-Wall", "-Wextra", "-Werror"]).arg(&source);
        compile.arg("-o").arg(&program).arg("-I").arg(prefix.join("include"));
        compile.arg("-L").arg(prefix.join("lib")).args(flags);
        workspace::run(compile.args(["-lm", "-lpthread"]))?;
        let found = file(&format!("{name}.pgm")).display().to_string();
        run(&program, &[&file("frame.pgm").display().to_string(), x, y, &found])?;
        let found = image::open(&found).with_context(|| format!("the mask of {name}"))?;
        same(&found, &expected)
            .with_context(|| format!("C program on the {name} library, {core}"))?;
    }
    screen::line(&format!("{core}: both libraries give the program's mask"));
    Ok(())
}

fn same(found: &DynamicImage, expected: &GrayImage) -> Result<()> {
    let found = found.to_luma8();
    let sizes = [found.dimensions(), expected.dimensions()];
    ensure!(sizes[0] == sizes[1], "expected a mask of {:?} px, found {:?}", sizes[1], sizes[0]);
    let pairs = found.as_raw().iter().zip(expected.as_raw());
    let other = pairs.filter(|(a, b)| a != b).count();
    ensure!(other == 0, "expected the same mask, found {other} other pixels");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pixel_more_is_another_mask() {
        let mask = GrayImage::from_pixel(3, 2, image::Luma([255]));
        assert!(same(&DynamicImage::ImageLuma8(mask.clone()), &mask).is_ok());
        let mut other = mask.clone();
        other.put_pixel(1, 1, image::Luma([0]));
        let error = same(&DynamicImage::ImageLuma8(other), &mask).unwrap_err().to_string();
        assert_eq!(error, "expected the same mask, found 1 other pixels");
        let small = DynamicImage::ImageLuma8(GrayImage::new(2, 2));
        assert!(same(&small, &mask).unwrap_err().to_string().contains("(3, 2) px"));
    }

    #[test]
    fn the_shared_library_is_named_as_on_the_host() {
        let root = Workspace::find().unwrap().root;
        let script = fs::read_to_string(root.join(SOURCES).join("build.rs")).unwrap();
        assert!(script.contains(&format!("\"{SONAME}\"")));
    }
}
