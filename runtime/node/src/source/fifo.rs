//! A FIFO that may be deleted and made again at the same path.
//!
//! A plain open or read of a FIFO waits for a writer, and would wait for ever on one that nobody can find any more. So
//! this one is opened and read without waiting, and while nothing comes, its path is looked at.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// How often the path of a silent FIFO is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// An open FIFO. A read waits for a writer; it ends when the writer does, or when the path leads to another FIFO.
#[derive(Debug)]
pub(super) struct Fifo {
    path: PathBuf,
    file: FileId,
    pipe: pipe::Receiver,
    runtime: Runtime,
    /// A writer has sent something.
    has_begun: bool,
}

/// Tells files apart, also after they are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file at a path, without following a link.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::symlink_metadata(path)?))
    }
}

impl From<&fs::Metadata> for FileId {
    fn from(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

impl Fifo {
    /// Opens a FIFO; there need not be a writer.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        // Looked at first: of a FIFO that is replaced in between, the next look finds that it is another.
        let file = FileId::from(&fs::metadata(path)?);
        let pipe = {
            let _guard = runtime.enter();
            pipe::OpenOptions::new().open_receiver(path)?
        };
        Ok(Self { path: path.to_path_buf(), file, pipe, runtime, has_begun: false })
    }

    /// Whether the path leads to another file. None at all may be about to be made.
    fn is_replaced(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| FileId::from(&found) != self.file)
    }
}

impl Read for Fifo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.try_read(buffer) {
                Ok(bytes) => {
                    self.has_begun |= bytes > 0;
                    return Ok(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            let readable =
                self.runtime.block_on(async { timeout(LOOK, self.pipe.readable()).await });
            match readable {
                Ok(outcome) => outcome?,
                Err(_) if self.is_replaced() => {
                    log::info!("{} was made anew and is opened again", self.path.display());
                    if self.has_begun {
                        return Err(io::Error::other(
                            "the FIFO was replaced while a frame was read",
                        ));
                    }
                    return Ok(0);
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;
    use std::process::Command;
    use std::thread;

    fn make(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    fn read_to_end(mut fifo: Fifo) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fifo.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn a_reader_notices_that_its_fifo_was_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        make(&path);
        let waiting = Fifo::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        make(&path);
        // Nobody can ever write to the old one.
        assert_eq!(read_to_end(waiting).unwrap(), b"");
        let again = Fifo::open(&path).unwrap();
        let reader = thread::spawn(move || read_to_end(again));
        File::options().write(true).open(&path).unwrap().write_all(b"frames").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b"frames");
    }

    #[test]
    fn a_writer_of_a_replaced_fifo_that_went_silent_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        make(&path);
        let fifo = Fifo::open(&path).unwrap();
        let mut writer = File::options().write(true).open(&path).unwrap();
        writer.write_all(b"half a frame").unwrap();
        fs::remove_file(&path).unwrap();
        make(&path);
        let error = read_to_end(fifo).unwrap_err().to_string();
        assert!(error.contains("replaced"), "{error}");
    }

    #[test]
    fn what_is_no_fifo_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "bytes").unwrap();
        assert!(Fifo::open(&path).is_err());
        assert!(Fifo::open(&folder.path().join("none")).is_err());
    }
}
