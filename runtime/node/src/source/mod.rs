//! Sources of frames. Each runs on a thread of its own and hands every frame to the session's slot.

mod bytes;
mod demo;
mod feed;
mod folder;
mod pace;
mod raw;
mod spec;
mod y4m;

pub(crate) use feed::{Feed, SourceState, SourceStatus};
pub use spec::{ByteSource, RawFormat, SOURCE_FORMS, SourceSpec};

use crate::NodeError;
use bytes::Opened;
use std::thread;

/// Whether every frame of a source can wait until it is taken, because none comes by itself.
pub(crate) fn can_wait(spec: &SourceSpec) -> bool {
    match spec {
        SourceSpec::Folder { .. } => true,
        SourceSpec::Y4m(bytes) | SourceSpec::Raw { bytes, .. } => Opened::is_file(bytes),
        SourceSpec::Demo | SourceSpec::OpenIgtLink => false,
    }
}

/// A source that is there, and plays until it ends.
pub(crate) type Player = Box<dyn FnOnce() + Send>;

/// Opens a source. Mistakes of the command line are errors here; what happens to a stream later is logged, and shown
/// as the source's state.
pub(crate) fn open(spec: &SourceSpec, mut feed: Feed) -> Result<Player, NodeError> {
    Ok(match spec {
        SourceSpec::Demo => {
            let demo = demo::Demo::open()?;
            Box::new(move || demo.play(&mut feed))
        }
        SourceSpec::Folder { path, rate_hz } => {
            let folder = folder::Folder::open(path, *rate_hz)?;
            Box::new(move || folder.play(&mut feed))
        }
        SourceSpec::Y4m(bytes) => {
            let mut opened = Opened::new(bytes)?;
            let is_file = Opened::is_file(bytes);
            Box::new(move || {
                opened.read_streams(&mut feed, |bytes, feed| y4m::read(bytes, feed, is_file));
            })
        }
        SourceSpec::Raw { format, width, height, bytes } => {
            let layout = raw::Layout::new(*format, *width, *height)?;
            let mut opened = Opened::new(bytes)?;
            Box::new(move || opened.read_streams(&mut feed, |bytes, feed| layout.read(bytes, feed)))
        }
        // The server of that protocol feeds the slot.
        SourceSpec::OpenIgtLink => Box::new(|| ()),
    })
}

/// Starts its thread.
pub(crate) fn play(player: Player) -> Result<(), NodeError> {
    let spawned = thread::Builder::new().name("source".to_string()).spawn(player);
    spawned.map(drop).map_err(NodeError::Thread)
}
