//! What a user asks of a running session.

use serde::Deserialize;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use tokio::sync::oneshot;
use uniultra_core::PointLabel;
use uniultra_live::{FrameSlot, LivePrompt, ObjectId, PromptKind};

/// Commands that wait for the session. People are slower; a client that floods gets errors.
pub(crate) const MAX_WAITING: usize = 32;

/// A command, as clients send it in JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum Command {
    /// A click; without an object, on a new one.
    Point {
        /// The object.
        #[serde(default)]
        object: Option<u32>,
        /// Number of the frame that the user saw; the newest if absent.
        #[serde(default)]
        frame: Option<u64>,
        /// Column.
        x: f32,
        /// Row.
        y: f32,
        /// Whether the pixel belongs to the object.
        inside: bool,
    },
    /// A box; without an object, round a new one.
    Box {
        /// The object.
        #[serde(default)]
        object: Option<u32>,
        /// Number of the frame that the user saw; the newest if absent.
        #[serde(default)]
        frame: Option<u64>,
        /// Left.
        x0: f32,
        /// Top.
        y0: f32,
        /// Right.
        x1: f32,
        /// Bottom.
        y1: f32,
    },
    /// Takes an object's last prompt back.
    Undo {
        /// The object.
        object: u32,
    },
    /// Removes an object.
    Remove {
        /// The object.
        object: u32,
    },
    /// Renames an object.
    Rename {
        /// The object.
        object: u32,
        /// Its new name.
        name: String,
    },
    /// Freezes the picture, or lets it go on.
    Freeze {
        /// Whether to freeze.
        on: bool,
    },
}

impl Command {
    /// A command in JSON; the error says what was expected.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        // The parser's messages are about Rust's types, but they name the field.
        serde_json::from_slice(json).map_err(|error| {
            format!(
                "expected a command (point, box, undo, remove, rename or freeze) with its fields in JSON: {}",
                error.to_string().replace("internally tagged enum Command", "an object")
            )
        })
    }

    /// The prompt in a command, and its object; `newest` is the number of the newest frame.
    pub(crate) fn prompt(&self, newest: u64) -> Option<(Option<ObjectId>, LivePrompt)> {
        match *self {
            Self::Point { object, frame, x, y, inside } => {
                let label = if inside { PointLabel::Positive } else { PointLabel::Negative };
                let kind = PromptKind::Point { x, y, label };
                let frame = frame.unwrap_or(newest);
                Some((object.map(ObjectId), LivePrompt { frame, kind }))
            }
            Self::Box { object, frame, x0, y0, x1, y1 } => {
                let kind = PromptKind::Box { x0, y0, x1, y1 };
                let frame = frame.unwrap_or(newest);
                Some((object.map(ObjectId), LivePrompt { frame, kind }))
            }
            _ => None,
        }
    }
}

/// The object that a command was about, or why it was refused.
pub(crate) type Answer = Result<Option<u32>, String>;

/// A command and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The way to a session, for any number of clients.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    sender: SyncSender<Request>,
    /// The session waits here, for frames too.
    slot: Arc<FrameSlot>,
}

impl Commands {
    pub(crate) fn new(sender: SyncSender<Request>, slot: Arc<FrameSlot>) -> Self {
        Self { sender, slot }
    }

    /// Passes a command on; the receiver gets its answer.
    pub(crate) fn send(&self, command: Command) -> Result<oneshot::Receiver<Answer>, String> {
        let (answer, receiver) = oneshot::channel();
        match self.sender.try_send(Request { command, answer }) {
            Ok(()) => {
                self.slot.wake();
                Ok(receiver)
            }
            Err(TrySendError::Full(_)) => Err("busy: too many commands are waiting".to_string()),
            Err(TrySendError::Disconnected(_)) => Err("the session has ended".to_string()),
        }
    }

    /// Passes a command on and waits for its answer.
    pub(crate) async fn ask(&self, command: Command) -> Answer {
        self.send(command)?.await.unwrap_or_else(|_| Err("the session has ended".to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_json() {
        let read = |text: &str| serde_json::from_str::<Command>(text);
        let point = r#"{"id": 7, "command": "point", "object": null, "frame": 3, "x": 1, "y": 2.5, "inside": false}"#;
        let (object, prompt) = read(point).unwrap().prompt(9).unwrap();
        assert_eq!((object, prompt.frame), (None, 3));
        let label = PointLabel::Negative;
        assert_eq!(prompt.kind, PromptKind::Point { x: 1.0, y: 2.5, label });
        let corners =
            r#"{"command": "box", "object": 4, "frame": 3, "x0": 1, "y0": 2, "x1": 3, "y1": 4}"#;
        assert_eq!(read(corners).unwrap().prompt(9).unwrap().0, Some(ObjectId(4)));
        let newest = r#"{"command": "point", "x": 1, "y": 2, "inside": true}"#;
        assert_eq!(read(newest).unwrap().prompt(9).unwrap().1.frame, 9);
        assert_eq!(
            read(r#"{"command": "freeze", "on": true}"#).unwrap(),
            Command::Freeze { on: true }
        );
        for wrong in ["", "{}", "[]", r#"{"command": "exit"}"#, r#"{"command": "undo"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
