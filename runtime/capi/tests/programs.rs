//! C, C++ and Python programs on the built libraries: compiled here, run on the sample frame, and what a
//! careless program does, also under the address sanitizer.
#![cfg(all(target_os = "linux", feature = "embedded-model"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it left out"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;
use uniultra::{Frame, MaskChoice, Pixels, PointLabel, Prompts, Segmenter};
use uniultra_c::{
    CEncodedInfo, CError, CFrame, CMeasures, CModelInfo, COptions, CPredictionInfo, CPrompts,
    CSegmenter,
};

/// Warnings are errors: headers of a library must not add any to its users' builds.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

const SANITIZED: [&str; 3] =
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo puts both libraries beside the tests.
fn libraries() -> PathBuf {
    let built = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    assert!(built.join("libuniultra_c.so").is_file(), "no libuniultra_c.so in {}", built.display());
    built
}

/// The libraries as `install.sh` lays them out: once, and below `target`, for the static one is large.
fn prefix() -> &'static Path {
    static PREFIX: LazyLock<PathBuf> = LazyLock::new(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uniultra-capi");
        succeed(Command::new(folder().join("install.sh")).arg(&prefix).arg(libraries()));
        prefix
    });
    &PREFIX
}

/// A folder for what a test makes.
struct Work(TempDir);

impl Work {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Compiles a source of this package against the shared library.
    fn compile(&self, source: &str, flags: &[&str]) -> PathBuf {
        let compiler = if source.ends_with(".cpp") { "c++" } else { "cc" };
        let program = self.path("program");
        let lib = prefix().join("lib");
        let mut command = Command::new(compiler);
        command.args(STRICT).args(flags).arg(folder().join(source)).arg("-o").arg(&program);
        command.arg("-I").arg(prefix().join("include")).arg("-L").arg(&lib);
        command.arg(format!("-Wl,-rpath,{}", lib.display()));
        succeed(command.args(["-luniultra_c", "-lm", "-pthread"]));
        program
    }
}

/// Standard output of a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let [out, error] =
        [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).to_string());
    assert!(output.status.success(), "{command:?}: {}\n{out}{error}", output.status);
    out
}

fn sample() -> Frame {
    let path = folder().join("../../tests/fixtures/sample/frame.png");
    Frame::decode(&fs::read(path).unwrap()).unwrap()
}

/// The sample frame as a PGM file.
fn sample_pgm(at: &Path) {
    let frame = sample();
    let Pixels::Gray8(samples) = frame.pixels() else { panic!("the sample is gray") };
    let header = format!("P5\n{} {}\n255\n", frame.width(), frame.height());
    fs::write(at, [header.as_bytes(), samples].concat()).unwrap();
}

/// The mask that Rust gives, as a PGM file's bytes.
fn expected_pgm() -> Vec<u8> {
    let click = Prompts::new().with_point(269.0, 279.0, PointLabel::Positive).unwrap();
    let encoded = Segmenter::embedded().unwrap().encode(&sample()).unwrap();
    let prediction = encoded.predict(&click).unwrap();
    let mask = prediction.mask(prediction.choose(MaskChoice::Single));
    assert!(mask.area_px() > 10_000);
    let header = format!("P5\n{} {}\n255\n", mask.width(), mask.height());
    let pixels: Vec<u8> = mask.data().iter().map(|&inside| inside * 255).collect();
    [header.as_bytes(), &pixels].concat()
}

#[test]
fn c_cpp_and_python_find_what_rust_finds() {
    let work = Work::new();
    let (frame, mask) = (work.path("frame.pgm"), work.path("mask.pgm"));
    sample_pgm(&frame);
    let expected = expected_pgm();
    let check = |command: &mut Command| {
        let printed = succeed(command);
        assert!(fs::read(&mask).unwrap() == expected, "{command:?}: another mask; {printed}");
        fs::remove_file(&mask).unwrap();
    };
    let click = ["269", "279"];
    for flags in [&["-std=c99"][..], &[&["-std=c99"], &SANITIZED[..]].concat()] {
        let program = work.compile("examples/one_click.c", flags);
        check(Command::new(program).arg(&frame).args(click).arg(&mask));
    }
    for flags in [&["-std=c++17"][..], &[&["-std=c++17"], &SANITIZED[..]].concat()] {
        let program = work.compile("tests/programs/wrapper.cpp", flags);
        check(Command::new(program).arg(&frame).arg(&mask));
    }
    let mut python = Command::new("python3");
    python.arg(folder().join("examples/one_click.py")).arg(prefix().join("lib/libuniultra_c.so"));
    check(python.arg(&frame).args(click).arg(&mask));
}

#[test]
fn misuse_is_refused() {
    let work = Work::new();
    for flags in [&["-std=c99"][..], &[&["-std=c99"], &SANITIZED[..]].concat()] {
        let printed = succeed(&mut Command::new(work.compile("tests/programs/misuse.c", flags)));
        assert_eq!(printed, "0 failures\n");
    }
}

/// Sizes and offsets by name, as a C compiler sees them.
fn sizes_in_c() -> BTreeMap<String, usize> {
    let work = Work::new();
    let printed = succeed(&mut Command::new(work.compile("tests/programs/sizes.c", &["-std=c99"])));
    let lines = printed.lines().map(|line| line.rsplit_once(' ').unwrap());
    lines.map(|(name, size)| (name.to_string(), size.parse().unwrap())).collect()
}

