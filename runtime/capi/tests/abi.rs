//! Programs that were compiled with an earlier header still work: libabigail compares the interfaces.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it left out"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Set it, and the test writes the current version's description. Earlier versions' files stay.
const UPDATE: &str = "UNIULTRA_UPDATE_ABI";

// Bits of abidiff's exit status.
/// It failed, or was called wrongly.
const FAILED: i32 = 1 | 2;
/// The interface differs.
const CHANGED: i32 = 4;
/// It differs in a way that breaks programs.
const BREAKS: i32 = 8;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// Whether libabigail is here; continuous integration has it.
fn is_possible() -> bool {
    let found = Command::new("abidiff").arg("--version").output().is_ok();
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(found || !in_ci, "expected abidiff, of Debian's package abigail-tools");
    if !found {
        eprintln!("SKIPPED: no abidiff, of Debian's package abigail-tools");
    }
    found
}

/// Builds a shared library with an empty body for each function that a header declares. libabigail reads a
/// library's debug information. In the real library that comes from Rust's compiler, without C's type names
/// and `const`; here it comes from a C compiler. Other tests check that the real library has the same
/// functions and structures.
fn library(header: &str, at: &Path) -> PathBuf {
    let declared = header.split_once("extern \"C\" {").unwrap().1;
    // Removes comments and the preprocessor's lines.
    let code: Vec<&str> = declared
        .split("*/")
        .map(|part| part.split_once("/*").map_or(part, |(code, _)| code))
        .flat_map(str::lines)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let code = code.join("\n");
    let mut source = String::from("#include \"uniultra.h\"\n");
    for function in code.split_inclusive(';').filter_map(|text| text.trim().strip_suffix(';')) {
        source += &format!("{function} {{ __builtin_trap(); }}\n");
    }
    fs::create_dir_all(at).unwrap();
    fs::write(at.join("uniultra.h"), header).unwrap();
    fs::write(at.join("interface.c"), source).unwrap();
    let mut compile = Command::new("cc");
    compile.args([
        "-std=c99",
        "-g",
        "-O0",
        "-shared",
        "-fPIC",
        "-o",
        "interface.so",
        "interface.c",
    ]);
    let output = run(compile.current_dir(at));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    at.join("interface.so")
}

/// The bits of abidiff's exit status, and its report.
fn difference(before: &Path, after: &Path) -> (i32, String) {
    let output = run(Command::new("abidiff").arg("--no-show-locs").arg(before).arg(after));
    let report = String::from_utf8_lossy(&output.stdout).to_string();
    let bits = output.status.code().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(bits & FAILED, 0, "{report}{error}");
    (bits, report)
}

fn description(version: u32) -> PathBuf {
    folder().join(format!("tests/abi-{version}.xml"))
}

#[test]
fn programs_of_every_version_still_find_what_they_were_promised() {
    if !is_possible() {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let header = fs::read_to_string(folder().join("include/uniultra.h")).unwrap();
    let library = library(&header, work.path());
    let current = uniultra_c::UNIULTRA_ABI_VERSION;
    if std::env::var_os(UPDATE).is_some() {
        let mut describe = Command::new("abidw");
        describe.args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file"]);
        let output = run(describe.arg(description(current)).arg(&library));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for version in 1..current {
        let (bits, report) = difference(&description(version), &library);
        assert_eq!(bits & BREAKS, 0, "programs of version {version} would break:\n{report}");
    }
    let (bits, report) = difference(&description(current), &library);
    assert_eq!(
        bits, 0,
        "the interface changed: raise UNIULTRA_ABI_VERSION, then run this test with {UPDATE}=1\n{report}"
    );
}

#[test]
fn a_function_less_and_a_wider_field_are_found() {
    if !is_possible() {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let header = fs::read_to_string(folder().join("include/uniultra.h")).unwrap();
    let before = library(&header, &work.path().join("before"));
    let wider = header.replacen("uint32_t threads;", "uint64_t threads;", 1);
    assert_ne!(wider, header);
    let (bits, report) = difference(&before, &library(&wider, &work.path().join("wider")));
    assert_eq!(bits & CHANGED, CHANGED, "{report}");
    let less = header.replace("uniultra_version(void);", "uniultra_version_of(void);");
    let (bits, report) = difference(&before, &library(&less, &work.path().join("less")));
    assert_eq!(bits & BREAKS, BREAKS, "{report}");
}
