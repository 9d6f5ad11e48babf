//! What a program asks of its process before it begins. A library must leave that to its program.

use crate::breakdown::is_of_memory;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Prepares the process of a program:
///
/// - Where memory runs out, the standard library prints `memory allocation of N bytes failed` and
///   aborts. The process then ends with `out_of_memory` as exit code instead of a core dump.
/// - A file that grows beyond `RLIMIT_FSIZE` is an error of the write, not the end of the process.
/// - A panic prints nothing. Whoever catches it reports it; the place is in the log, at level debug.
///
/// Call it first, once.
pub fn guard_process(out_of_memory: u8) {
    // Whether an abort means that memory ran out: not after a panic about something else.
    let of_memory = Arc::new(AtomicBool::new(true));
    #[cfg(unix)]
    unix::handle_signals(out_of_memory, &of_memory);
    #[cfg(not(unix))]
    let _ = out_of_memory;
    panic::set_hook(Box::new(move |info| {
        if !info.payload_as_str().is_some_and(is_of_memory) {
            of_memory.store(false, Ordering::Relaxed);
        }
        log::debug!("{info}");
    }));
}

#[cfg(unix)]
mod unix {
    use super::{Arc, AtomicBool};
    use signal_hook::consts::{SIGABRT, SIGXFSZ};
    use signal_hook::flag;

    pub(super) fn handle_signals(out_of_memory: u8, of_memory: &Arc<AtomicBool>) {
        let code = i32::from(out_of_memory);
        let abort = flag::register_conditional_shutdown(SIGABRT, code, Arc::clone(of_memory));
        // A handler that does nothing of importance: the write then fails with an error.
        let size = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        for error in [abort.err(), size.err()].into_iter().flatten() {
            log::debug!("a signal is not handled: {error}");
        }
    }
}
