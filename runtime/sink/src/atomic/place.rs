//! What a path leads to.

use super::folder_of;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Most links to follow, as Linux does.
const MAX_LINKS: usize = 40;

/// What a write to a path changes. Links are resolved.
#[derive(Debug)]
pub(super) enum Place {
    /// Nothing yet: a file is to be made.
    New(PathBuf),
    /// A regular file.
    File(PathBuf),
    /// Something that is written in place.
    Stream(Stream),
}

/// Something that a rename would destroy.
#[derive(Debug)]
pub(super) enum Stream {
    /// An open descriptor of this process.
    Own(i32),
    /// A descriptor of another process, which may be a file that others append to.
    Foreign(PathBuf),
    /// A pipe, device or socket.
    Device(PathBuf),
}

impl Place {
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        let invalid = |message| io::Error::new(io::ErrorKind::InvalidInput, message);
        let slash = |byte: u8| std::path::is_separator(char::from(byte));
        let ends_in_slash = path.as_os_str().as_encoded_bytes().last().copied().is_some_and(slash);
        if path.file_name().is_none() || (ends_in_slash && !path.is_dir()) {
            return Err(invalid("not a file name"));
        }
        let mut path = path.to_path_buf();
        for _ in 0..MAX_LINKS {
            if let Some(stream) = descriptor(&path) {
                return Ok(Self::Stream(stream));
            }
            let data = match fs::symlink_metadata(&path) {
                Ok(data) => data,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::New(path)),
                Err(e) => return Err(e),
            };
            if data.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
            } else if data.is_file() {
                return Ok(Self::File(path));
            } else if !data.is_symlink() {
                return Ok(Self::Stream(Stream::Device(path)));
            }
            // Resolved, so that a rename replaces the file and not the link.
            path = folder_of(&path).join(fs::read_link(&path)?);
        }
        Err(invalid("too many links"))
    }
}

impl Stream {
    /// Opens it for writing.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Own(number) => linux::duplicate(*number),
            #[cfg(not(target_os = "linux"))]
            Self::Own(number) => File::options().append(true).open(format!("/dev/fd/{number}")),
            Self::Foreign(path) => File::options().append(true).open(path),
            Self::Device(path) => File::options().write(true).open(path),
        }
    }

    /// Checks that it can be written. A pipe or device is not opened: whoever reads a pipe would
    /// see its end.
    pub(super) fn check(&self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Own(_) => linux::check_writable(&self.open()?),
            #[cfg(unix)]
            Self::Foreign(path) | Self::Device(path) => {
                Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
            }
            #[allow(unreachable_patterns, reason = "reached on other systems than Linux")]
            _ => self.open().map(drop),
        }
    }

    /// The one name of a descriptor of this process.
    pub(super) fn descriptor(&self) -> Option<PathBuf> {
        match self {
            Self::Own(number) => Some(PathBuf::from(format!("/dev/fd/{number}"))),
            Self::Foreign(path) => Some(path.clone()),
            Self::Device(_) => None,
        }
    }
}

/// The descriptor that a path like `/dev/fd/1` or `/proc/self/fd/1` stands for. The file system says
/// that such a path is a link to a file, but a rename over that file would hide it from all others
/// who hold it open, such as a shell that appends to a log.
#[cfg(target_os = "linux")]
fn descriptor(path: &Path) -> Option<Stream> {
    let number = path.file_name()?.to_str()?.parse::<u32>().ok()?;
    let folder = fs::canonicalize(folder_of(path)).ok()?;
    if !(folder.starts_with("/proc") && folder.ends_with("fd")) {
        return None;
    }
    let own = fs::canonicalize("/proc/self").is_ok_and(|own| folder.starts_with(own));
    let number = i32::try_from(number).ok()?;
    Some(if own { Stream::Own(number) } else { Stream::Foreign(folder.join(number.to_string())) })
}

#[cfg(not(target_os = "linux"))]
fn descriptor(path: &Path) -> Option<Stream> {
    let name = path.file_name()?.to_str()?;
    let number = match folder_of(path).to_str()? {
        "/dev/fd" => name.parse::<u32>().ok()?,
        "/dev" => ["stdin", "stdout", "stderr"].iter().position(|n| *n == name)? as u32,
        _ => return None,
    };
    Some(Stream::Own(i32::try_from(number).ok()?))
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::fs::{OFlags, fcntl_getfl};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::{AsFd, OwnedFd};

    /// Another handle of a descriptor, with the same position. Opening `/proc/self/fd/N` would start
    /// at the beginning of a file.
    pub(super) fn duplicate(number: i32) -> io::Result<File> {
        let handle: OwnedFd = match number {
            1 => {
                io::stdout().flush()?;
                io::stdout().as_fd().try_clone_to_owned()?
            }
            2 => io::stderr().as_fd().try_clone_to_owned()?,
            _ => {
                let own = || {
                    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
                    pidfd_getfd(process, number, PidfdGetfdFlags::empty())
                };
                match own() {
                    Ok(handle) => handle,
                    Err(rustix::io::Errno::BADF) => return Err(not_open(number)),
                    // An old kernel, or one that forbids the call: at the end of the file at least.
                    Err(_) => {
                        let path = format!("/proc/self/fd/{number}");
                        return File::options().append(true).open(path);
                    }
                }
            }
        };
        Ok(File::from(handle))
    }

    pub(super) fn check_writable(file: &File) -> io::Result<()> {
        if fcntl_getfl(file)?.intersects(OFlags::WRONLY | OFlags::RDWR) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "is open for reading only"))
    }

    fn not_open(number: i32) -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, format!("descriptor {number} is not open"))
    }
}
