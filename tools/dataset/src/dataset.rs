//! An opened configuration: every image listed and looked at, examples made on request.

use crate::augment::AugmentConfig;
use crate::cases::cases_of;
use crate::config::{DataConfig, OnProblem, SetConfig};
use crate::example::{self, Example};
use crate::packed::Packed;
use crate::sample::read_pair;
use crate::store::Store;
use crate::{Case, DatasetError, Problem, SampleError, SplitPart};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use uniultra_phantom::{Phantom, PhantomConfig};

/// The sets of a configuration.
#[derive(Debug)]
pub struct Dataset {
    names: Vec<String>,
    sets: Vec<Set>,
    problems: Vec<Problem>,
    store: Store,
}

#[derive(Debug)]
struct Set {
    weight: Option<f64>,
    negatives: bool,
    flip: bool,
    items: Vec<Item>,
}

/// One image: where it comes from, and its content once it is there.
#[derive(Debug)]
struct Item {
    stem: String,
    source: Source,
    packed: OnceLock<Arc<Packed>>,
}

#[derive(Debug)]
enum Source {
    File(Case),
    Phantom { seed: u64, index: u32, config: PhantomConfig },
}

impl Dataset {
    /// Lists all images and reads each file once, so that what cannot be used is known before a
    /// training begins. Phantoms are simulated when they are first needed.
    ///
    /// Paths of the configuration are relative to `base`, the folder of its file.
    ///
    /// # Errors
    /// [`DatasetError`] if the configuration is invalid, a folder cannot be read, a set has no
    /// image, or, with [`OnProblem::Refuse`], an image cannot be used.
    pub fn open(config: &DataConfig, base: &Path) -> Result<Self, DatasetError> {
        config.validate()?;
        let store = Store::new(config.cache_mib);
        let mut problems = Vec::new();
        let mut sets = Vec::new();
        for set in &config.sets {
            let before = problems.len();
            let items = match (&set.path, &set.phantom) {
                (Some(path), _) => {
                    let split = set.split.unwrap_or(SplitPart::Train);
                    let folder = base.join(path);
                    let cases = cases_of(&folder, &set.name, split, set.limit, &mut problems)?;
                    usable(cases, set, config.threads, &store, &mut problems)
                }
                (None, Some(_)) => phantoms(set),
                (None, None) => Vec::new(),
            };
            if items.is_empty() {
                let problems = problems.split_off(before);
                return Err(DatasetError::NoImages { set: set.name.clone(), problems });
            }
            let SetConfig { weight, negatives, flip, .. } = *set;
            sets.push(Set { weight, negatives, flip, items });
        }
        if config.on_problem == OnProblem::Refuse && !problems.is_empty() {
            return Err(DatasetError::Problems { problems });
        }
        let names = config.sets.iter().map(|set| set.name.clone()).collect();
        Ok(Self { names, sets, problems, store })
    }

    /// The images that could not be used and were left out.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Names of the sets, in the order of the configuration.
    #[must_use]
    pub fn set_names(&self) -> &[String] {
        &self.names
    }

    /// Number of images of a set; 0 if there is no such set.
    #[must_use]
    pub fn len(&self, set: usize) -> usize {
        self.sets.get(set).map_or(0, |set| set.items.len())
    }

    /// Share of the samples of a set, relative to the others'; 0 if there is no such set.
    #[must_use]
    pub fn weight(&self, set: usize) -> f64 {
        let weight = |set: &Set| set.weight.unwrap_or(set.items.len() as f64);
        self.sets.get(set).map_or(0.0, weight)
    }

    /// Whether the images of a set have no object on purpose.
    #[must_use]
    pub fn is_negative(&self, set: usize) -> bool {
        self.sets.get(set).is_some_and(|set| set.negatives)
    }

