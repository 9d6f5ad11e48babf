//! PyTorch archives: a zip with one pickle that describes tensors and raw storages that hold them.
//!
//! `archive` extracts the pickle's bytes. `unpickle` reads them into a tree of `object`s, which
//! `cost` keeps within limits. `state_dict` finds descriptions of tensors in the tree, and
//! `storage` gathers their values.

mod archive;
mod cost;
mod object;
mod state_dict;
mod storage;
mod unpickle;

use super::Entries;
use crate::{CheckpointError, Tensor};
use archive::Archive;
use storage::Stored;
use unpickle::unpickle;

pub(super) fn read(bytes: &[u8]) -> Result<Entries, CheckpointError> {
    let mut archive = Archive::open(bytes)?;
    let state_dict = state_dict::find(unpickle(&archive.pickle()?)?)?;
    check_total(&state_dict.stored, bytes.len())?;
    Ok(Entries { tensors: gather(state_dict.stored, &mut archive)?, ignored: state_dict.ignored })
}

/// Views may share a storage, but many views of one storage must not fill the memory: all
/// together may have as many elements as the file has bytes, several times what any file needs.
fn check_total(stored: &[Stored], file_bytes: usize) -> Result<(), CheckpointError> {
    let counts = stored.iter().map(|tensor| tensor.element_count());
    let total = counts.fold(0_usize, usize::saturating_add);
    if total > file_bytes {
        return Err(corrupt(format!(
            "the tensors claim {total} elements, more than the {file_bytes} bytes of the file \
             can mean"
        )));
    }
    Ok(())
}

fn gather(
    mut stored: Vec<Stored>,
    archive: &mut Archive<'_>,
) -> Result<Vec<(String, Tensor)>, CheckpointError> {
    // In the order of storages, so that a storage that many tensors share is read once.
    stored.sort_by(|a, b| a.storage.key.cmp(&b.storage.key));
    let mut current: Option<(String, Vec<u8>)> = None;
    let mut tensors = Vec::with_capacity(stored.len());
    for tensor in stored {
        let key = &tensor.storage.key;
        let bytes = match current.take() {
            Some((read, bytes)) if read == *key => bytes,
            _ => archive.storage(key)?,
        };
        let values = tensor.values(&bytes)?;
        current = Some((tensor.storage.key, bytes));
        tensors.push((tensor.name, Tensor::new(tensor.shape, values)?));
    }
    Ok(tensors)
}

fn corrupt(what: impl Into<String>) -> CheckpointError {
    CheckpointError::Corrupt { format: "PyTorch archive", what: what.into() }
}
