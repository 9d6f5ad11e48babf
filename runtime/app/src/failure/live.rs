//! Exit codes of the live node.

use super::{INPUT, INTERNAL, OUTPUT, USAGE};
use uniultra_node::NodeError;

/// Exit code and hint.
pub(super) fn explain(error: &NodeError) -> (u8, Option<&'static str>) {
    match error {
        NodeError::Tap { .. }
        | NodeError::Source { .. }
        | NodeError::NoFrames { .. }
        | NodeError::Spacing(_)
        | NodeError::Frame(_) => (INPUT, None),
        NodeError::NotLoopback { .. } => (USAGE, Some("see `uniultra live --help`")),
        NodeError::Token { .. } => (
            USAGE,
            Some(
                "`(umask 077; openssl rand -hex 16 > token.txt)` makes a token; see `uniultra live --help`",
            ),
        ),
        NodeError::Listen { .. } => {
            (OUTPUT, Some("choose another address or port; port 0 takes a free one above 1023"))
        }
        NodeError::Record { .. } | NodeError::Sink(_) => (OUTPUT, None),
        _ => (INTERNAL, None),
    }
}
