//! The WebSocket: frames and states to the page, commands from it.
//!
//! A client gets the newest snapshot whenever it has taken the one before, so a slow one sees fewer frames. One that
//! takes none for seconds is dropped.

use super::guard::PROTOCOL;
use super::{MAX_REQUEST_BYTES, Site};
use crate::command::Command;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

/// Most clients at a time: screens round one scanner.
const MAX_CLIENTS: u32 = 8;

/// How long a client may take for a message.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a client is asked whether it is there.
const PING: Duration = Duration::from_secs(5);

/// After this time without a new frame the client gets the state again, so that it can tell a still picture from a
/// broken connection.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// The number of a command, which its answer repeats.
#[derive(Deserialize)]
struct Numbered {
    #[serde(default)]
    id: i64,
}

pub(super) async fn upgrade(State(site): State<Site>, upgrade: WebSocketUpgrade) -> Response {
    let Some(place) = Place::take(&site.shared) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many clients").into_response();
    };
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_REQUEST_BYTES)
        .max_frame_size(MAX_REQUEST_BYTES)
        .on_upgrade(move |socket| async move {
            talk(socket, &site).await;
            drop(place);
        })
}

/// A client's place among the few; given back when dropped.
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let one_more = |clients| (clients < MAX_CLIENTS).then_some(clients + 1);
        let taken = shared.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Self(shared.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn talk(mut socket: WebSocket, site: &Site) {
    let mut snapshots = site.snapshots.clone();
    snapshots.mark_changed();
    let mut shown = None;
    let mut pings = interval(PING);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    match message {
                        Message::Text(text) => Message::text(answer(site, &text).await),
                        Message::Close(_) => return,
                        // The page sends nothing else; pings are answered by the library.
                        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => continue,
                    }
                }
                Some(Err(_)) | None => return,
            },
            // Browsers answer by themselves. Who does not is not there any more, or does not read.
            _ = pings.tick() => {
                if heard.elapsed() > 3 * PING {
                    site.shared.clients_dropped.fetch_add(1, Ordering::Relaxed);
                    log::warn!("a client answered no ping and was dropped");
                    return;
                }
                Message::Ping(Bytes::new())
            }
            newest = next(&mut snapshots) => {
                let Some(snapshot) = newest else { return };
                picture_message(&snapshot, &mut shown)
            }
        };
        match timeout(PATIENCE, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                site.shared.clients_dropped.fetch_add(1, Ordering::Relaxed);
                log::warn!("a client took nothing for {} s and was dropped", PATIENCE.as_secs());
                return;
            }
        }
    }
}

/// The next snapshot, or the last one again if none comes; `None` when the session has ended.
async fn next(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> Option<Arc<Snapshot>> {
    if let Ok(changed) = timeout(KEEP_ALIVE, snapshots.changed()).await {
        changed.ok()?;
    }
    Some(snapshots.borrow_and_update().clone())
}

/// Length of the state, the state, the frame; without the frame if the client has it.
fn picture_message(snapshot: &Snapshot, shown: &mut Option<u64>) -> Message {
    let number = snapshot.captured.as_ref().map(|captured| captured.number);
    // A state is made of plain numbers and texts, so it has a JSON form.
    let state = serde_json::to_vec(&snapshot.state).unwrap_or_default();
    let jpeg = if number == *shown { Arc::default() } else { snapshot.jpeg() };
    *shown = number;
    let length = u32::try_from(state.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(4 + state.len() + jpeg.len());
    bytes.extend(length.to_le_bytes());
    bytes.extend(state);
    bytes.extend(jpeg.iter());
    Message::binary(bytes)
}

async fn answer(site: &Site, text: &str) -> String {
    let id = serde_json::from_str::<Numbered>(text).map_or(0, |numbered| numbered.id);
    let outcome = match Command::read(text.as_bytes()) {
        Ok(command) => site.commands.ask(command).await,
        Err(message) => Err(message),
    };
    match outcome {
        Ok(object) => json!({ "type": "done", "id": id, "object": object }).to_string(),
        Err(message) => json!({ "type": "error", "id": id, "message": message }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn places_are_few_and_come_back() {
        let shared = Arc::new(Shared::new(Arc::new(AtomicBool::new(false))));
        let places: Vec<_> = (0..MAX_CLIENTS).filter_map(|_| Place::take(&shared)).collect();
        assert_eq!(places.len(), 8);
        assert!(Place::take(&shared).is_none());
        drop(places);
        assert!(Place::take(&shared).is_some());
        assert_eq!(shared.clients.load(Ordering::Relaxed), 0);
    }
}
