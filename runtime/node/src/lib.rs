//! The live node: frames of a scanner in, outlines out.
//!
//! ```text
//! source ──> FrameSlot ──> worker: LiveSession ──> Snapshot ──> http: page, API, WebSocket, metrics
//! (thread)   newest wins   (thread)     ^          newest wins  igtl: OpenIGTLink
//!                                       │                       record: data set (thread)
//!                                    Command <─── http, igtl
//! ```
//!
//! Nothing between the parts grows: the slot and the snapshot hold one frame, the list of commands and the
//! recording's few. What does not fit is dropped and counted. Networks and segmentation know nothing of servers:
//! this crate uses them, not the other way round.

mod command;
mod error;
mod http;
mod igtl;
mod life;
mod options;
mod picture;
mod record;
mod shared;
mod snapshot;
mod source;
mod state;
mod worker;

pub use error::NodeError;
pub use http::Token;
pub use options::{HttpOptions, NodeOptions, Watchdog};
pub use source::{ByteSource, RawFormat, SOURCE_FORMS, SourceSpec};
pub use state::{Figures, Object, Prompt, Shape, Source, State};
pub use uniultra_live::Overload;

use command::Commands;
use record::Recorder;
use shared::Shared;
use snapshot::Snapshot;
use source::Feed;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use uniultra_core::{Network, Segmenter};
use uniultra_live::{FrameSlot, LiveOptions, LiveSession, Pacer};
use worker::{View, Worker};

/// How long the servers may take to end. With the pictures of a slow card still to write, a node ends within a
/// second.
const FAREWELL: Duration = Duration::from_millis(100);

/// Addresses of a node that listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// The page.
    pub http: Option<SocketAddr>,
    /// The OpenIGTLink server.
    pub igtl: Option<SocketAddr>,
}

/// Runs a node until `stop` is set, or until its source ends and nobody could look at what is left.
///
/// Returns what became of the frames. `ready` is called once, when everything listens and frames may come.
///
/// # Errors
/// [`NodeError`]: the source, an address or a folder cannot be used; the recording failed; without servers, a click
/// was refused; the session's thread broke down.
pub fn run<N>(
    segmenter: Segmenter<N>,
    options: NodeOptions,
    stop: &Arc<AtomicBool>,
    ready: impl FnOnce(&Addresses),
) -> Result<Figures, NodeError>
where
    N: Network + 'static,
    LiveSession<N>: Send,
{
    let shared = Arc::new(Shared::new(stop.clone()));
    let slot = Arc::new(FrameSlot::new());
    let feed = Feed::new(slot.clone(), shared.source.clone(), shared.epoch, options.pixel_spacing);
    // With nobody to look at the picture, a file's frames wait for the model instead of being skipped.
    let alone = options.http.is_none() && options.igtl.is_none();
    let patient = alone && source::can_wait(&options.source);
    let feed = if patient { feed.patiently() } else { feed };
    let (sender, requests) = sync_channel(command::MAX_WAITING);
    let commands = Commands::new(sender, slot.clone());
    let (published, snapshots) = watch::channel(Arc::new(Snapshot::default()));

    // Everything that can fail comes before the first frame, and what makes files last.
    let player = source::open(&options.source, feed.clone())?;
    let servers = Servers::start(&options, &commands, &snapshots, &shared, &feed)?;
    let recorder = options
        .record
        .as_deref()
        .map(|folder| Recorder::start(folder, shared.clone(), patient))
        .transpose()?;
    let interval =
        options.max_rate_hz.map_or(Duration::ZERO, |hz| Duration::from_secs_f32(1.0 / hz));
    // Frames that wait for the model never overload it.
    let overload = if patient { Overload::Skip } else { options.overload };
    let worker = Worker {
        session: LiveSession::new(segmenter, LiveOptions::default()),
        slot,
        commands: requests,
        published,
        shared: shared.clone(),
        recorder,
        source_name: options.source.short_name(),
        deadline: options.deadline,
        interval,
        pacer: Pacer::new(overload, interval, options.deadline),
        ends_with_source: alone,
        first_taps: options.taps,
        failed_taps: None,
        view: View::default(),
    };
    let session = thread::Builder::new()
        .name("session".to_string())
        .spawn(move || worker.run())
        .map_err(NodeError::Thread)?;
    // Removed when this function returns.
    let _socket_file = source::play(player)?;
    ready(&servers.addresses);
    life::watch(&shared, &session, options.watchdog);
    let outcome = session.join();
    servers.end();
    let summary = outcome.map_err(|_| NodeError::Session("its thread panicked".to_string()))?;
    summary.outcome?;
    match summary.failed_taps {
        // With a page, people see that nothing is outlined.
        Some(reason) if alone => Err(NodeError::Tap { reason }),
        _ => Ok(summary.figures),
    }
}

/// The servers, on a thread of their own.
struct Servers {
    runtime: Runtime,
    addresses: Addresses,
}

impl Servers {
    fn start(
        options: &NodeOptions,
        commands: &Commands,
        snapshots: &watch::Receiver<Arc<Snapshot>>,
        shared: &Arc<Shared>,
        feed: &Feed,
    ) -> Result<Self, NodeError> {
        // One thread: it waits and copies, and the processor's other cores belong to the model.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("network")
            .enable_io()
            .enable_time()
            .build()
            .map_err(NodeError::Thread)?;
        let mut addresses = Addresses::default();
        if let Some(http) = &options.http {
            let bind =
                http::Server::bind(http, commands.clone(), snapshots.clone(), shared.clone());
            let server = runtime.block_on(bind)?;
            addresses.http = Some(server.address());
            runtime.spawn(server.serve());
        }
        if let Some(address) = options.igtl {
            let is_source = options.source == SourceSpec::OpenIgtLink;
            let link = igtl::Link {
                commands: commands.clone(),
                snapshots: snapshots.clone(),
                shared: shared.clone(),
                places: Arc::default(),
                feed: is_source.then(|| feed.clone()),
            };
            let server = runtime.block_on(igtl::Server::bind(address, link))?;
            addresses.igtl = Some(server.address());
            runtime.spawn(server.serve());
        }
        Ok(Self { runtime, addresses })
    }

    fn end(self) {
        self.runtime.shutdown_timeout(FAREWELL);
    }
}
