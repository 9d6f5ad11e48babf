//! Reports an error: one line on stderr, a hint if there is one, and a stable exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use uniultra_core::{FrameError, PromptError, SegmentError, SpacingError};
use uniultra_engine::{Breakdown, EngineError};
use uniultra_manifest::{BoardError, ManifestError};
use uniultra_sink::SinkError;

#[cfg(feature = "live")]
mod live;

/// The table that `--help` shows; `uniultra-tools` uses the same numbers.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  internal error
  2  wrong usage
  3  bad input: frame, prompt, board profile or .npy file
  4  bad or missing model
  5  a budget or deadline was missed, or a check of the self-test failed
  6  output cannot be written
  7  machine or model does not match the board profile
  9  out of memory
 10  the engine broke down: a fault of this program, or a model that nobody foresaw";

const INTERNAL: u8 = 1;
const USAGE: u8 = 2;
const INPUT: u8 = 3;
const MODEL: u8 = 4;
const MISSED: u8 = 5;
const OUTPUT: u8 = 6;
const BOARD: u8 = 7;
pub(crate) const OUT_OF_MEMORY: u8 = 9;
const ENGINE: u8 = 10;

/// Failures of the program itself.
#[derive(Debug)]
pub(crate) enum AppError {
    /// Arguments that parse but contradict each other (exit code 2).
    Usage(String),
    /// The frame's file cannot be read (exit code 3).
    Input(String),
    /// No model was named and none is inside the program (exit code 4).
    NoModel,
    /// These checks of the self-test failed (exit code 5).
    Selftest(String),
    /// A deadline or budget was missed (exit code 5).
    Missed(String),
    /// The machine or the model does not match the board's profile (exit code 7).
    Board(String),
    /// An assertion of this program failed (exit code 1).
    Bug(String),
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(text) | Self::Input(text) | Self::Missed(text) | Self::Board(text) => {
                f.write_str(text)
            }
            Self::Bug(reason) => write!(f, "internal error: {reason}"),
            Self::Selftest(checks) => write!(f, "self-test: {checks} failed"),
            Self::NoModel => f.write_str(
                "expected --model DIR, found none: this program was built without a model inside",
            ),
        }
    }
}

impl std::error::Error for AppError {}

/// Runs the program, and makes an error of a panic that nothing else caught.
pub(crate) fn caught(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    match uniultra_engine::caught("uniultra", work) {
        Ok(outcome) => outcome,
        Err(EngineError::Panic { reason, .. }) => Err(AppError::Bug(reason).into()),
        Err(error) => Err(error.into()),
    }
}

/// Prints the error, if any, and returns the exit code.
pub(crate) fn report(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if is_closed_reader(&error) {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(print(&error))
}

/// Prints the error and ends the process, even if other threads are running.
pub(crate) fn abandon(error: &anyhow::Error) -> ! {
    std::process::exit(i32::from(print(error)))
}

/// Prints the error and returns its exit code.
fn print(error: &anyhow::Error) -> u8 {
    let (code, hint) = explain(error);
    // A failure of stderr cannot be reported anywhere.
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", one_line(error));
    if let Some(hint) = hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
    code
}

/// The error and its causes on one line. Leaves out a cause that the message before it already
/// quotes.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    let mut last = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !last.contains(&text) {
            let separator = if line.is_empty() { "" } else { ": " };
            line.extend([separator, &text]);
            last = text;
        }
    }
    line.replace(['\n', '\r'], " ")
}

/// Whether a reader closed stdout early (`| head`), which needs no message. A broken pipe that was
/// named as an output file does: a [`SinkError`] carries its path.
fn is_closed_reader(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Exit code and hint of an error.
fn explain(error: &anyhow::Error) -> (u8, Option<&'static str>) {
    match Breakdown::within(error.as_ref()) {
        Some(Breakdown::OutOfMemory) => return (OUT_OF_MEMORY, memory_hint()),
        Some(Breakdown::Panic) => return (ENGINE, bug_hint()),
        None => {}
    }
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<AppError>() {
            return match error {
                AppError::Usage(_) => {
                    (USAGE, Some("see `uniultra --help`, and that of the command"))
                }
                AppError::Input(_) => (INPUT, None),
                AppError::Selftest(_) | AppError::Missed(_) => (MISSED, None),
                AppError::Board(_) => (BOARD, board_hint()),
                AppError::Bug(_) => (INTERNAL, bug_hint()),
                AppError::NoModel => (
                    MODEL,
                    Some(
                        "build with the feature `embedded-model` to compile the default model in, \
                         or make a pack for --model with `uniultra-tools export`",
                    ),
                ),
            };
        }
        if let Some(error) = cause.downcast_ref::<SegmentError<EngineError>>() {
            return match error {
                SegmentError::Prompt(prompt) => (INPUT, prompt_hint(prompt)),
                SegmentError::Open(EngineError::Pins(_)) => (BOARD, board_hint()),
                SegmentError::Open(_) => (MODEL, model_hint()),
                SegmentError::NotFinite { .. } | SegmentError::Output { .. } => (MODEL, None),
                _ => (INTERNAL, None),
            };
        }
        if let Some(prompt) = cause.downcast_ref::<PromptError>() {
            return (INPUT, prompt_hint(prompt));
        }
        if cause.is::<BoardError>() {
            return (INPUT, Some("boards/README.md describes the fields of a board profile"));
        }
        if cause.is::<FrameError>() || cause.is::<SpacingError>() {
            return (INPUT, None);
        }
        if let Some(error) = cause.downcast_ref::<SinkError>() {
            return match error {
                _ if error.is_output() => (OUTPUT, None),
                SinkError::Name { .. } => {
                    (USAGE, Some("masks and overlays are PNG, logits are .npy, reports are JSON"))
                }
                SinkError::Npy { .. } => (
                    INPUT,
                    Some(
                        "use a file that --logits wrote; \
                         --mask-prompt-index K selects one of its masks",
                    ),
                ),
                _ => (INPUT, None),
            };
        }
        #[cfg(feature = "dicom")]
        if cause.is::<uniultra_dicom::ReadError>() || cause.is::<uniultra_dicom::WriteError>() {
            return (INPUT, None);
        }
        #[cfg(feature = "live")]
        if let Some(error) = cause.downcast_ref::<uniultra_node::NodeError>() {
            return live::explain(error);
        }
        if cause.is::<ManifestError>() || cause.is::<EngineError>() {
            return (MODEL, model_hint());
        }
        if cause.is::<io::Error>() {
            // Errors of files have their own types, so this one is from stdout.
            return (OUTPUT, None);
        }
    }
    (INTERNAL, None)
}

