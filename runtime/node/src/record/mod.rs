//! `--record`: frames, masks, prompts and measurements as a data set that `uniultra-tools evaluate` and the
//! trainer read. A thread of its own writes, so that a slow card does not hold up the picture.

mod files;
mod rle;

use crate::NodeError;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use files::Files;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

/// Frames that wait for the writer: a fifth of a second. More would hold many megabytes of pictures.
const WAITING: usize = 4;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    sender: SyncSender<Arc<Snapshot>>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Makes the folders and starts the thread.
    pub(crate) fn start(folder: &Path, shared: Arc<Shared>) -> Result<Self, NodeError> {
        let files = Files::open(folder)?;
        let (sender, receiver) = sync_channel(WAITING);
        let write = move || write_all(files, &receiver, &shared);
        let thread = thread::Builder::new().name("record".to_string()).spawn(write);
        Ok(Self { sender, thread: thread.map_err(NodeError::Thread)? })
    }

    /// Records a new frame with masks; one that the writer has no room for is counted.
    pub(crate) fn offer(&mut self, snapshot: &Arc<Snapshot>, shared: &Shared) {
        let has_masks = !snapshot.masks.is_empty();
        // Without a new frame, the picture is frozen: its masks may have changed since it was written.
        let worth_it = has_masks && (snapshot.new_frame || snapshot.state.frozen);
        if worth_it && let Err(TrySendError::Full(_)) = self.sender.try_send(snapshot.clone()) {
            shared.record_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written.
    pub(crate) fn finish(self) {
        drop(self.sender);
        if self.thread.join().is_err() {
            log::error!("the recording broke down");
        }
    }
}

/// Writes until the sender is gone, or until a file cannot be written: a full disk does not get better.
fn write_all(mut files: Files, snapshots: &Receiver<Arc<Snapshot>>, shared: &Shared) {
    for snapshot in snapshots {
        match files.write(&snapshot) {
            Ok(()) => {
                shared.recorded.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                log::error!("the recording ends: {error}");
                return;
            }
        }
    }
}
