//! The committed header is the one that the sources give.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// Set it, and the test writes the header instead of comparing.
const UPDATE: &str = "UNIULTRA_UPDATE_HEADER";

#[test]
fn the_header_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    // It follows the modules that lib.rs names.
    let builder = cbindgen::Builder::new().with_config(config);
    let mut made = Vec::new();
    builder.with_src(folder.join("src/lib.rs")).generate().unwrap().write(&mut made);
    let path = folder.join("include/uniultra.h");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let made = String::from_utf8(made).unwrap();
    let differs = made.lines().zip(committed.lines()).position(|(made, found)| made != found);
    assert!(
        made == committed,
        "include/uniultra.h differs from the sources, at line {differs:?}: run this test with {UPDATE}=1, \
         and think of UNIULTRA_ABI_VERSION"
    );
}

#[test]
fn nothing_is_declared_twice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(folder.join("include/uniultra.h")).unwrap();
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut functions: Vec<&str> = header
        .lines()
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit(|c| !is_name(c)).next())
        .filter(|name| name.starts_with("uniultra_"))
        .collect();
    functions.sort_unstable();
    let count = functions.len();
    functions.dedup();
    assert_eq!(functions.len(), count, "{functions:?}");
    assert!(count >= 19);
}
