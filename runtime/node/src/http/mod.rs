//! The web server: page, API, WebSocket, metrics.

mod api;
mod guard;
mod metrics;
mod page;
mod socket;
mod throttle;

pub use guard::Token;

use crate::command::Commands;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::{HttpOptions, NodeError};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use guard::{Guard, Unauthorized};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use throttle::Throttle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;

/// Longest body of a request, and longest message of a client.
const MAX_REQUEST_BYTES: usize = 4096;

/// Most connections at a time; a browser opens six for a page.
const MAX_CONNECTIONS: usize = 64;

/// How long a client may take to ask, for an answer, and for all that it asks on one connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);

/// The answer to a wrong token when too many clients have one.
const TOO_MANY: (StatusCode, &str) = (StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens");

/// Pause after a connection that the system could not give.
const BREATHER: Duration = Duration::from_millis(200);

/// What every handler sees.
#[derive(Clone)]
pub(crate) struct Site {
    guard: Arc<Guard>,
    throttle: Arc<Throttle>,
    commands: Commands,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    shared: Arc<Shared>,
}

/// A server that listens but does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Site,
}

impl Server {
    /// Listens. Without `options.token`, only on this machine's own addresses.
    pub(crate) async fn bind(
        options: &HttpOptions,
        commands: Commands,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        shared: Arc<Shared>,
    ) -> Result<Self, NodeError> {
        let wanted = options.address;
        if !wanted.ip().is_loopback() && options.token.is_none() {
            let way = "--expose lets other machines in, with a token";
            return Err(NodeError::NotLoopback { address: wanted, way });
        }
        let failed = |source| NodeError::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let guard = Arc::new(Guard::new(address, &options.hosts, options.token.clone()));
        let throttle = Arc::new(Throttle::new());
        Ok(Self { listener, address, site: Site { guard, throttle, commands, snapshots, shared } })
    }

    /// The address, with the port that the system chose if port 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends. Connections are few, and none may wait for long before it asks: otherwise
    /// idle ones would keep everybody out, without any token.
    pub(crate) async fn serve(self) {
        let secret = Router::new()
            .route("/ws", get(socket::upgrade))
            .route("/api/state", get(api::state))
            .route("/api/frame.png", get(api::frame))
            .route("/api/mask.png", get(api::mask))
            .route("/api/command", post(api::command))
            .route("/metrics", get(metrics::metrics))
            .layer(middleware::from_fn_with_state(self.site.clone(), check_token));
        let router = Router::new()
            .route("/", get(page::page))
            .merge(secret)
            .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
            .layer(middleware::from_fn_with_state(self.site.clone(), check_site))
            .with_state(self.site);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = self.listener.accept().await;
            let (stream, _) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    log::warn!("the page's server: {error}");
                    // Out of descriptors, most likely: others have to go first.
                    tokio::time::sleep(BREATHER).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                // Whoever makes many of them must not fill the log, too.
                log::debug!(
                    "the page's server: a connection was refused, {MAX_CONNECTIONS} are open"
                );
                continue;
            };
            let router = router.clone();
            tokio::spawn(async move {
                connection(stream, router).await;
                drop(place);
            });
        }
    }
}

/// One connection. It ends when it has become a WebSocket, which has limits of its own, or after [`LONGEST`].
async fn connection(stream: TcpStream, router: Router) {
    let local = stream.local_addr().map(LocalAddress);
    let service = service_fn(move |mut request: axum::http::Request<Incoming>| {
        if let Ok(local) = local.as_ref() {
            request.extensions_mut().insert(*local);
        }
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    // Errors are those of clients that left or were too slow.
    if let Ok(Err(error)) = timeout(LONGEST, connection).await {
        log::debug!("the page's server: {error}");
    }
}

/// This machine's end of a connection.
#[derive(Clone, Copy, Debug)]
struct LocalAddress(SocketAddr);

async fn check_site(State(site): State<Site>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<LocalAddress>().map(|local| local.0);
    let mut response = match site.guard.check_site(request.headers(), local) {
        Ok(()) => timeout(ANSWER_TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response()),
        Err(refusal) => refusal.into_response(),
    };
    // Nothing of this server may be guessed to be a script, shown in a frame of another page, or kept.
    const FIXED: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in FIXED {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn check_token(State(site): State<Site>, request: Request, next: Next) -> Response {
    let refusal = (StatusCode::UNAUTHORIZED, "missing or wrong token");
    match site.guard.check_token(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(Unauthorized::Missing) => refusal.into_response(),
        Err(Unauthorized::Wrong) => {
            site.shared.wrong_tokens.fetch_add(1, Ordering::Relaxed);
            let has_waited = site.throttle.wait().await;
            if has_waited { refusal } else { TOO_MANY }.into_response()
        }
    }
}
