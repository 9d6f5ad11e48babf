//! The format of `torch.save` before PyTorch 1.6, and since then with
//! `_use_new_zipfile_serialization=False`: pickles and raw storages one after the other.
//!
//! The pickles are a magic number, a version, facts about the machine, the checkpoint, and a list of
//! the storages' keys. The storages follow in the order of the list, each as its number of elements
//! in 64 bits and then its elements. A storage does not say how wide its elements are: that is in
//! the checkpoint's pickle. There are no checksums.

use super::corrupt;
use super::global::Global;
use super::object::{Id, Object, Objects};
use super::unpickle::{Pickle, unpickle_first};
use crate::CheckpointError;
use std::collections::HashMap;

/// The magic number as a pickle holds it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The magic number ends within so many bytes, whatever the pickle's protocol.
const MAGIC_WITHIN: usize = 32;

/// The only version there was.
const VERSION: i64 = 1001;

/// A file's parts.
pub(super) struct Legacy<'a> {
    pub(super) pickle: Pickle,
    storages: HashMap<String, &'a [u8]>,
}

/// Whether a file that begins with a pickle is one of this format.
pub(crate) fn is_legacy(bytes: &[u8]) -> bool {
    let start = bytes.get(..MAGIC_WITHIN).unwrap_or(bytes);
    start.windows(MAGIC.len()).any(|window| window == MAGIC)
}

impl<'a> Legacy<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let (_, rest) = unpickle_first(bytes)?;
        let (version, rest) = unpickle_first(rest)?;
        check_version(&version)?;
        let (machine, rest) = unpickle_first(rest)?;
        check_byte_order(&machine)?;
        let (pickle, rest) = unpickle_first(rest)?;
        let (keys, rest) = unpickle_first(rest)?;
        let storages = storages(&element_bytes(&pickle.objects), &keys, rest)?;
        Ok(Self { pickle, storages })
    }

    /// The raw bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Result<&'a [u8], CheckpointError> {
        let found = self.storages.get(key).copied();
        found.ok_or_else(|| corrupt(format!("storage `{key}`: expected, not found")))
    }

    /// Bytes of all storages together.
    pub(super) fn storage_bytes(&self) -> u64 {
        self.storages.values().map(|bytes| bytes.len() as u64).sum()
    }
}

fn check_version(version: &Pickle) -> Result<(), CheckpointError> {
    match version.objects.get(version.root) {
        Object::Int(VERSION) => Ok(()),
        Object::Int(other) => Err(corrupt(format!("expected version {VERSION}, found {other}"))),
        other => Err(corrupt(format!("expected version {VERSION}, found {}", other.kind()))),
    }
}

fn check_byte_order(machine: &Pickle) -> Result<(), CheckpointError> {
    let objects = &machine.objects;
    let Object::Dict(facts) = objects.get(machine.root) else {
        let found = objects.get(machine.root).kind();
        return Err(corrupt(format!("expected facts about the machine, found {found}")));
    };
    let is_order = |(key, _): &&(Id, Id)| objects.text(*key) == Some("little_endian");
    match facts.iter().find(is_order).map(|(_, value)| objects.get(*value)) {
        Some(Object::Bool(true)) => Ok(()),
        Some(Object::Bool(false)) => Err(corrupt("expected byte order `little`, found `big`")),
        _ => Err(corrupt("expected the machine's byte order, not found")),
    }
}

/// Width of the elements of every storage that a pickle refers to.
fn element_bytes(objects: &Objects) -> HashMap<&str, Option<usize>> {
    let mut widths = HashMap::new();
    for object in objects.iter() {
        let Object::Persistent(id) = object else { continue };
        let Some(&[_, class, key, ..]) = objects.tuple(*id) else { continue };
        let (Object::Global(Global::Storage(class)), Some(key)) =
            (objects.get(class), objects.text(key))
        else {
            continue;
        };
        widths.insert(key, width(class));
    }
    widths
}

fn width(class: &str) -> Option<usize> {
    Some(match class.strip_suffix("Storage")? {
        "Byte" | "Char" | "Bool" | "QInt8" | "QUInt8" | "Untyped" => 1,
        "Half" | "BFloat16" | "Short" => 2,
        "Float" | "Int" | "QInt32" => 4,
        "Double" | "Long" | "ComplexFloat" => 8,
        "ComplexDouble" => 16,
        _ => return None,
    })
}

fn storages<'a>(
    widths: &HashMap<&str, Option<usize>>,
    keys: &Pickle,
    mut rest: &'a [u8],
) -> Result<HashMap<String, &'a [u8]>, CheckpointError> {
    let objects = &keys.objects;
    let Object::List(list) = objects.get(keys.root) else {
        let found = objects.get(keys.root).kind();
        return Err(corrupt(format!("expected a list of storages, found {found}")));
    };
    let mut storages = HashMap::new();
    for key in list {
        let Some(key) = objects.text(*key) else {
            let found = objects.get(*key).kind();
            return Err(corrupt(format!("expected a storage's key, found {found}")));
        };
        let bad = |what: String| corrupt(format!("storage `{key}`: {what}"));
        let width = match widths.get(key) {
            Some(Some(width)) => *width,
            Some(None) => return Err(bad("expected a known type of elements".to_string())),
            None => return Err(bad("expected a tensor that uses it, not found".to_string())),
        };
        let Some((&count, after)) = rest.split_first_chunk() else {
            return Err(bad(format!("expected its size, found {} bytes", rest.len())));
        };
        let count = u64::from_le_bytes(count);
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
        let Some((content, after)) = length.and_then(|length| after.split_at_checked(length))
        else {
            let left = after.len();
            return Err(bad(format!(
                "expected {count} elements of {width} bytes, found {left} bytes left"
            )));
        };
        if storages.insert(key.to_string(), content).is_some() {
            return Err(bad("expected once, found twice".to_string()));
        }
        rest = after;
    }
    if !rest.is_empty() {
        return Err(corrupt(format!("expected the end, found {} more bytes", rest.len())));
    }
    Ok(storages)
}
