//! The web server: page, API, WebSocket, metrics.

mod api;
mod guard;
mod metrics;
mod page;
mod socket;

pub use guard::Token;

use crate::command::Commands;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::{HttpOptions, NodeError};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use guard::Guard;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Longest body of a request, and longest message of a client.
const MAX_REQUEST_BYTES: usize = 4096;

/// What every handler sees.
#[derive(Clone)]
pub(crate) struct Site {
    guard: Arc<Guard>,
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
        Ok(Self { listener, address, site: Site { guard, commands, snapshots, shared } })
    }

    /// The address, with the port that the system chose if port 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
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
        if let Err(error) = axum::serve(self.listener, router).await {
            log::error!("the web server ended: {error}");
        }
    }
}

async fn check_site(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut response = match site.guard.check_site(request.headers()) {
        Ok(()) => next.run(request).await,
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
    match site.guard.check_token(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}
