#![allow(clippy::print_stderr, reason = "a check that cannot run says so")]

use super::*;
use crate::{check_writable, write_atomically, write_target};
use std::io::Read;
use std::thread;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn write(path: &Path, text: &str) -> Result<(), SinkError> {
    write_atomically(path, |w| w.write_all(text.as_bytes()))
}

#[test]
fn replaces_the_old_file_only_on_success() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    write(&path, "first").unwrap();
    let failed = write_atomically(&path, |w| {
        w.write_all(b"second, but then")?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("out.json"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), ["out.json"]);
}

#[test]
fn a_path_below_a_file_or_in_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    for bad in ["file/out.png", "absent/out.png", "out.png/", ".", "..", ""] {
        let path = folder.path().join(bad);
        let error = check_writable(&path).unwrap_err();
        assert!(error.is_output() && error.to_string().contains(bad), "{error}");
        assert!(write(&path, "x").is_err(), "{bad}");
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn checking_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    check_writable(&folder.path().join("out.png")).unwrap();
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_file_that_nobody_may_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    fs::write(&path, "protected").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    for error in [check_writable(&path).unwrap_err(), write(&path, "x").unwrap_err()] {
        assert!(error.is_output(), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"protected");
    assert_eq!(names(folder.path()), ["out.json"]);
}

#[test]
fn leftovers_of_a_killed_run_are_removed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path(".uniultra-dead.part"), "half").unwrap();
    fs::write(path(".uniultra-other"), "").unwrap();
    fs::write(path("x.part"), "").unwrap();
    fs::create_dir(path(".uniultra-folder.old")).unwrap();
    let live = Part::create(folder.path(), None).unwrap();
    leftovers::remove(folder.path());
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(!path(".uniultra-dead.part").exists());
    drop(live);
    assert_eq!(names(folder.path()).len(), 3);
    // The first write to a folder does that by itself.
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join(".uniultra-dead.part"), "half").unwrap();
    write(&other.path().join("out"), "x").unwrap();
    assert_eq!(names(other.path()), ["out"]);
}

