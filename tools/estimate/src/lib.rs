//! How long a model pack would take on a board that is not there: a range, never a measurement.
//!
//! ```text
//! board profile ──> kinds of core, clocks, memory ──┐
//! model pack ─────> Work: products and bytes ───────┼─> Estimate ─> budgets held or not
//! instructions and misses, counted under emulation ──┤
//! networks that others timed on boards, counted ─────┘
//! ```
//!
//! - **Calibrated.** A kind of core that others have timed networks on ([`Calibration`]) has constants fitted to
//!   those times, and its range is as wide as their errors. What follows is for the other kinds.
//!
//! - **Floor.** No core starts more instructions in a cycle than its pipeline is wide, at its highest
//!   clock. Nothing can be faster than that, and nothing reaches it.
//! - **Low end.** The most instructions a cycle that we believe a core keeps up with this kind of code,
//!   threads that share the work out well, and weights that come from memory once a frame. It is never
//!   below what the vector pipes need for the multiply-accumulates.
//! - **High end.** The least instructions a cycle that we believe, threads that share it out badly, and
//!   every byte that an operation reads or writes coming from slow memory, with nothing else going on
//!   meanwhile.
//! - **Instructions** are exact where this model was counted for this kind of core
//!   (`cargo xtask cross --count`), else scaled from a model that was.
//! - **Memory** is what the model adds to this process, which makes the same buffers, and an allowance
//!   for the program itself.
//!
//! What is believed and not counted is in [`Assumptions`] and [`CoreKind`], and every report holds it.

mod assumptions;
mod budget;
mod calibrated;
mod calibration;
mod cores;
mod counts;
mod error;
mod model;
mod range;
mod report;
mod validate;
mod work;

pub use assumptions::Assumptions;
pub use budget::{BudgetLine, Verdict};
pub use calibrated::Calibrated;
pub use calibration::{
    Calibration, Constants, CoreFit, Pair, Predicted, SHARE, calibration_document,
};
pub use cores::{CORE_KINDS, CoreKind, core_kind};
pub use counts::{Basis, CountedModel, CountedPhase, INSTRUCTIONS_VERSION, InstructionCounts};
pub use error::EstimateError;
pub use model::{Estimate, PhaseEstimate, Place, Setting};
pub use range::Range;
pub use report::{BoardFacts, Report, estimate_document};
pub use validate::{Checked, Validation, validate};
pub use work::{KindWork, OpWork, PackWork, PhaseWork};
