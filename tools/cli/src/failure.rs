//! From an error to one line on stderr and a stable exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use uniultra_batch::BatchError;
use uniultra_checkpoint::CheckpointError;
use uniultra_compare::CompareError;
use uniultra_engine::{Breakdown, EngineError};
use uniultra_estimate::EstimateError;
use uniultra_evaluate::EvaluateError;
use uniultra_export::ExportError;
use uniultra_manifest::{BoardError, ManifestError};
use uniultra_phantom::PhantomError;
use uniultra_prepare::PrepareError;
use uniultra_profile::ProfileError;
use uniultra_quantize::QuantizeError;
use uniultra_report::ReportError;
use uniultra_track::TrackError;

/// The table shown by `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input (checkpoint, frame, data, board profile), \
4 bad model pack, 5 a board's budget is not held, 6 output cannot be written, 7 this machine or the model is \
not what the board profile asks for, 8 the device cannot be reached or did not do as asked, 9 out of memory, \
10 the engine broke down, 11 a batch is done, but some of its prompts or files have no answer.";

/// The exit code where memory ran out.
pub(crate) const OUT_OF_MEMORY: u8 = 9;

/// The exit code of a batch that is done, but without some answers.
const INCOMPLETE: u8 = 11;

/// Budgets of a board that are not held (exit code 5).
#[derive(Debug)]
pub(crate) struct Missed(pub(crate) String);

impl std::fmt::Display for Missed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missed {}

/// A result could not be printed. Its own type tells it from failures of other pipes, such as a
/// device's connection or a file that is a pipe: those are never silent.
#[derive(Debug)]
pub(crate) struct StdoutFailed(io::Error);

impl std::fmt::Display for StdoutFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot write to stdout: {}", self.0)
    }
}

impl std::error::Error for StdoutFailed {}

