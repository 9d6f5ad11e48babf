//! `--record`: frames, masks, prompts and measurements as a data set that `uniultra-tools evaluate` and the
//! trainer read. A thread of its own writes, so that a slow card does not hold up the picture.

mod files;

use crate::NodeError;
use crate::shared::{Recording, Shared};
use crate::snapshot::Snapshot;
use files::Files;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Frames that wait for the writer: a fifth of a second. More would hold many megabytes of pictures.
const WAITING: usize = 4;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    sender: SyncSender<Arc<Snapshot>>,
    thread: JoinHandle<Result<(), NodeError>>,
    /// Waits for the writer instead of losing a frame.
    patient: bool,
    /// The last frame that was passed on.
    last: Option<u64>,
    /// What became of a frame while the picture was frozen: only its last form is written.
    frozen: Option<Arc<Snapshot>>,
}

impl Recorder {
    /// Makes the folders and starts the thread.
    pub(crate) fn start(
        folder: &Path,
        shared: Arc<Shared>,
        patient: bool,
    ) -> Result<Self, NodeError> {
        let files = Files::open(folder)?;
        let (sender, receiver) = sync_channel(WAITING);
        shared.set_recording(Recording::Running);
        let write = move || {
            let outcome = write_all(files, &receiver, &shared);
            if let Err(error) = &outcome {
                log::error!("the recording ends: {}", with_causes(error));
                shared.set_recording(Recording::Failed);
            }
            outcome
        };
        let thread = thread::Builder::new().name("record".to_string()).spawn(write);
        let thread = thread.map_err(NodeError::Thread)?;
        Ok(Self { sender, thread, patient, last: None, frozen: None })
    }

    /// Records a frame with masks; one that the writer has no room for is counted.
    pub(crate) fn offer(&mut self, snapshot: &Arc<Snapshot>, shared: &Shared) {
        if !snapshot.new_frame {
            if snapshot.state.frozen {
                self.frozen = Some(snapshot.clone());
            }
            return;
        }
        if let Some(frozen) = self.frozen.take() {
            self.pass_on(frozen, shared);
        }
        self.pass_on(snapshot.clone(), shared);
    }

    fn pass_on(&mut self, snapshot: Arc<Snapshot>, shared: &Shared) {
        let number = snapshot.state.frame;
        // A frame whose masks were taken back is written again, without them.
        if snapshot.masks.is_empty() && self.last != Some(number) {
            return;
        }
        let sent = if self.patient {
            self.sender.send(snapshot).is_ok()
        } else {
            self.sender.try_send(snapshot).is_ok()
        };
        if sent {
            self.last = Some(number);
        } else {
            shared.record_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written.
    pub(crate) fn finish(mut self, shared: &Shared) -> Result<(), NodeError> {
        if let Some(frozen) = self.frozen.take() {
            self.pass_on(frozen, shared);
        }
        drop(self.sender);
        let broken = |_| Err(NodeError::Session("the recording's thread panicked".to_string()));
        self.thread.join().unwrap_or_else(broken)
    }
}

/// The error and what caused it, on one line.
fn with_causes(error: &NodeError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Writes until the sender is gone, or until a file cannot be written: a full disk does not get better.
fn write_all(
    mut files: Files,
    snapshots: &Receiver<Arc<Snapshot>>,
    shared: &Shared,
) -> Result<(), NodeError> {
    for snapshot in snapshots {
        files.write(&snapshot)?;
        shared.recorded.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
