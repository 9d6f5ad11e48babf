//! B-mode phantom simulator with exact masks.
//!
//! [`Phantom::generate`] turns (seed, index) into a frame: a random body region with 1 to 3
//! targets, scanned by a random machine. [`write_dataset`] writes many of them in the layout that
//! evaluation and training read. [`Cine`] turns (seed, index) into a sequence of frames in which
//! probe and tissue move, with the exact mask of one target on each; [`write_cine_dataset`] writes
//! sequences.
//!
//! Scenes are of two kinds ([`Scenes`]): lesions, vessels, strips and heads in layered tissue
//! (classic), or whole organs with all that lies in and between them (`organs`), where any visible
//! structure can be a target.
//!
//! The steps of a frame: a tissue map in millimetres (`anatomy`, `population`, `scene`) is read at
//! every cell of the beam x depth grid, with attenuation and shadow along the beam (`acquire`);
//! random scatterers in each cell become complex echoes that are convolved with a point-spread
//! function that varies with depth (`psf`); noise and gain errors are added (`probe`); the envelope
//! is log-compressed and scan-converted (`display`). The mask is computed in the same geometry from
//! the analytic outlines (`shape`), or, in scenes with organs, from the object that each pixel
//! shows (`organs`). Echo statistics follow Wagner, Smith, Sandrik, Lopez, "Statistics of speckle
//! in ultrasound B-scans", IEEE Trans. Sonics Ultrason. 30 (1983); the convolution model is that of
//! Meunier, Bertrand, "Ultrasonic texture motion analysis: theory and simulation", IEEE Trans. Med.
//! Imaging 14 (1995).

mod acquire;
mod anatomy;
mod cine;
mod compose;
mod config;
mod cut;
mod dataset;
mod display;
mod error;
mod framing;
mod geometry;
mod head;
mod hidden_folder;
mod noise;
mod organs;
mod output;
mod phantom;
#[cfg(test)]
mod physics;
mod population;
mod probe;
mod psf;
mod scene;
mod shape;
mod stream;
mod target;
mod tissue;
mod tree;

pub use anatomy::Anatomy;
pub use cine::{
    Cine, CineConfig, CineDatasetConfig, CineFrame, CineRecord, CineSummary, FrameRecord,
    FrameState, MAX_FRAMES, Prompt, SequenceRecord, cine_stem, write_cine_dataset,
};
pub use config::{GeometryChoice, MAX_SIDE_PX, MIN_SIDE_PX, PhantomConfig, Scenes};
pub use dataset::{DatasetConfig, Split, Summary, stem, write_dataset};
pub use error::PhantomError;
pub use geometry::{Geometry, GeometryKind};
pub use output::check_set_name;
pub use phantom::{Description, Phantom, TargetDescription};
pub use target::TargetKind;
