//! The API for programs: one request, one answer.

use super::Site;
use crate::command::Command;
use crate::picture;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Display;

/// The state as JSON.
pub(super) async fn state(State(site): State<Site>) -> Response {
    let snapshot = site.snapshots.borrow().clone();
    Json(&snapshot.state).into_response()
}

/// The last frame as PNG; the header `x-frame` has its number.
pub(super) async fn frame(State(site): State<Site>) -> Response {
    let snapshot = site.snapshots.borrow().clone();
    match &snapshot.captured {
        Some(captured) => png(captured.number, snapshot.png().await),
        None => no_frame(),
    }
}

/// The label map of the last frame as PNG: each pixel has the label of its object, 0 where there is none.
pub(super) async fn mask(State(site): State<Site>) -> Response {
    let snapshot = site.snapshots.borrow().clone();
    let state = &snapshot.state;
    match &snapshot.captured {
        Some(captured) => {
            let map = picture::label_png(&snapshot.labels(), state.width, state.height);
            png(captured.number, map)
        }
        None => no_frame(),
    }
}

/// A command, as in a message of the WebSocket.
pub(super) async fn command(State(site): State<Site>, body: Bytes) -> Response {
    let answer = match Command::read(&body) {
        Ok(command) => site.commands.ask(command).await,
        Err(message) => Err(message),
    };
    match answer {
        Ok(object) => Json(json!({ "object": object })).into_response(),
        Err(message) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "message": message }))).into_response()
        }
    }
}

fn png<T: IntoResponse>(number: u64, picture: Result<T, impl Display>) -> Response {
    match picture {
        Ok(bytes) => {
            let headers = [(header::CONTENT_TYPE, "image/png".to_string())];
            (headers, [("x-frame", number.to_string())], bytes).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn no_frame() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "no frame has come yet").into_response()
}
