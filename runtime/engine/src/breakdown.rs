//! Failures that do not come from bad input: memory that ran out, and assertions of the engine.

use crate::EngineError;
use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What broke, if an error does not come from bad input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakdown {
    /// Memory ran out.
    OutOfMemory,
    /// An assertion of the engine failed.
    Panic,
}

impl Breakdown {
    /// Finds one in an error or its causes.
    #[must_use]
    pub fn within(error: &(dyn Error + 'static)) -> Option<Self> {
        let reason = |error: &(dyn Error + 'static)| match error.downcast_ref::<EngineError>() {
            Some(EngineError::OutOfMemory { .. }) => Some(Self::OutOfMemory),
            Some(EngineError::Panic { .. }) => Some(Self::Panic),
            _ => {
                let io = error.downcast_ref::<io::Error>()?;
                (io.kind() == io::ErrorKind::OutOfMemory).then_some(Self::OutOfMemory)
            }
        };
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = reason(error) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

/// Does `work`, and makes an error of a panic. `what` names the work in the message.
///
/// # Errors
/// [`EngineError::OutOfMemory`] if an allocation failed, otherwise [`EngineError::Panic`].
pub fn caught<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, EngineError> {
    // The caller drops what the work was about, or it is read-only.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| panicked(what, payload.as_ref()))
}

fn panicked(what: &str, payload: &(dyn Any + Send)) -> EngineError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let (what, reason) = (what.to_string(), text.unwrap_or("no reason given").to_string());
    if is_of_memory(&reason) {
        EngineError::OutOfMemory { what, reason }
    } else {
        EngineError::Panic { what, reason }
    }
}

/// Whether a panic's message is about an allocation: those of tract's tensors and scratch buffers, and
/// of the standard library's threads.
pub(crate) fn is_of_memory(message: &str) -> bool {
    ["failed to allocate", "is_null()", "Cannot allocate memory", "memory allocation of"]
        .iter()
        .any(|part| message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::{SegmentError, Stage};

    #[test]
    fn panics_are_told_apart_by_what_they_say() {
        let caught = |message: &'static str| {
            caught("a.onnx", || std::panic::panic_any(message)).unwrap_err()
        };
        let memory = caught("failed to allocate Layout { size: 9, align: 1 }");
        assert!(matches!(memory, EngineError::OutOfMemory { .. }), "{memory}");
        assert!(memory.to_string().starts_with("a.onnx: out of memory"), "{memory}");
        let other = caught("assertion failed: rank == 4");
        assert!(matches!(other, EngineError::Panic { .. }), "{other}");
        assert!(other.to_string().contains("rank == 4"), "{other}");
        let computed = super::caught("x", || panic!("{} dims", 5)).unwrap_err();
        assert!(computed.to_string().contains("5 dims"), "{computed}");
        assert_eq!(super::caught("x", || 5).unwrap(), 5);
    }

    #[test]
    fn a_breakdown_is_found_below_other_errors() {
        let deep = |source| SegmentError::Network { stage: Stage::Encode, source };
        let panic = EngineError::Panic { what: "n".to_string(), reason: String::new() };
        assert_eq!(Breakdown::within(&deep(panic)), Some(Breakdown::Panic));
        let memory = EngineError::OutOfMemory { what: "n".to_string(), reason: String::new() };
        assert_eq!(Breakdown::within(&deep(memory)), Some(Breakdown::OutOfMemory));
        let io = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(Breakdown::within(&io), Some(Breakdown::OutOfMemory));
        let refusal = EngineError::Pins(String::new());
        assert_eq!(Breakdown::within(&deep(refusal)), None);
    }
}
