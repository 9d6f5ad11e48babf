//! `uniultra-tools batch` and `merge`: a mixed archive, the answers of `uniultra segment`, kills, shards, refusals.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and its figures go to its output"
)]

mod archive;
mod job_files;
mod kills;
mod refusals;
mod results;
mod shards;
