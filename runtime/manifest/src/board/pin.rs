//! `run.pin`: the CPUs that threads are bound to.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// In TOML a list of CPU numbers, or the word `big`. An empty list binds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Every CPU of the core groups marked `big`.
    Big,
    /// These CPUs, as Linux numbers them; none if empty.
    Cpus(Vec<usize>),
}

const BIG: &str = "big";

/// Longest list that is read: more CPUs than any board has.
const MAX_CPUS: usize = 64;

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Big => serializer.serialize_str(BIG),
            Self::Cpus(cpus) => cpus.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PinVisitor)
    }
}

/// The error of serde's untagged enums does not say what is allowed.
struct PinVisitor;

impl<'de> Visitor<'de> for PinVisitor {
    type Value = Pin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{BIG}` or a list of CPU numbers")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Pin, E> {
        if text == BIG {
            Ok(Pin::Big)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pin, A::Error> {
        let mut cpus = Vec::new();
        while let Some(cpu) = list.next_element()? {
            if cpus.len() == MAX_CPUS {
                let problem = format!("pin: expected at most {MAX_CPUS} CPUs, found more");
                return Err(serde::de::Error::custom(problem));
            }
            cpus.push(cpu);
        }
        Ok(Pin::Cpus(cpus))
    }
}