#[test]
fn both_languages_see_the_same_structures() {
    let found = sizes_in_c();
    let expected = [
        ("uniultra_error", size_of::<CError>()),
        ("uniultra_segmenter", size_of::<CSegmenter>()),
        ("uniultra_options", size_of::<COptions>()),
        ("uniultra_model_info", size_of::<CModelInfo>()),
        ("uniultra_frame", size_of::<CFrame>()),
        ("uniultra_encoded_info", size_of::<CEncodedInfo>()),
        ("uniultra_prompts", size_of::<CPrompts>()),
        ("uniultra_prediction_info", size_of::<CPredictionInfo>()),
        ("uniultra_measures", size_of::<CMeasures>()),
        ("uniultra_options.pins", offset_of!(COptions, pins)),
        ("uniultra_frame.timestamp", offset_of!(CFrame, timestamp)),
        ("uniultra_frame.um_per_pixel", offset_of!(CFrame, um_per_pixel)),
        ("uniultra_prompts.corners", offset_of!(CPrompts, corners)),
        ("uniultra_prompts.mask_from", offset_of!(CPrompts, mask_from)),
        ("uniultra_prediction_info.timestamp", offset_of!(CPredictionInfo, timestamp)),
        ("uniultra_prediction_info.decode_ms", offset_of!(CPredictionInfo, decode_ms)),
        ("uniultra_measures.area_px", offset_of!(CMeasures, area_px)),
        ("uniultra_measures.perpendicular_mm", offset_of!(CMeasures, perpendicular_mm)),
    ];
    for (name, size) in expected {
        assert_eq!(found.get(name), Some(&size), "{name}");
    }
}

/// Programs that were built with the first header must go on running: functions stay, and so do the fields'
/// places; a structure may grow at its end. `abi-1.txt` is never changed; a later version has its own.
#[test]
fn what_abi_1_promised_still_holds() {
    let (exported, sizes) = (exported(), sizes_in_c());
    let promised = fs::read_to_string(folder().join("tests/abi-1.txt")).unwrap();
    for line in promised.lines() {
        let (name, value) = line.rsplit_once(' ').unwrap();
        if name == "function" {
            assert!(exported.contains(value), "{value} is not exported any more");
            continue;
        }
        let promised: usize = value.parse().unwrap();
        let found = *sizes.get(name).unwrap_or_else(|| panic!("{name} is not in sizes.c any more"));
        let holds = if name.contains('.') { found == promised } else { found >= promised };
        assert!(holds, "{name}: expected {promised}, found {found}");
    }
    assert!(promised.lines().count() > 90);
}

/// What the shared library gives to programs.
fn exported() -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    let symbols =
        succeed(nm.args(["-D", "--defined-only"]).arg(libraries().join("libuniultra_c.so")));
    let names = symbols.lines().filter_map(|line| line.split_whitespace().last());
    names.map(str::to_string).collect()
}

/// What the shared library gives to programs is what the header declares, under its versioned name.
#[test]
fn the_library_exports_the_header_and_nothing_else() {
    let library = libraries().join("libuniultra_c.so");
    let header = fs::read_to_string(folder().join("include/uniultra.h")).unwrap();
    let declared: BTreeSet<String> = header
        .split('(')
        .filter_map(|before| before.split(|c: char| !(c.is_alphanumeric() || c == '_')).next_back())
        .filter(|name| name.starts_with("uniultra_"))
        .map(str::to_string)
        .collect();
    assert_eq!(exported(), declared);
    assert!(declared.len() >= 19, "{declared:?}");
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("[libuniultra_c.so.0]"), "{dynamic}");
}

/// As a program's build finds the library, with the static one, too.
#[test]
fn pkg_config_says_how_to_build() {
    if Command::new("pkg-config").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no pkg-config");
        return;
    }
    let work = Work::new();
    let (frame, mask) = (work.path("frame.pgm"), work.path("mask.pgm"));
    sample_pgm(&frame);
    let flags = |extra: &[&str]| -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")).args(extra);
        let printed = succeed(command.args(["--cflags", "--libs", "uniultra_c"]));
        printed.split_whitespace().map(str::to_string).collect()
    };
    let source = folder().join("examples/one_click.c");
    let (shared, fixed) = (work.path("shared"), work.path("fixed"));
    succeed(Command::new("cc").arg(&source).arg("-o").arg(&shared).args(flags(&[])));
    let static_flags = flags(&["--static"]).into_iter().map(|flag| match flag.as_str() {
        "-luniultra_c" => "-l:libuniultra_c.a".to_string(),
        _ => flag,
    });
    succeed(Command::new("cc").arg(&source).arg("-o").arg(&fixed).args(static_flags));
    let run = |program: &Path| {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", prefix().join("lib"));
        succeed(command.arg(&frame).args(["269", "279"]).arg(&mask))
    };
    assert_eq!(run(&shared), run(&fixed));
    let needs = |program: &Path| succeed(Command::new("readelf").arg("-d").arg(program));
    assert!(needs(&shared).contains("libuniultra_c.so.0"));
    assert!(!needs(&fixed).contains("libuniultra_c"));
}
