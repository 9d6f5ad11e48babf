//! Sources of frames. Each runs on a thread of its own and hands every frame to the session's slot.

mod bytes;
mod demo;
mod feed;
mod fifo;
mod folder;
mod pace;
mod raw;
mod socket;
mod spec;
mod y4m;

pub(crate) use feed::{Feed, SourceState, SourceStatus};
pub use spec::{ByteSource, RawFormat, SOURCE_FORMS, SourceSpec};

use crate::NodeError;
use bytes::Opened;
use socket::SocketFile;
use std::thread;

/// Whether every frame of a source can wait until it is taken, because none comes by itself.
pub(crate) fn can_wait(spec: &SourceSpec) -> bool {
    match spec {
        SourceSpec::Folder { .. } => true,
        SourceSpec::Y4m(bytes) | SourceSpec::Raw { bytes, .. } => Opened::is_file(bytes),
        SourceSpec::Demo | SourceSpec::OpenIgtLink => false,
    }
}

/// A source that is there.
pub(crate) struct Player {
    /// Plays until the source ends.
    play: Box<dyn FnOnce() + Send>,
    /// The file of a socket that this program made.
    file: Option<SocketFile>,
}

impl Player {
    fn new(play: impl FnOnce() + Send + 'static) -> Self {
        Self { play: Box::new(play), file: None }
    }

    fn with_file(self, file: Option<SocketFile>) -> Self {
        Self { file, ..self }
    }
}

/// Opens a source. Mistakes of the command line are errors here; what happens to a stream later is logged, and shown
/// as the source's state.
pub(crate) fn open(spec: &SourceSpec, mut feed: Feed) -> Result<Player, NodeError> {
    Ok(match spec {
        SourceSpec::Demo => {
            let demo = demo::Demo::open()?;
            Player::new(move || demo.play(&mut feed))
        }
        SourceSpec::Folder { path, rate_hz } => {
            let folder = folder::Folder::open(path, *rate_hz)?;
            Player::new(move || folder.play(&mut feed))
        }
        SourceSpec::Y4m(bytes) => {
            let (mut opened, file) = Opened::new(bytes)?;
            let is_file = Opened::is_file(bytes);
            Player::new(move || {
                opened.read_streams(&mut feed, |bytes, feed| y4m::read(bytes, feed, is_file));
            })
            .with_file(file)
        }
        SourceSpec::Raw { format, width, height, bytes } => {
            let layout = raw::Layout::new(*format, *width, *height)?;
            let (mut opened, file) = Opened::new(bytes)?;
            Player::new(move || {
                opened.read_streams(&mut feed, |bytes, feed| layout.read(bytes, feed))
            })
            .with_file(file)
        }
        // The server of that protocol feeds the slot.
        SourceSpec::OpenIgtLink => Player::new(|| ()),
    })
}

/// Starts its thread, which nobody waits for: it may wait for a writer for ever. The file of a socket is the caller's, to
/// be removed at the end.
pub(crate) fn play(player: Player) -> Result<Option<SocketFile>, NodeError> {
    let spawned = thread::Builder::new().name("source".to_string()).spawn(player.play);
    spawned.map(|_| player.file).map_err(NodeError::Thread)
}
