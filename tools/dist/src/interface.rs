//! The C interface in a package: headers, the shared library under its three names, the file for pkg-config.
//!
//! The static library stays out: it is large, and only who builds programs needs it (`cargo xtask cross
//! --library`).

use super::archive::File;
use super::elf;
use anyhow::{Context, Result};
use std::path::Path;
use uniultra_cross::SONAME;

const LIBRARY: &str = "lib/libuniultra_c.so";
const TEXTS: [&str; 3] =
    ["include/uniultra.h", "include/uniultra.hpp", "lib/pkgconfig/uniultra_c.pc"];

/// Reads what `cross` laid out below `prefix`.
pub(super) fn files(prefix: &Path) -> Result<Vec<File>> {
    let read = |path: &str| {
        let file = prefix.join(path);
        std::fs::read(&file).with_context(|| {
            format!("cannot read {}; `cargo xtask cross --library` makes it", file.display())
        })
    };
    let library = read(LIBRARY)?;
    elf::check_shared(&library, SONAME).context(LIBRARY)?;
    let name = format!("libuniultra_c.so.{}", env!("CARGO_PKG_VERSION"));
    let mut files = vec![
        File::plain(format!("lib/{name}"), library),
        File::link(format!("lib/{SONAME}"), name.as_str()),
        File::link(LIBRARY, SONAME),
    ];
    for path in TEXTS {
        files.push(File::plain(path, read(path)?));
    }
    Ok(files)
}

/// A C interface that can be packed, with a stub of a library.
#[cfg(test)]
pub(super) fn example(prefix: &Path) {
    std::fs::create_dir_all(prefix.join("include")).unwrap();
    std::fs::create_dir_all(prefix.join("lib/pkgconfig")).unwrap();
    std::fs::write(prefix.join(LIBRARY), elf::shared_stub(SONAME)).unwrap();
    for path in TEXTS {
        std::fs::write(prefix.join(path), path).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_library_has_three_names() {
        let folder = tempfile::tempdir().unwrap();
        example(folder.path());
        let files = files(folder.path()).unwrap();
        let named: Vec<_> =
            files.iter().map(|file| (file.path.as_str(), file.link_to.as_deref())).collect();
        let version = concat!("libuniultra_c.so.", env!("CARGO_PKG_VERSION"));
        let expected = [
            (&*format!("lib/{version}"), None),
            ("lib/libuniultra_c.so.0", Some(version)),
            ("lib/libuniultra_c.so", Some("libuniultra_c.so.0")),
        ];
        assert_eq!(named[..3], expected);
        assert_eq!(files.len(), 6);
    }

    #[test]
    fn what_is_missing_or_another_library_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || format!("{:#}", files(folder.path()).unwrap_err());
        assert!(refused().contains("cross --library"));
        example(folder.path());
        std::fs::write(folder.path().join(LIBRARY), elf::shared_stub("libother.so.1")).unwrap();
        assert!(refused().contains("expected a library with the name libuniultra_c.so.0"));
        std::fs::write(folder.path().join(LIBRARY), elf::good_stub()).unwrap();
        assert!(refused().contains("expected a shared library"));
    }
}
