//! Streams of bytes: standard input, a file, a FIFO, a Unix socket.

use super::Feed;
use super::spec::ByteSource;
use crate::NodeError;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Pause before a FIFO is opened again: its writer may be gone for long.
const REOPEN: Duration = Duration::from_millis(200);

/// A source of bytes that is there.
pub(super) enum Opened {
    /// One stream, then the end.
    Once(Option<Box<dyn Read + Send>>),
    /// A new stream for every writer.
    Fifo(PathBuf),
    Socket(UnixListener),
}

impl Opened {
    pub(super) fn new(source: &ByteSource) -> Result<Self, NodeError> {
        let failed = |error| NodeError::Source { name: source.to_string(), source: error };
        match source {
            ByteSource::Stdin => Ok(Self::Once(Some(Box::new(io::stdin())))),
            ByteSource::Path(path) => {
                // Opening a FIFO waits for its writer, so that is left to the thread.
                let kind = fs::metadata(path).map_err(failed)?.file_type();
                if kind.is_fifo() {
                    return Ok(Self::Fifo(path.clone()));
                }
                if kind.is_dir() {
                    let reason =
                        "expected a file or a FIFO, found a folder; dir:FOLDER@FPS reads one";
                    return Err(failed(io::Error::other(reason)));
                }
                Ok(Self::Once(Some(Box::new(File::open(path).map_err(failed)?))))
            }
            ByteSource::UnixSocket(path) => Ok(Self::Socket(listen(path).map_err(failed)?)),
        }
    }

    /// Whether it is a file, which is read faster than it was recorded.
    pub(super) fn is_file(source: &ByteSource) -> bool {
        matches!(source, ByteSource::Path(path) if path.is_file())
    }

    /// Passes each stream to `read` until there is none left.
    pub(super) fn read_streams(
        &mut self,
        feed: &mut Feed,
        mut read: impl FnMut(&mut dyn Read, &mut Feed) -> Result<(), String>,
    ) {
        while let Some(stream) = self.next(feed) {
            let mut stream = BufReader::new(stream);
            // A writer that came and went without a byte is no error.
            let outcome = match stream.fill_buf() {
                Ok([]) => Ok(()),
                // A fault of a reader ends its stream, not the source.
                Ok(_) => catch_unwind(AssertUnwindSafe(|| read(&mut stream, feed)))
                    .unwrap_or_else(|_| Err("the stream broke the reader".to_string())),
                Err(error) => Err(error.to_string()),
            };
            if let Err(message) = outcome {
                feed.error(&message);
            }
            feed.wait();
        }
        feed.end();
    }

    fn next(&mut self, feed: &Feed) -> Option<Box<dyn Read + Send>> {
        loop {
            let opened: io::Result<Box<dyn Read + Send>> = match self {
                Self::Once(stream) => return stream.take(),
                Self::Fifo(path) => File::open(path).map(|file| Box::new(file) as _),
                Self::Socket(listener) => {
                    listener.accept().map(|(stream, _)| Box::new(stream) as _)
                }
            };
            match opened {
                Ok(stream) => return Some(stream),
                Err(error) => feed.error(&error.to_string()),
            }
            thread::sleep(REOPEN);
        }
    }
}

/// A socket that only this user may connect to. One that a killed run left behind is replaced; one that is in use
/// is not.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_socket_is_replaced_and_a_used_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.sock");
        let first = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        drop(listen(&path).unwrap());
        let file = folder.path().join("file");
        fs::write(&file, "kept").unwrap();
        assert!(listen(&file).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"kept");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Opened::new(&ByteSource::Path("/nowhere/at/all".into())).err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
