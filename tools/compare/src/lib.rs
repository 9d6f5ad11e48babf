//! Two model packs, A and B, side by side: what they hold, how fast they run here, how well they
//! segment, and where they disagree.
//!
//! ```text
//! pack A, B ──> PackFacts: bytes, nodes, weights ──────────────────┐
//!           ──> Timing: encoder and decoder, A B A B ──────────────┼─> Comparison ─> files
//! images ─────> Pair: A's and B's answer to the same prompts ──────┘
//! (data folder, or simulated phantoms)
//! ```
//!
//! - Images, objects, prompts and metrics are those of `uniultra-evaluate`.
//! - A *difference* is B less A; a *drop* is A less B, above 0 where B is worse.
//! - *Agreement* is the Dice of the two packs' masks, with no regard to the truth.
//! - Only images that both packs could do count; others are among the problems.
//! - One pack may be compared with itself: then every difference is zero.
//! - All but [`Timing`] follows from packs and images alone, whatever the number of threads.

mod error;
mod graph;
mod images;
mod pack;
mod pair;
mod picture;
mod report;
mod run;
mod speed;
mod summary;

#[cfg(test)]
mod fakes;

pub use error::CompareError;
pub use graph::{GraphFacts, WeightFacts};
pub use images::{DEFAULT_PHANTOMS, Images, PHANTOM_SEED};
pub use pack::{NetworkFacts, PackFacts, Side, Sides};
pub use pair::{Outcome, Pair};
pub use picture::{Picture, render_pictures};
pub use report::{Comparison, Settings, comparison_document, write_comparison};
pub use run::{Compared, EmbeddingDistance, compare};
pub use speed::{Pace, Timing, measure_speed};
pub use summary::{Agreement, Drop, EmbeddingLine, Figures, Line, Losses};
