//! The same files, the same bytes: tar and gzip with nothing in them of the machine or the hour.

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::io::Write;

/// Longest name that the classic tar header holds.
const MAX_NAME_BYTES: usize = 100;
/// `unknown` in gzip's header, instead of the system that compressed.
const GZIP_NO_SYSTEM: u8 = 255;

/// A file to be packed.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Below the folder where it is installed, with `/` between its parts.
    pub(super) path: String,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
    /// The file in the same folder that a symbolic link names; then there are no bytes.
    pub(super) link_to: Option<String>,
}

impl File {
    /// A file that everybody may read.
    pub(super) fn plain(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o644, bytes: bytes.into(), link_to: None }
    }

    /// A file that everybody may run.
    pub(super) fn program(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o755, bytes: bytes.into(), link_to: None }
    }

    /// A symbolic link to a file in the same folder.
    pub(super) fn link(path: impl Into<String>, to: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o777, bytes: Vec::new(), link_to: Some(to.into()) }
    }
}

/// The files below `root` (which ends in `/`), sorted, each folder before what is in it, all of
/// them root's and of one time.
pub(super) fn tar_gz(root: &str, files: &[File], time_s: u64) -> Result<Vec<u8>> {
    let compressed = GzBuilder::new()
        .mtime(0)
        .operating_system(GZIP_NO_SYSTEM)
        .write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(compressed);
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let twice = sorted.windows(2).find(|pair| pair[0].path == pair[1].path);
    ensure!(twice.is_none(), "two files for one path: {:?}", twice.map(|pair| &pair[0].path));
    let folder = |path: String| File { mode: 0o755, ..File::plain(path, []) };
    append(&mut archive, tar::EntryType::Directory, &folder(root.to_string()), time_s)?;
    let mut folders = BTreeSet::new();
    for file in sorted {
        for (end, _) in file.path.match_indices('/') {
            let path = &file.path[..=end];
            if folders.insert(path) {
                let folder = folder(format!("{root}{path}"));
                append(&mut archive, tar::EntryType::Directory, &folder, time_s)?;
            }
        }
        let kind = match file.link_to {
            Some(_) => tar::EntryType::Symlink,
            None => tar::EntryType::Regular,
        };
        let file = File { path: format!("{root}{}", file.path), ..file.clone() };
        append(&mut archive, kind, &file, time_s)?;
    }
    let compressed = archive.into_inner().context("cannot finish an archive")?;
    compressed.finish().context("cannot finish an archive")
}

/// Folders of the files, without the root.
pub(super) fn folders<'a>(files: &'a [File]) -> BTreeSet<&'a str> {
    let parents = |path: &'a str| path.match_indices('/').map(move |(end, _)| &path[..end]);
    files.iter().flat_map(|file| parents(&file.path)).collect()
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    kind: tar::EntryType,
    file: &File,
    time_s: u64,
) -> Result<()> {
    let File { path, mode, bytes, link_to } = file;
    let mut header = tar::Header::new_ustar();
    // Not `set_path`, which drops the `./` that dpkg's own archives have.
    let field = header.as_old_mut().name.get_mut(..path.len());
    field
        .with_context(|| format!("expected at most {MAX_NAME_BYTES} bytes in the name {path}"))?
        .copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    if let Some(target) = link_to {
        header.set_link_name(target)?;
    }
    header.set_mode(*mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(time_s);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    archive.append(&header, bytes.as_slice()).with_context(|| format!("cannot pack {path}"))
}

/// Names, modes and contents of the files in an archive that [`tar_gz`] wrote.
pub(super) fn read_tar_gz(bytes: &[u8]) -> Result<Vec<File>> {
    use std::io::Read;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_symlink() {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mode = entry.header().mode()?;
            let target = entry.link_name_bytes();
            let link_to = target.map(|name| String::from_utf8_lossy(&name).into_owned());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.push(File { path, mode, bytes, link_to });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<File> {
        vec![
            File::plain("share/b/two", "2"),
            File::program("bin/one", "1"),
            File::plain("share/a", "a"),
            File::link("bin/uno", "one"),
        ]
    }

    #[test]
    fn entries_are_sorted_and_folders_come_first() {
        let bytes = tar_gz("./", &files(), 1_000_000_000).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_000_000_000);
            assert_eq!(header.username().unwrap(), Some("root"));
            names.push(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
        }
        let expected = [
            "./",
            "./bin/",
            "./bin/one",
            "./bin/uno",
            "./share/",
            "./share/a",
            "./share/b/",
            "./share/b/two",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_order_given_and_the_hour_change_no_byte() {
        let mut reversed = files();
        reversed.reverse();
        let bytes = tar_gz("x/", &files(), 7).unwrap();
        assert_eq!(bytes, tar_gz("x/", &reversed, 7).unwrap());
        // Neither a name (flag 8) nor a time, nor the system.
        assert_eq!(bytes[3..8], [0; 5]);
        assert_eq!(bytes[9], GZIP_NO_SYSTEM);
    }

    #[test]
    fn what_was_packed_is_read_back() {
        let bytes = tar_gz("x/", &files(), 7).unwrap();
        let found = read_tar_gz(&bytes).unwrap();
        assert_eq!(found[0].path, "x/bin/one");
        assert_eq!((found[0].mode, found[0].bytes.as_slice()), (0o755, b"1".as_slice()));
        assert_eq!((found.len(), found[2].mode), (4, 0o644));
        assert_eq!(
            (found[1].path.as_str(), found[1].link_to.as_deref()),
            ("x/bin/uno", Some("one"))
        );
    }

    #[test]
    fn bad_names_are_refused() {
        let twice = [File::plain("a", "1"), File::plain("a", "2")];
        assert!(tar_gz("./", &twice, 0).unwrap_err().to_string().contains("two files"));
        let long = [File::plain("n".repeat(MAX_NAME_BYTES), "")];
        assert!(tar_gz("./", &long, 0).unwrap_err().to_string().contains("at most 100 bytes"));
        assert_eq!(folders(&files()).into_iter().collect::<Vec<_>>(), ["bin", "share", "share/b"]);
    }
}
