//! `uniultra live`: sources, page's server, recording, clients. The page itself is tested in a browser, by
//! `cargo xtask browser`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod demo;
mod hostile;
mod igtl;
mod life;
mod node;
mod overload;
mod recipes;
mod record;
mod sources;
