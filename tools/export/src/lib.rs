//! Makes a model pack from a checkpoint: two ONNX graphs, built node by node, and their manifest.
//!
//! The graphs use ONNX's default domain only. With [`ExportOptions::simplify`] the exact
//! simplifications of MODEL.md section 7 (1 to 4) are made; without, the graphs follow the
//! definitions literally, to compare.

mod decoder;
mod encoder;
mod error;
mod linear;
mod onnx;
mod pack;
mod qat;
mod unexpected;
mod weights;

pub use error::ExportError;
pub use pack::{ExportOptions, ModelPack, export};

use uniultra_manifest::{Channels, EdgeLayout, Variant, WeightFormat};

/// Everything that fixes the graphs' form.
#[derive(Clone, Copy, Debug)]
struct Design {
    variant: Variant,
    ch_adapters: bool,
    edge_layout: EdgeLayout,
    channels: Channels,
    /// Side S of the input.
    image_size: usize,
    simplify: bool,
    object_score: bool,
    weights: WeightFormat,
    /// Mean and standard deviation of the three channels.
    mean: [f32; 3],
    std: [f32; 3],
}
