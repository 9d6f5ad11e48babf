//! Files that grow by whole lines.

use crate::SinkError;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines that is only appended to. A program may be killed at any time: its next run cuts off the last line
/// if that is not whole, and goes on. Only one program at a time has it open.
///
/// ```
/// use uniultra_sink::AppendedLines;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("results.jsonl");
/// std::fs::write(&path, "{\"a\": 1}\n{\"b\":")?;
/// let mut lines = AppendedLines::open(&path)?;
/// lines.push("{\"c\": 3}\n")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"a\": 1}\n{\"c\": 3}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AppendedLines {
    path: PathBuf,
    file: File,
    is_empty: bool,
}

impl AppendedLines {
    /// Opens or makes a file. A last line that a killed run left unfinished is cut off.
    ///
    /// # Errors
    /// [`SinkError::Write`] if the file cannot be opened, or if another program has it open.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            // The lock goes with the process, however it ends.
            file.try_lock().map_err(|_| {
                io::Error::new(io::ErrorKind::WouldBlock, "another program writes to it")
            })?;
            let length = file.metadata()?.len();
            let whole = whole_lines(&mut file, length)?;
            if whole != length {
                file.set_len(whole)?;
            }
            Ok(Self { path: path.to_path_buf(), file, is_empty: whole == 0 })
        };
        open().map_err(|source| SinkError::write(path, source))
    }

    /// Whether it has no line yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Appends a line, which ends in a line's end.
    ///
    /// # Errors
    /// [`SinkError::Write`].
    pub fn push(&mut self, line: &str) -> Result<(), SinkError> {
        self.is_empty = false;
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| SinkError::write(&self.path, source))
    }
}

/// Bytes up to the last line's end. Reads backwards: a recording of hours has gigabytes.
fn whole_lines(file: &mut File, mut end: u64) -> io::Result<u64> {
    const STEP: u64 = 1 << 16;
    let mut bytes = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        bytes.clear();
        file.take(end - start).read_to_end(&mut bytes)?;
        if let Some(place) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_unfinished_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.jsonl");
        fs::write(&path, "{\"a\": 1}\n{\"b\":").unwrap();
        let mut lines = AppendedLines::open(&path).unwrap();
        assert!(!lines.is_empty());
        lines.push("{\"c\": 3}\n").unwrap();
        // While it is open, nobody else may have it.
        assert!(AppendedLines::open(&path).unwrap_err().is_output());
        drop(lines);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\": 1}\n{\"c\": 3}\n");
        fs::write(&path, vec![b'x'; 200_000]).unwrap();
        assert!(AppendedLines::open(&path).unwrap().is_empty());
        fs::write(&path, format!("kept\n{}", "x".repeat(200_000))).unwrap();
        drop(AppendedLines::open(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept\n");
    }
}
