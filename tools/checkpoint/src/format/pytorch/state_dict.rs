//! Finds the network's dictionary among all that a pickle holds.
//!
//! Training programs put it under many names, often beside an optimiser's tensors and a copy with
//! averaged weights. Its tensors' names tell it apart, not the key under which it lies.

use super::object::{Id, Object, Objects};
use super::rebuild::{self, Described};
use super::unpickle::Pickle;
use crate::CheckpointError;
use crate::format::Choice;
use crate::names;
use std::collections::{HashSet, VecDeque};

/// Deepest dictionary that is looked at; the file's own is at depth 0.
const MAX_DEPTH: usize = 4;

/// Most dictionaries and most entries of all: settings can have many, networks have thousands.
const MAX_DICTIONARIES: usize = 4096;
const MAX_ENTRIES: usize = 1 << 18;

/// Longest name of a tensor, in bytes. SAM 2 has 67.
const MAX_NAME_BYTES: usize = 1024;

/// Parts of keys under which training programs keep what is no part of the network.
const TRAINERS: [&str; 7] =
    ["optim", "sched", "scaler", "callback", "metric", "loops", "rng_state"];

#[derive(Debug, Default)]
pub(super) struct StateDict {
    pub(super) tensors: Vec<(String, Described)>,
    /// Names of entries that were not read.
    pub(super) ignored: Vec<String>,
}

/// A dictionary with texts as keys.
struct Dictionary {
    /// Keys that lead to it, joined by points; empty for the file's own.
    path: String,
    tensors: Vec<(String, Described)>,
    /// Every other key.
    others: Vec<String>,
}

/// The network's tensors, and those that may have been trained beside them.
pub(super) fn find(pickle: &Pickle, choice: Choice<'_>) -> Result<StateDict, CheckpointError> {
    let mut all = dictionaries(pickle)?;
    let chosen = match choice {
        Some(key) => all.iter().position(|dictionary| dictionary.path == key),
        None => choose(&all)?,
    };
    let Some(chosen) = chosen.filter(|place| !all[*place].tensors.is_empty()) else {
        return Err(CheckpointError::NoStateDict {
            expected: choice.map_or("a dictionary of tensors".to_string(), |key| {
                format!("a dictionary of tensors under the key `{key}`")
            }),
            found: described(&all),
        });
    };
    let network = all.remove(chosen);
    let mut found = StateDict { tensors: network.tensors, ignored: network.others };
    let own = network.path.split('.').next().unwrap_or_default();
    for dictionary in all {
        if dictionary.path.is_empty() {
            found.ignored.extend(dictionary.others.into_iter().filter(|key| key != own));
        }
        // Another network was not chosen, and what belongs to the training is not needed.
        let is_needless = network_names(&dictionary.tensors) > 0 || is_trainers(&dictionary.path);
        for (name, tensor) in dictionary.tensors {
            let name = joined(&dictionary.path, &name);
            if is_needless || tensor.element_count() <= 1 || is_trainers(&name) {
                if dictionary.path.is_empty() {
                    found.ignored.push(name);
                }
            } else {
                found.tensors.push((name, tensor));
            }
        }
    }
    found.ignored.sort();
    found.ignored.dedup();
    Ok(found)
}

/// The place of the only network, or of the first where several are the same.
fn choose(all: &[Dictionary]) -> Result<Option<usize>, CheckpointError> {
    let is_network = |of: &Dictionary| network_names(&of.tensors) > 0 && !is_trainers(&of.path);
    let mut networks = (0..all.len()).filter(|&place| is_network(&all[place]));
    let Some(first) = networks.next() else {
        // No name is known. The message about that is better with the names of most tensors.
        return Ok((0..all.len()).rev().max_by_key(|&place| all[place].tensors.len()));
    };
    let others: Vec<usize> = networks.collect();
    if others.iter().all(|&other| is_same(&all[first].tensors, &all[other].tensors)) {
        return Ok(Some(first));
    }
    let named = std::iter::once(first).chain(others).map(|place| {
        let Dictionary { path, tensors, .. } = &all[place];
        format!("`{path}` ({} tensors)", tensors.len())
    });
    Err(CheckpointError::SeveralStateDicts { found: named.collect() })
}

fn network_names(tensors: &[(String, Described)]) -> usize {
    tensors.iter().filter(|(name, _)| names::is_network_part(&names::clean(name))).count()
}

