//! Streams of bytes: standard input, a file, a FIFO, a Unix socket.

use super::Feed;
use super::fifo::Fifo;
use super::socket::{Socket, SocketFile};
use super::spec::ByteSource;
use crate::NodeError;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileTypeExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
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
    Socket(Socket),
}

impl Opened {
    /// Opens a source. A socket's file stays as long as the second value.
    pub(super) fn new(source: &ByteSource) -> Result<(Self, Option<SocketFile>), NodeError> {
        let failed = |error| NodeError::Source { name: source.to_string(), source: error };
        match source {
            ByteSource::Stdin => Ok((Self::Once(Some(Box::new(io::stdin()))), None)),
            ByteSource::Path(path) => {
                // Opened by the thread, which opens it again for every writer.
                let kind = fs::metadata(path).map_err(failed)?.file_type();
                if kind.is_fifo() {
                    return Ok((Self::Fifo(path.clone()), None));
                }
                if kind.is_dir() {
                    let reason =
                        "expected a file or a FIFO, found a folder; dir:FOLDER@FPS reads one";
                    return Err(failed(io::Error::other(reason)));
                }
                Ok((Self::Once(Some(Box::new(File::open(path).map_err(failed)?))), None))
            }
            ByteSource::UnixSocket(path) => {
                let (socket, file) = Socket::listen(path).map_err(failed)?;
                Ok((Self::Socket(socket), Some(file)))
            }
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
        let mut fails = false;
        while let Some(opened) = self.next() {
            let stream = match opened {
                Ok(stream) => stream,
                Err(error) => {
                    // Once, not at every attempt until it is there again.
                    if !std::mem::replace(&mut fails, true) {
                        feed.error(&error.to_string());
                    }
                    thread::sleep(REOPEN);
                    continue;
                }
            };
            fails = false;
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

    fn next(&mut self) -> Option<io::Result<Box<dyn Read + Send + '_>>> {
        match self {
            Self::Once(stream) => stream.take().map(|stream| Ok(stream as _)),
            Self::Fifo(path) => Some(Fifo::open(path).map(|fifo| Box::new(fifo) as _)),
            Self::Socket(socket) => Some(socket.accept().map(|writer| Box::new(writer) as _)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let error = Opened::new(&ByteSource::Path("/nowhere/at/all".into())).err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
