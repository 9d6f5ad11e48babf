//! PyTorch archives: a zip with one pickle that describes tensors and raw storages that hold them.
//!
//! `archive` extracts the pickle's bytes. `unpickle` reads them into `object`s; `global` lists the
//! names that may occur. `rebuild` finds the descriptions of tensors, `state_dict` the dictionary of
//! the network's, and `storage` gathers their values.

mod archive;
mod global;
mod object;
mod rebuild;
mod source;
mod state_dict;
mod storage;
mod unpickle;

use super::{Choice, Content, Entries};
use crate::{CheckpointError, Tensor};
use archive::Archive;
use rebuild::Described;
use storage::Stored;
use unpickle::unpickle;

pub(super) fn read(bytes: &[u8], choice: Choice<'_>) -> Result<Entries, CheckpointError> {
    let mut archive = Archive::open(bytes)?;
    let found = state_dict::find(&unpickle(&archive.pickle()?)?, choice)?;
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
    check_total(&stored, archive.storage_bytes())?;
    gather(stored, &mut archive, &mut entries)?;
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

fn gather(
    mut stored: Vec<(String, Stored)>,
    archive: &mut Archive<'_>,
    entries: &mut Entries,
) -> Result<(), CheckpointError> {
    // In the order of storages, so that a storage that many tensors share is read once.
    stored.sort_by(|(_, a), (_, b)| a.storage.key.cmp(&b.storage.key));
    let mut current: Option<(String, Vec<u8>)> = None;
    for (name, tensor) in stored {
        let key = &tensor.storage.key;
        let bytes = match current.take() {
            Some((read, bytes)) if read == *key => bytes,
            _ => archive.storage(key)?,
        };
        let values = tensor.values(&bytes)?;
        current = Some((tensor.storage.key, bytes));
        entries.tensors.push((name, Content::Floats(Tensor::new(tensor.shape, values)?)));
    }
    Ok(())
}

fn corrupt(what: impl Into<String>) -> CheckpointError {
    CheckpointError::Corrupt { format: "PyTorch archive", what: what.into() }
}
