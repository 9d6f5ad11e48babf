//! The trainer of UniUltra: fine-tuning with CH-Adapters, DSKD distillation, joint tuning.
//!
//! ```text
//! Config (TOML) ──> Dataset ──> Loader ──> batch ──> Stage::step ──> loss ──> Adam ──> Ema
//!                   (uniultra-dataset)               finetune, joint: segment        │
//!                                                    distill:         distill        v
//!                                  last.safetensors, best.safetensors, log.csv, curves.svg
//! ```
//!
//! A run is a folder. Everything random follows from the configuration's seed and the step, so a
//! run that was killed goes on, from the last state on disk, as if it had not been.
#![forbid(unsafe_code)]

pub mod average;
pub mod batch;
pub mod build;
pub mod bundle;
pub mod config;
pub mod distill;
pub mod dry_run;
pub mod fit;
pub mod model;
pub mod parts;
pub mod run;
pub mod segment;
pub mod stage;