/// Whether whoever read stdout stopped early (`| head`), which needs no message.
fn is_closed_reader(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StdoutFailed>()
        .is_some_and(|failed| failed.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Runs the program, and makes an error of a panic that nothing else caught.
pub(crate) fn caught(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    match uniultra_engine::caught("uniultra-tools", work) {
        Ok(outcome) => outcome,
        Err(EngineError::Panic { reason, .. }) => Err(anyhow::anyhow!("internal error: {reason}")),
        Err(error) => Err(error.into()),
    }
}

/// Prints the error, if any, and gives the process's exit code.
pub(crate) fn report(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if is_closed_reader(&error) {
        return ExitCode::SUCCESS;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {error:#}");
    if let Some(hint) = error.chain().find_map(hint) {
        let _ = writeln!(stderr, "hint: {hint}");
    }
    ExitCode::from(code(&error))
}

fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<CheckpointError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<EvaluateError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<BatchError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<CompareError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<EstimateError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<ProfileError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<PrepareError>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<ReportError>() {
        return error.hint();
    }
    match cause.downcast_ref::<ExportError>()? {
        ExportError::Checkpoint(error) => error.hint(),
        ExportError::Incomplete { .. } => {
            Some("`uniultra-tools inspect FILE` lists what the checkpoint holds and lacks")
        }
        ExportError::Unexpected { .. } => Some(
            "merge LoRA and other adapters into the weights they belong to; --ignore-unexpected GLOB leaves tensors out",
        ),
        _ => None,
    }
}

fn breakdown(error: &anyhow::Error) -> Option<Breakdown> {
    // This one shows its cause's message as its own, and leaves the cause out of the chain.
    let hidden = error.chain().find_map(|cause| match cause.downcast_ref::<QuantizeError>()? {
        QuantizeError::Engine(error) => Breakdown::within(error),
        _ => None,
    });
    hidden.or_else(|| Breakdown::within(error.as_ref()))
}

fn quantize_code(error: &QuantizeError) -> u8 {
    match error {
        QuantizeError::Config(_)
        | QuantizeError::UnknownLayer { .. }
        | QuantizeError::Budget { .. } => 2,
        QuantizeError::Pack(_)
        | QuantizeError::AlreadyQuantized { .. }
        | QuantizeError::NoLayers { .. }
        | QuantizeError::UntrainedLayer { .. }
        | QuantizeError::Onnx(_)
        | QuantizeError::NotFinite { .. }
        | QuantizeError::Engine(_) => 4,
        QuantizeError::Evaluate(error) => evaluate_code(error),
        QuantizeError::Write(error) if error.is_output() => 6,
        QuantizeError::Report(error) => report_code(error),
        _ => 3,
    }
}

fn code(error: &anyhow::Error) -> u8 {
    match breakdown(error) {
        Some(Breakdown::OutOfMemory) => return OUT_OF_MEMORY,
        Some(Breakdown::Panic) => return 10,
        None => {}
    }
    for cause in error.chain() {
        if cause.is::<StdoutFailed>() {
            return 6;
        }
        if cause.is::<Missed>() {
            return 5;
        }
        if let Some(error) = cause.downcast_ref::<PhantomError>() {
            return if error.is_output() { 6 } else { 3 };
        }
        if let Some(error) = cause.downcast_ref::<PrepareError>() {
            return match error {
                _ if error.is_usage() => 2,
                _ if error.is_output() => 6,
                PrepareError::Threads { .. } | PrepareError::Report(_) => 1,
                _ => 3,
            };
        }
        if let Some(error) = cause.downcast_ref::<ExportError>() {
            return if error.is_output() { 6 } else { 3 };
        }
        if let Some(error) = cause.downcast_ref::<EvaluateError>() {
            return evaluate_code(error);
        }
        if let Some(error) = cause.downcast_ref::<CompareError>() {
            return match error {
                _ if error.is_output() => 6,
                _ if error.is_model() => 4,
                CompareError::Evaluate(error) => evaluate_code(error),
                _ => 1,
            };
        }
        if let Some(error) = cause.downcast_ref::<ProfileError>() {
            return profile_code(error);
        }
        if let Some(error) = cause.downcast_ref::<BatchError>() {
            return batch_code(error);
        }
        if let Some(error) = cause.downcast_ref::<EstimateError>() {
            return match error {
                EstimateError::Pack(error) => profile_code(error),
                EstimateError::NotHere { .. } => 7,
                _ => 3,
            };
        }
        if let Some(error) = cause.downcast_ref::<TrackError>() {
            return if error.is_model() { 4 } else { 3 };
        }
        if let Some(error) = cause.downcast_ref::<QuantizeError>() {
            return quantize_code(error);
        }
        if let Some(error) = cause.downcast_ref::<ReportError>() {
            return report_code(error);
        }
        if cause.is::<CheckpointError>() || cause.is::<BoardError>() {
            return 3;
        }
        if cause.is::<ManifestError>() {
            return 4;
        }
    }
    1
}

/// A report that cannot be drawn is a fault of this program.
fn report_code(error: &ReportError) -> u8 {
    match error {
        _ if error.is_output() => 6,
        _ if error.is_usage() => 2,
        _ => 1,
    }
}

fn batch_code(error: &BatchError) -> u8 {
    match error {
        _ if error.is_output() => 6,
        _ if error.is_usage() => 2,
        _ if error.is_model() => 4,
        BatchError::Internal(_) => 1,
        BatchError::Failed { .. } => INCOMPLETE,
        _ => 3,
    }
}

fn profile_code(error: &ProfileError) -> u8 {
    if let Some(code) = error.device_code() {
        return code;
    }
    match error {
        _ if error.is_output() => 6,
        _ if error.is_model() => 4,
        _ if error.is_internal() => 1,
        _ => 3,
    }
}

fn evaluate_code(error: &EvaluateError) -> u8 {
    match error {
        _ if error.is_output() => 6,
        _ if error.is_model() => 4,
        EvaluateError::Threads { .. } => 1,
        EvaluateError::SameModel { .. } | EvaluateError::Published { .. } => 2,
        _ => 3,
    }
}

/// Writes to stdout; the only way this program prints results.
pub(crate) fn out(text: &str) -> Result<(), StdoutFailed> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(StdoutFailed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn only_the_reader_of_stdout_may_close() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_closed_reader(&StdoutFailed(broken()).into()));
        assert!(is_closed_reader(&anyhow::Error::from(StdoutFailed(broken())).context("head")));
        let full = StdoutFailed(io::ErrorKind::StorageFull.into());
        assert!(!is_closed_reader(&full.into()));
        // Pipes other than stdout, bare or inside another error.
        assert!(!is_closed_reader(&broken().into()));
        let fault = Box::new(CheckpointError::Read(broken()));
        let file = CheckpointError::InFile { path: PathBuf::from("fifo"), fault };
        assert!(!is_closed_reader(&file.into()));
    }

    #[test]
    fn memory_and_the_engine_have_codes_of_their_own() {
        let panic = EngineError::Panic { what: "n".to_string(), reason: String::new() };
        assert_eq!(code(&QuantizeError::Engine(panic).into()), 10);
        let memory = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(code(&anyhow::Error::from(memory).context("reading")), 9);
        let broken = caught(|| std::panic::panic_any("failed to allocate Layout")).unwrap_err();
        assert_eq!(code(&broken), 9);
        let bug = caught(|| std::panic::panic_any("index out of bounds")).unwrap_err();
        assert_eq!(
            (code(&bug), bug.to_string()),
            (1, "internal error: index out of bounds".into())
        );
    }

    #[test]
    fn stdout_that_cannot_be_written_has_the_code_of_outputs() {
        let full = anyhow::Error::from(StdoutFailed(io::ErrorKind::StorageFull.into()));
        assert_eq!(code(&full), 6);
        assert!(full.to_string().starts_with("cannot write to stdout: "), "{full}");
    }
}
