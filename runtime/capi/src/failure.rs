//! From what went wrong to a code and a message in the caller's memory.

use crate::sized::{CStruct, declared_size};
use std::error::Error;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use uniultra::ErrorKind;

/// Done.
pub const UNIULTRA_OK: i32 = 0;
/// An argument is null, of the wrong size, or out of range.
pub const UNIULTRA_ERROR_ARGUMENT: i32 = 1;
/// A handle was freed, is of another kind, or never was one.
pub const UNIULTRA_ERROR_HANDLE: i32 = 2;
/// The frame is of a size or form that is not taken.
pub const UNIULTRA_ERROR_FRAME: i32 = 3;
/// The prompts are empty, too many, or do not fit the frame or the model.
pub const UNIULTRA_ERROR_PROMPT: i32 = 4;
/// The model pack is absent, damaged or refused, or its networks gave NaN or infinity.
pub const UNIULTRA_ERROR_MODEL: i32 = 5;
/// Threads or CPUs were asked for that this machine does not have.
pub const UNIULTRA_ERROR_OPTIONS: i32 = 6;
/// A file could not be read.
pub const UNIULTRA_ERROR_FILE: i32 = 7;
/// The engine failed while it ran a network; another frame may work.
pub const UNIULTRA_ERROR_ENGINE: i32 = 8;
/// The caller's buffer is too small.
pub const UNIULTRA_ERROR_BUFFER: i32 = 9;
/// A fault of the library's own. The handles stay valid.
pub const UNIULTRA_ERROR_INTERNAL: i32 = 10;

/// Bytes of an error's message, its terminating zero included.
pub const UNIULTRA_MESSAGE_BYTES: usize = 512;

/// What went wrong, for people. Every function takes a pointer to one, which may be null.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CError {
    /// sizeof(uniultra_error).
    pub struct_size: u32,
    /// The code that the function returned.
    pub code: i32,
    /// What was expected and what was found, UTF-8, ended by a zero; empty if nothing went wrong.
    pub message: [c_char; UNIULTRA_MESSAGE_BYTES],
}

// SAFETY: numbers only, without padding.
unsafe impl CStruct for CError {
    const NAME: &'static str = "uniultra_error";
}

/// A code and a message.
#[derive(Debug)]
pub(crate) struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(UNIULTRA_ERROR_ARGUMENT, message)
    }

    pub(crate) fn null(what: &str) -> Self {
        Self::argument(format!("{what}: expected a pointer, found null"))
    }
}

impl From<uniultra::Error> for Failure {
    /// The code by kind, the message with all causes.
    fn from(error: uniultra::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Frame => UNIULTRA_ERROR_FRAME,
            ErrorKind::Prompt => UNIULTRA_ERROR_PROMPT,
            ErrorKind::Model => UNIULTRA_ERROR_MODEL,
            ErrorKind::Options => UNIULTRA_ERROR_OPTIONS,
            ErrorKind::Value => UNIULTRA_ERROR_ARGUMENT,
            ErrorKind::File => UNIULTRA_ERROR_FILE,
            _ => UNIULTRA_ERROR_ENGINE,
        };
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { code, message }
    }
}

/// So that `?` takes the errors that the library's functions give.
macro_rules! by_way_of_the_one_error {
    ($($error:ty),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                uniultra::Error::from(error).into()
            }
        }
    )* };
}
by_way_of_the_one_error!(
    uniultra::FrameError,
    uniultra::PromptError,
    uniultra::ManifestError,
    uniultra::SpacingError
);

/// Runs a function's body, stops panics, and reports to `error`, which may be null.
///
/// # Safety
/// `error` is null or points to a structure that begins with its own size in bytes.
pub(crate) unsafe fn guarded(
    error: *mut CError,
    body: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    if !error.is_null() && unsafe { declared_size(error) } != size_of::<CError>() {
        // Whatever it is, nothing may be written there.
        return UNIULTRA_ERROR_ARGUMENT;
    }
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Failure::new(UNIULTRA_ERROR_INTERNAL, "an assertion of the library's own failed"))
    });
    let (code, message) = match outcome {
        Ok(()) => (UNIULTRA_OK, String::new()),
        Err(Failure { code, message }) => (code, message),
    };
    if !error.is_null() {
        let mut report = CError {
            struct_size: size_of::<CError>() as u32,
            code,
            message: [0; UNIULTRA_MESSAGE_BYTES],
        };
        put_text(&mut report.message, &message);
        // SAFETY: it is not null and as large as a `CError`; its alignment may be anything.
        unsafe { error.write_unaligned(report) };
    }
    code
}

/// Copies as much of `text` as fits, whole characters, with a zero at the end.
pub(crate) fn put_text(room: &mut [c_char], text: &str) {
    room.fill(0);
    let mut end = text.len().min(room.len().saturating_sub(1));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (place, byte) in room.iter_mut().zip(&text.as_bytes()[..end]) {
        *place = *byte as c_char;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn error() -> CError {
        let struct_size = size_of::<CError>() as u32;
        CError { struct_size, code: 99, message: [1; UNIULTRA_MESSAGE_BYTES] }
    }

    fn message(error: &CError) -> &str {
        // SAFETY: `guarded` ends the text with a zero.
        unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().unwrap()
    }

    #[test]
    fn a_panic_becomes_a_code() {
        let mut found = error();
        // SAFETY: a whole structure.
        let code = unsafe { guarded(&mut found, || panic!("a fault")) };
        assert_eq!((code, found.code), (UNIULTRA_ERROR_INTERNAL, UNIULTRA_ERROR_INTERNAL));
        assert!(message(&found).contains("assertion"));
        // SAFETY: null is allowed.
        let code = unsafe { guarded(std::ptr::null_mut(), || panic!("a fault")) };
        assert_eq!(code, UNIULTRA_ERROR_INTERNAL);
    }

    #[test]
    fn success_leaves_an_empty_message() {
        let mut found = error();
        // SAFETY: a whole structure.
        assert_eq!(unsafe { guarded(&mut found, || Ok(())) }, UNIULTRA_OK);
        assert_eq!((found.code, message(&found)), (UNIULTRA_OK, ""));
    }

    #[test]
    fn an_error_of_another_size_is_refused_before_any_work() {
        for struct_size in [0, 8, size_of::<CError>() as u32 + 8] {
            let mut found = CError { struct_size, ..error() };
            let mut worked = false;
            // SAFETY: a whole structure, whatever it says.
            let code = unsafe {
                guarded(&mut found, || {
                    worked = true;
                    Ok(())
                })
            };
            assert_eq!((code, worked, found.code), (UNIULTRA_ERROR_ARGUMENT, false, 99));
        }
    }

    #[test]
    fn long_texts_end_at_a_whole_character() {
        let mut room = [1; 6];
        put_text(&mut room, "abcd\u{e9}f");
        assert_eq!(room.map(|c| c as u8), *b"abcd\0\0");
        put_text(&mut room, "ab");
        assert_eq!(room.map(|c| c as u8), *b"ab\0\0\0\0");
    }
}
