//! A Unix socket that frames come through, one writer after the other.

use super::fifo::FileId;
use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a writer may be silent while another one waits. Alone it may be silent for ever: the scanner is frozen.
const SILENCE: Duration = Duration::from_secs(2);

/// How often a silent writer is checked, as a share of that time.
const LOOKS: u32 = 8;

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    silence: Duration,
    /// A writer that took the place of a silent one.
    next: Option<UnixStream>,
}

/// The socket's file, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    file: FileId,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another program may have put its own file there.
        if FileId::of(&self.path).is_ok_and(|found| found == self.file)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

impl Socket {
    /// Makes a socket that only this user may connect to.
    pub(super) fn listen(path: &Path) -> io::Result<(Self, SocketFile)> {
        make_room(path)?;
        let listener = UnixListener::bind(path)?;
        let file = SocketFile { path: path.to_path_buf(), file: FileId::of(path)? };
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok((Self { listener, silence: SILENCE, next: None }, file))
    }

    /// The next writer.
    pub(super) fn accept(&mut self) -> io::Result<Writer<'_>> {
        let stream = match self.next.take() {
            Some(stream) => stream,
            None => {
                self.listener.set_nonblocking(false)?;
                self.listener.accept()?.0
            }
        };
        self.listener.set_nonblocking(true)?;
        stream.set_read_timeout(Some(self.silence / LOOKS))?;
        Ok(Writer { stream, socket: self, heard: Instant::now() })
    }
}

/// Removes a socket that a killed run left behind: one that nobody listens to. Anything else stays.
fn make_room(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.is_socket() {
        let what = if found.is_dir() { "a folder" } else { "a file that is no socket" };
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("expected a free path or an unused socket, found {what}; choose another path"),
        ));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // It was removed just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Whatever else hinders a connection, somebody may listen.
        _ => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "expected an unused socket, found one that a program listens to; end that program or choose another path",
        )),
    }
}

/// A writer's stream. It ends with an error if the writer is silent while another one waits.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    stream: UnixStream,
    socket: &'a mut Socket,
    /// When the last bytes came.
    heard: Instant,
}

impl Read for Writer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                // A read timeout.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.heard = Instant::now();
                    return outcome;
                }
            }
            if self.heard.elapsed() < self.socket.silence {
                continue;
            }
            if let Ok((next, _)) = self.socket.listener.accept() {
                self.socket.next = Some(next);
                let silent_s = self.heard.elapsed().as_secs();
                return Err(io::Error::other(format!(
                    "the writer sent nothing for {silent_s} s, and another one took its place"
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_left_socket_is_replaced_and_anything_else_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.sock");
        let (first, file) = Socket::listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = Socket::listen(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("a program listens to"), "{error}");
        // A run that is killed removes nothing.
        drop(first);
        std::mem::forget(file);
        assert!(path.exists());
        drop(Socket::listen(&path).unwrap());
        for (path, word) in
            [(folder.path().join("file"), "no socket"), (folder.path().into(), "a folder")]
        {
            if !path.exists() {
                fs::write(&path, "kept").unwrap();
            }
            let error = Socket::listen(&path).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
            assert!(path.exists());
        }
    }

    #[test]
    fn the_file_is_removed_at_the_end_unless_it_is_another_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.sock");
        let (socket, file) = Socket::listen(&path).unwrap();
        // The thread that reads may outlive the file.
        drop(file);
        assert!(!path.exists());
        drop(socket);
        let (_socket, file) = Socket::listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"another's");
    }

    #[test]
    fn a_silent_writer_gives_way_to_one_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.sock");
        let (mut socket, _file) = Socket::listen(&path).unwrap();
        socket.silence = Duration::from_millis(40);
        let mut silent = UnixStream::connect(&path).unwrap();
        silent.write_all(b"begun").unwrap();
        let mut writer = socket.accept().unwrap();
        let mut bytes = [0; 16];
        assert_eq!(writer.read(&mut bytes).unwrap(), 5);
        UnixStream::connect(&path).unwrap().write_all(b"frames").unwrap();
        let error = writer.read(&mut bytes).unwrap_err().to_string();
        assert!(error.contains("another one took its place"), "{error}");
        let mut all = Vec::new();
        socket.accept().unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all, b"frames");
    }

    #[test]
    fn a_silent_writer_that_is_alone_may_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.sock");
        let (mut socket, _file) = Socket::listen(&path).unwrap();
        socket.silence = Duration::from_millis(8);
        let mut slow = UnixStream::connect(&path).unwrap();
        let mut writer = socket.accept().unwrap();
        let sends = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            slow.write_all(b"late").unwrap();
        });
        let mut all = Vec::new();
        writer.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"late");
        sends.join().unwrap();
    }
}
