//! PyTorch's files: a pickle that describes tensors, and raw storages that hold them.
//!
//! `archive` finds both in a zip, `legacy` in a file of before 1.6. `unpickle` reads pickles into `object`s; `global` lists the
//! names that may occur. `rebuild` finds the descriptions of tensors, `state_dict` the dictionary of
//! the network's, and `storage` gathers their values.

mod archive;
mod global;
mod legacy;
mod object;
mod rebuild;
mod source;
mod state_dict;
mod storage;
mod unpickle;

use super::{Choice, Content, Entries};
use crate::{CheckpointError, Tensor};
use archive::Archive;
use legacy::Legacy;
pub(super) use legacy::is_legacy;
use rebuild::Described;
use std::borrow::Cow;
use storage::Stored;
use unpickle::{Pickle, unpickle};

pub(super) fn read(bytes: &[u8], choice: Choice<'_>) -> Result<Entries, CheckpointError> {
    let mut archive = Archive::open(bytes)?;
    let pickle = unpickle(&archive.pickle()?)?;
    let storage_bytes = archive.storage_bytes();
    entries(&pickle, choice, storage_bytes, |key| archive.storage(key).map(Cow::Owned))
}

pub(super) fn read_legacy(bytes: &[u8], choice: Choice<'_>) -> Result<Entries, CheckpointError> {
    let file = Legacy::open(bytes)?;
    let storage_bytes = file.storage_bytes();
    entries(&file.pickle, choice, storage_bytes, |key| file.storage(key).map(Cow::Borrowed))
}

/// The network's tensors. `storage` gives the bytes of one of the storages, which have
/// `storage_bytes` together.
fn entries<'a>(
    pickle: &Pickle,
    choice: Choice<'_>,
    storage_bytes: u64,
    storage: impl FnMut(&str) -> Result<Cow<'a, [u8]>, CheckpointError>,
) -> Result<Entries, CheckpointError> {
    let found = state_dict::find(pickle, choice)?;
    let mut entries = Entries { tensors: Vec::new(), ignored: found.ignored };
    let mut stored = Vec::new();
    for (name, tensor) in found.tensors {
        match tensor {
            Described::Float(view) => stored.push((name, view)),
            Described::Other { shape, kind } => {
                entries.tensors.push((name, Content::Other { shape, kind }));
            }
        }
    }
    check_total(&stored, storage_bytes)?;
    gather(stored, storage, &mut entries)?;
    Ok(entries)
}

/// Views may share a storage, but many views of one storage must not fill the memory: all
/// together may have as many elements as the storages have bytes, several times what any file
/// needs.
fn check_total(stored: &[(String, Stored)], storage_bytes: u64) -> Result<(), CheckpointError> {
    let counts = stored.iter().map(|(_, tensor)| tensor.element_count() as u64);
    let total = counts.fold(0_u64, u64::saturating_add);
    if total > storage_bytes {
        return Err(corrupt(format!(
            "the tensors claim {total} elements, more than {storage_bytes} bytes of storages can \
             mean"
        )));
    }
    Ok(())
}

fn gather<'a>(
    mut stored: Vec<(String, Stored)>,
    mut storage: impl FnMut(&str) -> Result<Cow<'a, [u8]>, CheckpointError>,
    entries: &mut Entries,
) -> Result<(), CheckpointError> {
    // In the order of storages, so that a storage that many tensors share is read once.
    stored.sort_by(|(_, a), (_, b)| a.storage.key.cmp(&b.storage.key));
    let mut current: Option<(String, Cow<'a, [u8]>)> = None;
    for (name, tensor) in stored {
        let key = &tensor.storage.key;
        let bytes = match current.take() {
            Some((read, bytes)) if read == *key => bytes,
            _ => storage(key)?,
        };
        let values = tensor.values(&bytes)?;
        current = Some((tensor.storage.key, bytes));
        entries.tensors.push((name, Content::Floats(Tensor::new(tensor.shape, values)?)));
    }
    Ok(())
}

fn corrupt(what: impl Into<String>) -> CheckpointError {
    CheckpointError::Corrupt { format: "PyTorch file", what: what.into() }
}
