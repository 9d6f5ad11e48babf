//! What the gate and the programs that its commands start share: where the checkout's folders are, how
//! child processes are started, Python environments, files read and written, lines on the terminal.

pub mod npy;
pub mod python;
pub mod screen;
pub mod whole;
pub mod workspace;

/// The phantom frame of the README, from the root; its README.md says what the target is.
pub const SAMPLE: &str = "tests/fixtures/sample/frame.png";

/// A point inside the sample's target, in pixels of the frame.
pub const SAMPLE_POINT: &str = "269,279";
