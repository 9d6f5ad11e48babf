//! Lines on the terminal. A reader that went away (`| head`) must not stop the gate, so a failed
//! write is ignored: the exit code carries the verdict.

use std::io::Write;

/// One line on stdout.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line on stderr.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}
