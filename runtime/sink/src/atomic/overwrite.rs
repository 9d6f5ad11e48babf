//! Overwrites a file that cannot be replaced.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Overwrites `target`, open for writing, with all of `source`.
///
/// What is longer than the old content is written first: it alone needs room on the disk. If there is
/// none, the old content is still there, and the error is returned.
pub(super) fn overwrite(target: &File, source: &mut (impl Read + Seek)) -> io::Result<()> {
    let mut target = target;
    let old_length = target.metadata()?.len();
    let new_length = source.seek(SeekFrom::End(0))?;
    if new_length > old_length {
        source.seek(SeekFrom::Start(old_length))?;
        target.seek(SeekFrom::Start(old_length))?;
        // Some file systems find out only when they sync.
        let longer = io::copy(source, &mut target).and_then(|_| target.sync_data());
        if let Err(error) = longer {
            target.set_len(old_length)?;
            return Err(error);
        }
    }
    source.rewind()?;
    target.rewind()?;
    io::copy(&mut source.take(old_length), &mut target)?;
    target.set_len(new_length)?;
    target.sync_all()
}
