//! Handles: numbers that name objects, and that name nothing once the object was freed.
//!
//! A handle has three parts: the kind of object (8 bits), a place in a table (24 bits), and how often
//! that place was used (32 bits, the generation). When an object is freed its place gets the next
//! generation, so that an old handle, also one of an object that was freed twice, does not fit any more.

use crate::failure::{Failure, UNIULTRA_ERROR_HANDLE, UNIULTRA_ERROR_INTERNAL};
use std::sync::{Arc, PoisonError, RwLock};

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 32;

/// The objects of one kind.
pub(crate) struct Table<T> {
    kind: u8,
    name: &'static str,
    places: RwLock<Places<T>>,
}

struct Places<T> {
    all: Vec<Place<T>>,
    /// Indices of places without an object that may have one again.
    free: Vec<usize>,
}

struct Place<T> {
    generation: u32,
    object: Option<Arc<T>>,
}

impl<T> Table<T> {
    /// A table for objects of a kind of its own, from 1 on: the handle 0 names nothing.
    pub(crate) const fn new(kind: u8, name: &'static str) -> Self {
        let places = Places { all: Vec::new(), free: Vec::new() };
        Self { kind, name, places: RwLock::new(places) }
    }

    /// Keeps an object; its handle.
    pub(crate) fn insert(&self, object: T) -> Result<u64, Failure> {
        let object = Some(Arc::new(object));
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let Places { all, free } = &mut *places;
        let index = match free.pop() {
            Some(index) => index,
            None if all.len() < 1 << INDEX_BITS => {
                all.push(Place { generation: 1, object: None });
                all.len() - 1
            }
            None => {
                let message = format!("{}: too many at once", self.name);
                return Err(Failure::new(UNIULTRA_ERROR_INTERNAL, message));
            }
        };
        all[index].object = object;
        let kind = u64::from(self.kind) << (INDEX_BITS + GENERATION_BITS);
        Ok(kind | (index as u64) << GENERATION_BITS | u64::from(all[index].generation))
    }

    /// The object, which lives until the last who asked for it is done, freed or not.
    pub(crate) fn get(&self, handle: u64) -> Result<Arc<T>, Failure> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let (index, generation) = self.parts(handle)?;
        let place = places.all.get(index).filter(|place| place.generation == generation);
        place.and_then(|place| place.object.clone()).ok_or_else(|| self.refused(handle))
    }

    /// Forgets the object.
    pub(crate) fn remove(&self, handle: u64) -> Result<(), Failure> {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let (index, generation) = self.parts(handle)?;
        let Places { all, free } = &mut *places;
        let place = all.get_mut(index).filter(|place| place.generation == generation);
        let object = place.and_then(|place| {
            let object = place.object.take()?;
            // A place whose generations are used up is never used again.
            if let Some(next) = place.generation.checked_add(1) {
                place.generation = next;
                free.push(index);
            }
            Some(object)
        });
        // What an object's end takes, a model's, say, does not hold the others up.
        drop(places);
        object.map(drop).ok_or_else(|| self.refused(handle))
    }

    fn parts(&self, handle: u64) -> Result<(usize, u32), Failure> {
        if handle >> (INDEX_BITS + GENERATION_BITS) != u64::from(self.kind) {
            return Err(self.refused(handle));
        }
        let index = (handle >> GENERATION_BITS) & ((1 << INDEX_BITS) - 1);
        Ok((index as usize, handle as u32))
    }

    fn refused(&self, handle: u64) -> Failure {
        let name = self.name;
        let found = if handle == 0 { "none" } else { "one that was freed or never was" };
        let message = format!("{name}: expected the handle of an open one, found {found}");
        Failure::new(UNIULTRA_ERROR_HANDLE, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_ends_with_its_object() {
        let table = Table::new(3, "thing");
        let first = table.insert("first").unwrap();
        assert_eq!(*table.get(first).unwrap(), "first");
        table.remove(first).unwrap();
        assert!(table.get(first).is_err() && table.remove(first).is_err());
        // The place is used again, under another handle.
        let second = table.insert("second").unwrap();
        assert_ne!(first, second);
        assert_eq!(first >> GENERATION_BITS, second >> GENERATION_BITS);
        assert!(table.get(first).is_err() && table.remove(first).is_err());
        assert_eq!(*table.get(second).unwrap(), "second");
        // A guess at the next generation of a free place does not make it free twice.
        table.remove(second).unwrap();
        assert!(table.remove(second + 1).is_err());
        let [a, b] = [table.insert("a").unwrap(), table.insert("b").unwrap()];
        assert_eq!((*table.get(a).unwrap(), *table.get(b).unwrap()), ("a", "b"));
    }

    #[test]
    fn handles_of_other_kinds_and_invented_ones_are_refused() {
        let (things, others) = (Table::new(1, "thing"), Table::new(2, "other"));
        let thing = things.insert(()).unwrap();
        let other = others.insert(()).unwrap();
        for handle in [0, 1, u64::MAX, other, thing + 1, thing + (1 << GENERATION_BITS)] {
            assert!(things.get(handle).is_err(), "{handle:x}");
            assert!(things.remove(handle).is_err(), "{handle:x}");
        }
        assert!(things.get(thing).is_ok());
    }

    #[test]
    fn who_uses_an_object_keeps_it() {
        let table = Table::new(1, "thing");
        let handle = table.insert("value").unwrap();
        let used = table.get(handle).unwrap();
        table.remove(handle).unwrap();
        assert_eq!(*used, "value");
    }

    #[test]
    fn a_place_is_given_up_before_its_generations_repeat() {
        let table = Table::new(1, "thing");
        let first = table.insert(0).unwrap();
        table.places.write().unwrap().all[0].generation = u32::MAX;
        let last = (first & !0xFFFF_FFFF) | 0xFFFF_FFFF;
        table.remove(last).unwrap();
        let next = table.insert(1).unwrap();
        assert_eq!((next >> GENERATION_BITS) & 0xFF_FFFF, 1, "another place");
        assert!(table.get(last).is_err());
    }
}
