//! The OpenIGTLink server: images and prompts in; label maps, outlines and states out.
//!
//! The protocol has no secrets, so the server listens on this machine's own addresses only. A peer on another
//! machine comes through a tunnel (`ssh -L`).

mod incoming;
mod outgoing;
mod places;

pub(crate) use places::Places;

use crate::NodeError;
use crate::command::Commands;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::source::Feed;
use incoming::Incoming;
use outgoing::Form;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use uniultra_igtl::{DecodeError, Decoder, Message};

/// Largest body of a message: an RGB image of 2600 x 2000 px.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Most peers at a time: a scanner, and viewers.
const MAX_PEERS: u32 = 4;

/// Answers that wait for a peer to take them.
const MAX_ANSWERS: usize = 16;

/// How long a peer may take for the messages of a frame.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest pause within a message. Between messages a peer may be silent.
const PAUSE: Duration = Duration::from_secs(10);

const READ_BYTES: usize = 1 << 16;

/// What every connection sees.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) commands: Commands,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) places: Arc<Places>,
    /// Where images go, if they are the node's source.
    pub(crate) feed: Option<Feed>,
}

/// A server that listens but does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    link: Link,
}

impl Server {
    pub(crate) async fn bind(wanted: SocketAddr, link: Link) -> Result<Self, NodeError> {
        if !wanted.ip().is_loopback() {
            return Err(NodeError::NotLoopback {
                address: wanted,
                way: "ssh -L forwards a port of another machine",
            });
        }
        let failed = |source| NodeError::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, link })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    pub(crate) async fn serve(self) {
        let peers = Arc::new(AtomicU32::new(0));
        loop {
            let (stream, from) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    log::warn!("OpenIGTLink: {error}");
                    // Out of descriptors, most likely: others have to go first.
                    tokio::time::sleep(PATIENCE).await;
                    continue;
                }
            };
            if peers.load(Ordering::Relaxed) >= MAX_PEERS {
                log::debug!("OpenIGTLink: {from} refused, {MAX_PEERS} peers are connected");
                continue;
            }
            peers.fetch_add(1, Ordering::Relaxed);
            let (peers, link) = (peers.clone(), self.link.clone());
            tokio::spawn(async move {
                log::info!("OpenIGTLink: {from} connected");
                talk(stream, link).await;
                peers.fetch_sub(1, Ordering::Relaxed);
                log::info!("OpenIGTLink: {from} left");
            });
        }
    }
}

/// One peer, until either side ends.
async fn talk(stream: TcpStream, link: Link) {
    // Small messages must not wait for large ones.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (answers, answered) = mpsc::channel(MAX_ANSWERS);
    let form = Form::default();
    let out = write_all(writer, link.clone(), answered, form.clone());
    tokio::select! {
        () = read_all(reader, Incoming::new(link, form), answers) => {}
        () = out => {}
    }
}

async fn read_all(
    mut reader: OwnedReadHalf,
    mut incoming: Incoming,
    answers: mpsc::Sender<Message>,
) {
    let mut decoder = Decoder::new(MAX_BODY_BYTES);
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let reading = reader.read(&mut bytes);
        let read = if decoder.is_between_messages() {
            reading.await
        } else if let Ok(read) = timeout(PAUSE, reading).await {
            read
        } else {
            log::warn!("OpenIGTLink: a peer stopped within a message and was dropped");
            return;
        };
        let Some(read) = read.ok().filter(|read| *read > 0) else { return };
        let mut rest = bytes.get(..read).unwrap_or_default();
        loop {
            let answer = match decoder.decode(&mut rest) {
                Ok(None) => break,
                Ok(Some(message)) => incoming.take(message).await,
                Err(error) => {
                    log::warn!("OpenIGTLink: {error}");
                    incoming.source_error();
                    if error.is_fatal() {
                        return;
                    }
                    // Two programs that refuse each other's states would never end.
                    if matches!(&error, DecodeError::Message { type_name, .. } if type_name == "STATUS")
                    {
                        continue;
                    }
                    Some(incoming.refusal(&error.to_string()))
                }
            };
            // A peer that sends but does not read loses answers, not the connection.
            if let Some(answer) = answer {
                let _ = answers.try_send(answer);
            }
        }
    }
}

async fn write_all(
    mut writer: OwnedWriteHalf,
    link: Link,
    mut answers: mpsc::Receiver<Message>,
    form: Form,
) {
    let mut snapshots = link.snapshots.clone();
    loop {
        let messages = tokio::select! {
            answer = answers.recv() => match answer {
                Some(answer) => vec![answer],
                None => return,
            },
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                let snapshot = snapshots.borrow_and_update().clone();
                outgoing::messages(&snapshot, &link.places)
            }
        };
        for message in messages {
            let bytes = match form.apply(message).encode() {
                Ok(bytes) => bytes,
                Err(error) => {
                    log::warn!("OpenIGTLink: {error}");
                    continue;
                }
            };
            match timeout(PATIENCE, writer.write_all(&bytes)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    link.shared.clients_dropped.fetch_add(1, Ordering::Relaxed);
                    log::warn!(
                        "an OpenIGTLink peer took nothing for {} s and was dropped",
                        PATIENCE.as_secs()
                    );
                    return;
                }
            }
        }
    }
}
