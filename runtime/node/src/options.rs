//! What a node is asked to do.

use crate::{SourceSpec, Token};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use uniultra_core::PixelSpacing;
use uniultra_live::Overload;

/// What a node is asked to do.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Where frames come from.
    pub source: SourceSpec,
    /// Size of a pixel, for sources that do not know it.
    pub pixel_spacing: Option<PixelSpacing>,
    /// Clicks on the first frame, each on an object of its own, in pixels.
    pub taps: Vec<[f32; 2]>,
    /// The page's server.
    pub http: Option<HttpOptions>,
    /// Where the OpenIGTLink server listens: an address of this machine, port 0 for any free one.
    pub igtl: Option<SocketAddr>,
    /// The folder of the recording.
    pub record: Option<PathBuf>,
    /// Greatest age of an answer that is in time, capture to mask.
    pub deadline: Option<Duration>,
    /// Most frames a second that the model gets; the newest ones. `None` for as many as it can.
    pub max_rate_hz: Option<f32>,
    /// What to do when frames come faster than the model answers.
    pub overload: Overload,
    /// What to do if the session gives no sign of life for so long.
    pub watchdog: Option<Watchdog>,
}

/// A limit, and what happens beyond it.
#[derive(Clone, Copy, Debug)]
pub struct Watchdog {
    /// The longest silence. A session gives a sign of life with every frame, and ten times a second without.
    pub limit: Duration,
    /// Called once the limit is exceeded; ends the process.
    pub barks: fn(Duration),
}

/// The page's server.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where it listens; port 0 means any free one.
    pub address: SocketAddr,
    /// The token that clients need. Without one, only addresses of this machine are allowed.
    pub token: Option<Token>,
    /// Further names of this machine that browsers may use.
    pub hosts: Vec<String>,
}