#[test]
fn overwriting_fits_any_length_and_comes_back_from_a_full_disk() {
    /// Content that cannot be read beyond its first bytes.
    struct Broken(Cursor<Vec<u8>>, u64);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() >= self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let most = buffer.len().min((self.1 - self.0.position()) as usize);
            self.0.read(&mut buffer[..most])
        }
    }
    impl io::Seek for Broken {
        fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for new in ["", "ab", "abcdef", "something longer"] {
        fs::write(&path, "older").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        overwrite(&file, &mut Cursor::new(new)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), new);
    }
    fs::write(&path, "older").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let mut source = Broken(Cursor::new(b"something longer".to_vec()), 8);
    let error = overwrite(&file, &mut source).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read_to_string(&path).unwrap(), "older");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn an_existing_file_keeps_its_mode_and_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        for bits in [0o600, 0o640, 0o666, 0o755, 0o200] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            write(&path, "new").unwrap();
            assert_eq!(mode(&path), bits);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        if chown(&path, Some(12_345), Some(54_321)).is_err() {
            eprintln!("SKIPPED: only root can check that the owner is kept");
            return;
        }
        write(&path, "newest").unwrap();
        let data = fs::metadata(&path).unwrap();
        assert_eq!((data.uid(), data.gid(), mode(&path)), (12_345, 54_321, 0o640));
        assert_eq!(fs::read(&path).unwrap(), b"newest");
    }

    #[test]
    fn other_names_of_a_file_keep_the_older_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("out"), "old").unwrap();
        fs::hard_link(path("out"), path("backup")).unwrap();
        write(&path("out"), "new").unwrap();
        let content = |name| fs::read_to_string(path(name)).unwrap();
        assert_eq!((content("out"), content("backup")), ("new".into(), "old".into()));
        assert_eq!(fs::metadata(path("out")).unwrap().nlink(), 1);
    }

    #[test]
    fn links_are_followed_also_to_what_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink("second", path("first")).unwrap();
        symlink("file", path("second")).unwrap();
        assert_eq!(write_target(&path("first")), write_target(&path("file")));
        for text in ["new", "newer"] {
            check_writable(&path("first")).unwrap();
            write(&path("first"), text).unwrap();
            assert_eq!(fs::read_to_string(path("file")).unwrap(), text);
            assert!(fs::symlink_metadata(path("first")).unwrap().is_symlink());
            assert!(fs::symlink_metadata(path("second")).unwrap().is_symlink());
        }
        symlink("absent/file", path("lost")).unwrap();
        symlink("loop", path("loop")).unwrap();
        for bad in ["lost", "loop"] {
            assert!(check_writable(&path(bad)).is_err() && write(&path(bad), "x").is_err());
        }
        assert_eq!(names(folder.path()).len(), 5);
    }

    #[test]
    fn a_pipe_is_checked_unopened_and_gets_the_content() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Nobody reads yet: opening the pipe would block.
        check_writable(&path).unwrap();
        assert_eq!(write_target(&path), None);
        let reader = {
            let path = path.clone();
            thread::spawn(move || fs::read_to_string(path).unwrap())
        };
        write(&path, "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert_eq!(names(folder.path()), ["pipe"]);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

    const LIST: &str = "system.posix_acl_access";

    /// An access control list: the owner may read and write, user 12345 as well, the owner's group
    /// nothing, others nothing. The mask, which the mode shows as the group's bits, is `rw-`.
    fn list() -> Vec<u8> {
        let nobody = u32::MAX;
        let entries =
            [(1, 6, nobody), (2, 6, 12_345), (4, 0, nobody), (16, 6, nobody), (32, 0, nobody)];
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend(u16::to_le_bytes(tag));
            bytes.extend(u16::to_le_bytes(rights));
            bytes.extend(u32::to_le_bytes(id));
        }
        bytes
    }

    fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
        let mut buffer = [0; 256];
        let length = rustix::fs::getxattr(path, name, &mut buffer[..]).ok()?;
        Some(buffer[..length].to_vec())
    }

    fn set(path: &Path, name: &str, value: &[u8]) -> bool {
        let set = rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty());
        if let Err(error) = set {
            eprintln!("SKIPPED: {name} cannot be set here: {error}");
        }
        set.is_ok()
    }

    #[test]
    fn access_control_lists_and_attributes_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        if set(&path, "user.patient", b"7") {
            write(&path, "new").unwrap();
            assert_eq!(attribute(&path, "user.patient").unwrap(), b"7");
        }
        if set(&path, LIST, &list()) {
            write(&path, "newer").unwrap();
            assert_eq!(attribute(&path, LIST), Some(list()));
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
        }
        assert_eq!(names(folder.path()), ["out"]);
    }

    /// The folder hands its list down to new files. A file that has none stays without.
    #[test]
    fn a_folder_s_list_does_not_open_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        if set(folder.path(), "system.posix_acl_default", &list()) {
            fs::write(folder.path().join("other"), "").unwrap();
            assert!(attribute(&folder.path().join("other"), LIST).is_some());
            write(&path, "new").unwrap();
            assert_eq!(attribute(&path, LIST), None);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
        }
    }

    #[test]
    fn a_full_device_is_an_error_and_stays_a_device() {
        let full = Path::new("/dev/full");
        check_writable(full).unwrap();
        let error = write(full, "x").unwrap_err();
        assert!(error.to_string().starts_with("cannot write /dev/full"), "{error}");
        assert!(fs::metadata(full).unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_descriptor_is_written_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "before\n").unwrap();
        let mut appending = File::options().append(true).open(&path).unwrap();
        let mut plain = File::options().write(true).open(&path).unwrap();
        let through = |file: &File, prefix: &str| {
            let path = PathBuf::from(format!("{prefix}/{}", file.as_raw_fd()));
            check_writable(&path).unwrap();
            write(&path, "report\n").unwrap();
        };
        through(&appending, "/dev/fd");
        appending.write_all(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nreport\nafter\n");
        plain.write_all(b"BEFORE\n").unwrap();
        through(&plain, "/proc/self/fd");
        plain.write_all(b"later\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "BEFORE\nreport\nlater\n");

        let number = plain.as_raw_fd();
        assert_eq!(
            write_target(Path::new(&format!("/proc/self/fd/{number}"))),
            Some(PathBuf::from(format!("/dev/fd/{number}")))
        );
        let reading = File::open(&path).unwrap();
        let by_name = format!("/dev/fd/{}", reading.as_raw_fd());
        let error = check_writable(Path::new(&by_name)).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("reading only"));
        assert!(check_writable(Path::new("/dev/fd/987654")).is_err());
        assert_eq!(names(folder.path()), ["log"]);
    }
}