fn is_trainers(path: &str) -> bool {
    TRAINERS.iter().any(|part| path.contains(part))
}

/// Whether two dictionaries hold the same views of the same storages under the same names.
fn is_same(a: &[(String, Described)], b: &[(String, Described)]) -> bool {
    let same = |(a, b): (&(String, Described), &(String, Described))| match (&a.1, &b.1) {
        (Described::Float(x), Described::Float(y)) => {
            names::clean(&a.0) == names::clean(&b.0) && x.is_same_view(y)
        }
        (Described::Other { .. }, Described::Other { .. }) => {
            names::clean(&a.0) == names::clean(&b.0)
        }
        _ => false,
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Every dictionary that texts as keys lead to, the file's own first. One that lies under two keys
/// is listed once.
fn dictionaries(pickle: &Pickle) -> Result<Vec<Dictionary>, CheckpointError> {
    let objects = &pickle.objects;
    let Object::Dict(_) = objects.get(pickle.root) else {
        return Err(CheckpointError::NoStateDict {
            expected: "a dictionary of tensors".to_string(),
            found: objects.get(pickle.root).kind().to_string(),
        });
    };
    let mut found = Vec::new();
    let mut entries = 0;
    let mut seen = HashSet::from([pickle.root]);
    let mut queue = VecDeque::from([(pickle.root, String::new(), 0)]);
    while let Some((id, path, depth)) = queue.pop_front() {
        let Object::Dict(items) = objects.get(id) else { continue };
        entries += items.len();
        if found.len() >= MAX_DICTIONARIES || entries > MAX_ENTRIES {
            return Err(super::corrupt(format!(
                "expected at most {MAX_DICTIONARIES} dictionaries with {MAX_ENTRIES} entries, \
                 found more"
            )));
        }
        let mut dictionary = Dictionary { path, tensors: Vec::new(), others: Vec::new() };
        for &(key, value) in items {
            match named_tensor(objects, key, value)? {
                Some(tensor) => dictionary.tensors.push(tensor),
                None => dictionary.others.push(objects.key_text(key)),
            }
            let Some(key) = objects.text(key).filter(|key| key.len() <= MAX_NAME_BYTES) else {
                continue;
            };
            if depth < MAX_DEPTH && seen.insert(value) {
                let path = joined(&dictionary.path, key);
                queue.push_back((value, path, depth + 1));
            }
        }
        found.push(dictionary);
    }
    Ok(found)
}

fn named_tensor(
    objects: &Objects,
    key: Id,
    value: Id,
) -> Result<Option<(String, Described)>, CheckpointError> {
    let Some(name) = objects.text(key) else { return Ok(None) };
    if !matches!(objects.get(value), Object::Call { .. }) {
        return Ok(None);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(super::corrupt(format!(
            "expected names of at most {MAX_NAME_BYTES} bytes, found {}",
            name.len()
        )));
    }
    Ok(rebuild::tensor(objects, name, value)?.map(|tensor| (name.to_string(), tensor)))
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

/// Which keys there are, for a user who looks for the right file or the right key.
fn described(all: &[Dictionary]) -> String {
    const SHOWN: usize = 8;
    let with_tensors: Vec<_> = all
        .iter()
        .filter(|dictionary| !dictionary.path.is_empty() && !dictionary.tensors.is_empty())
        .map(|dictionary| format!("`{}` ({} tensors)", dictionary.path, dictionary.tensors.len()))
        .take(SHOWN)
        .collect();
    let root = all.first();
    let mut keys: Vec<_> = root.map(|root| root.others.clone()).unwrap_or_default();
    keys.extend(root.iter().flat_map(|root| root.tensors.iter().map(|(name, _)| name.clone())));
    let more = if keys.len() > SHOWN { ", ..." } else { "" };
    let keys: Vec<_> = keys.iter().take(SHOWN).map(|key| format!("`{key}`")).collect();
    match (keys.as_slice(), with_tensors.as_slice()) {
        ([], _) => "an empty dictionary".to_string(),
        (_, []) => format!("a dictionary without tensors; its keys are {}{more}", keys.join(", ")),
        _ => format!(
            "the keys {}{more}; tensors are under {}",
            keys.join(", "),
            with_tensors.join(", ")
        ),
    }
}
