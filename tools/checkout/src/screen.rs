//! Lines on the terminal. A reader that went away (`| head`) must not stop the gate, so a failed
//! write is ignored: the exit code carries the verdict.

use std::io::Write;

/// One line on stdout.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line on stderr.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}

/// What a program ends with; the error, if any, is said first.
pub fn exit_code(outcome: anyhow::Result<()>) -> std::process::ExitCode {
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            error(&format!("{problem:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