fn memory_hint() -> Option<&'static str> {
    Some(
        "give the program more memory (`ulimit -v`, the container, the board), or use a smaller \
         model, a smaller frame or fewer threads",
    )
}

fn bug_hint() -> Option<&'static str> {
    Some("please report this with the command line and its inputs; -vv shows the place")
}

fn board_hint() -> Option<&'static str> {
    Some("`uniultra info --board FILE` compares this machine and a model with a profile")
}

fn model_hint() -> Option<&'static str> {
    Some("a model pack is a folder that `uniultra-tools export` wrote, unchanged")
}

fn prompt_hint(error: &PromptError) -> Option<&'static str> {
    match error {
        PromptError::Empty => {
            Some("say what to segment: --point X,Y or --box X0,Y0,X1,Y1 or --mask-prompt FILE.npy")
        }
        PromptError::OnlyNegative => Some(
            "negative points only say where the object is not: add a point inside it, --point X,Y, or \
             its box",
        ),
        PromptError::Outside { .. } | PromptError::BoxCorners { .. } => {
            Some("coordinates are pixels of the source frame, x to the right, y down")
        }
        PromptError::MaskSide { .. } => {
            Some("a mask prompt only fits models of one input size; make it with this model")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn code(error: impl Into<anyhow::Error>) -> u8 {
        explain(&error.into()).0
    }

    #[test]
    fn each_kind_has_its_code() {
        assert_eq!(code(AppError::Usage(String::new())), 2);
        assert_eq!(code(AppError::Input(String::new())), 3);
        assert_eq!(code(AppError::NoModel), 4);
        assert_eq!(code(AppError::Selftest(String::new())), 5);
        assert_eq!(code(AppError::Missed(String::new())), 5);
        assert_eq!(code(AppError::Board(String::new())), 7);
        assert_eq!(code(BoardError::Toml(String::new())), 3);
        let pins = EngineError::Pins(String::new());
        assert_eq!(code(SegmentError::<EngineError>::Open(pins)), 7);
        assert_eq!(code(PromptError::Empty), 3);
        assert_eq!(code(SegmentError::<EngineError>::Prompt(PromptError::Empty)), 3);
        assert_eq!(code(FrameError::Size { width: 1, height: 1 }), 3);
        assert_eq!(code(ManifestError::Toml(String::new())), 4);
        assert_eq!(code(anyhow::anyhow!("a bug")), 1);
        let panic = || EngineError::Panic { what: "n".to_string(), reason: String::new() };
        assert_eq!(code(panic()), 10);
        assert_eq!(code(SegmentError::<EngineError>::Open(panic())), 10);
        let memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(code(memory()), 9);
        assert_eq!(code(SinkError::Write { path: "x".into(), source: memory() }), 9);
        let name = SinkError::Name { path: "x".into(), expected: "png", found: "jpg".to_string() };
        assert_eq!(code(name), 2);
        let io = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(code(io()), 6);
        assert_eq!(code(SinkError::Write { path: "x".into(), source: io() }), 6);
        assert_eq!(code(SinkError::Read { path: "x".into(), source: io() }), 3);
    }

    #[test]
    fn context_does_not_hide_the_cause() {
        let error = Err::<(), _>(PromptError::Empty).context("while reading").unwrap_err();
        assert_eq!(explain(&error).0, 3);
        assert!(explain(&error).1.is_some_and(|hint| hint.contains("--point")));
    }

    #[test]
    fn a_panic_is_an_internal_error_unless_memory_ran_out() {
        let outcome =
            |message: &'static str| caught(|| std::panic::panic_any(message)).unwrap_err();
        let bug = outcome("index out of bounds");
        assert_eq!(
            (explain(&bug).0, bug.to_string()),
            (1, "internal error: index out of bounds".into())
        );
        assert_eq!(explain(&outcome("failed to allocate Layout")).0, 9);
        assert!(caught(|| Ok(())).is_ok());
    }

    #[test]
    fn a_cause_is_not_said_twice() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let reason = source.to_string();
        let sink = SinkError::Write { path: "x.png".into(), source };
        let error = anyhow::Error::from(sink).context("at the end");
        assert_eq!(one_line(&error), format!("at the end: cannot write x.png: {reason}"));
    }

    #[test]
    fn only_stdout_s_reader_may_close() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_closed_reader(&broken().into()));
        let sink = SinkError::Write { path: "fifo".into(), source: broken() };
        assert!(!is_closed_reader(&sink.into()));
    }
}