    /// An example at `size` x `size` pixels. It depends on the arguments alone: the augmentation is
    /// drawn from (seed, set, index).
    ///
    /// # Errors
    /// [`DatasetError::Config`] if a part of the augmentation is invalid, [`DatasetError::Index`],
    /// [`DatasetError::Image`] if the file has changed since the dataset was opened,
    /// [`DatasetError::Vanished`] if `size` is too small.
    pub fn example(
        &self,
        set: usize,
        index: usize,
        size: usize,
        augment: &AugmentConfig,
        seed: u64,
    ) -> Result<Example, DatasetError> {
        augment.validate()?;
        if size == 0 {
            let (place, found) = ("size".to_string(), "0".to_string());
            return Err(DatasetError::Config { place, expected: "at least 1", found });
        }
        let found = self.len(set);
        let missing = DatasetError::Index { set, index, found };
        let Some(from) = self.sets.get(set) else { return Err(missing) };
        let Some(item) = from.items.get(index) else { return Err(missing) };
        let packed = item.packed(&self.store).map_err(|source| DatasetError::Image {
            set: self.names[set].clone(),
            stem: item.stem.clone(),
            source,
        })?;
        let seed = [seed, set as u64, index as u64];
        let drawn = example::draw(&packed, size, augment, from.flip, &seed);
        let stem = item.stem.clone();
        if drawn.objects.is_empty() && !packed.objects.is_empty() {
            return Err(DatasetError::Vanished { set: self.names[set].clone(), stem, size });
        }
        Ok(Example { set, stem, image: drawn.image, objects: drawn.objects })
    }
}

impl Item {
    /// The content, from memory or from its source.
    fn packed(&self, store: &Store) -> Result<Arc<Packed>, SampleError> {
        if let Some(packed) = self.packed.get() {
            return Ok(Arc::clone(packed));
        }
        let packed = Arc::new(match &self.source {
            Source::File(case) => {
                let (frame, mask) = read_pair(case)?;
                Packed::pack(&frame, &mask)?
            }
            Source::Phantom { seed, index, config } => {
                Packed::pack_phantom(Phantom::generate(*seed, *index, config))?
            }
        });
        if store.has_room(packed.bytes()) {
            // Another thread may have been faster: the content is the same.
            let _ = self.packed.set(Arc::clone(&packed));
        }
        Ok(packed)
    }
}

/// Reads every image of a folder and keeps those that can be used.
fn usable(
    cases: Vec<Case>,
    set: &SetConfig,
    threads: usize,
    store: &Store,
    problems: &mut Vec<Problem>,
) -> Vec<Item> {
    let item = |case: Case| Item {
        stem: case.stem.clone(),
        source: Source::File(case),
        packed: OnceLock::new(),
    };
    let items: Vec<Item> = cases.into_iter().map(item).collect();
    let complaint = |item: &Item| match item.packed(store) {
        Err(error) => Some(error.to_string()),
        Ok(packed) if packed.objects.is_empty() && !set.negatives => {
            Some("mask: expected an object, found none (`negatives` is not set)".to_string())
        }
        Ok(_) => None,
    };
    let slots: Vec<OnceLock<Option<String>>> = items.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for first in 0..threads {
            let (items, slots, complaint) = (&items, &slots, &complaint);
            // If a thread cannot be started, its images are done at the end.
            let _ = std::thread::Builder::new().spawn_scoped(scope, move || {
                for (item, slot) in items.iter().zip(slots).skip(first).step_by(threads) {
                    let _ = slot.set(complaint(item));
                }
            });
        }
    });
    let mut good = Vec::with_capacity(items.len());
    for (item, slot) in items.into_iter().zip(slots) {
        match slot.into_inner().unwrap_or_else(|| complaint(&item)) {
            None if is_chosen(&item, set, store) => good.push(item),
            None => {}
            Some(what) => {
                problems.push(Problem { set: set.name.clone(), stem: item.stem, what });
            }
        }
    }
    good
}

/// Whether an image that can be used has objects of the sizes that the set is made of.
fn is_chosen(item: &Item, set: &SetConfig, store: &Store) -> bool {
    let Some([low, high]) = set.smallest_object else { return true };
    let share = item.packed(store).ok().and_then(|packed| packed.smallest_object());
    share.is_some_and(|share| (low..=high).contains(&share))
}

fn phantoms(set: &SetConfig) -> Vec<Item> {
    let Some(phantom) = set.phantom else { return Vec::new() };
    let item = |index| Item {
        stem: uniultra_phantom::stem(&set.name, index),
        source: Source::Phantom { seed: phantom.seed, index, config: phantom.config() },
        packed: OnceLock::new(),
    };
    (0..phantom.count).map(item).collect()
}
