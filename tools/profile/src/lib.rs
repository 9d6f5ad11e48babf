//! Where the time of a model pack goes, on this machine or, stage by stage, on another.
//!
//! ```text
//! pack A (and B) ──> Recording: every operation's time, run by run ──┐
//! this machine ────> Peaks: products in f32 and int8, memory ────────┼─> Report ─> files
//! report of another build ───────────────────────────────────────────┘
//! ```
//!
//! - A run is one frame and two clicks; the second click is the one that counts, for the first one
//!   finds the caches as the encoder left them.
//! - Quantiles of a *group* (a block of the network, a kind of operation) are those of its sum, run
//!   by run. Of two packs by turns, A B A B, each meets the same machine.
//! - One multiply-accumulate is two *operations* of GFLOP/s (f32) or GOP/s (int8). Multiply-accumulates
//!   and bytes are those that [`OpRun`](uniultra_engine::OpRun) counts: bytes an operation has to move
//!   at least, whether they come from memory or from a cache.
//! - The *roof* of an operation is the shortest time that the measured peaks allow for its
//!   multiply-accumulates and its bytes, whichever takes longer (the roofline model of Williams,
//!   Waterman and Patterson, 2009). Bytes that come from a cache may be faster than the roof.

mod compare;
mod device;
mod error;
mod family;
mod frame;
mod measure;
mod peaks;
mod place;
mod profile;
mod report;
mod roof;

pub use compare::{Comparison, Line, Other};
pub use device::{
    BenchOptions, DeviceReport, SshTarget, Upload, device_document, profile_device,
    write_device_profile,
};
pub use error::ProfileError;
pub use frame::{frame_of, sample_frame};
pub use measure::{Recording, Runs, Subject, measure};
pub use peaks::{Peak, Peaks};
pub use profile::{Group, OpProfile, Phase, PlanProfile, Profile};
pub use report::{Report, Setting, profile_document, read_report, write_profile};
pub use roof::{Pace, Work};
