//! A plain reference of the networks, written from the definitions alone.
//!
//! Parity tests compare the exported graphs with what these loops compute, so nothing here is
//! shared with the exporter or the runtime: each definition (a linear layer, a windowed attention,
//! a CH-Adapter, ...) is one small function over slices. Values are stored as `f32`; every sum is
//! taken in `f64` and rounded once. Sizes and tensor names are those of the published checkpoints.
//! A missing or misshapen weight panics: this is test code.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper fails its test by panicking with the tensor's name"
)]

mod attention;
mod decoder;
mod edge;
mod encoder;
mod layers;
mod maps;
mod matrix;
mod position;
mod preprocess;
mod prompt;
mod random;
mod transformer;
mod trunk;
mod weights;

pub use decoder::{Decoded, mask_decoder};
pub use encoder::{Features, image_encoder};
pub use preprocess::{normalise, resize_bilinear};
pub use random::random_encoder_weights;
pub use weights::{Tensors, Weights};

/// Width of the neck's maps, of prompts and of the mask decoder.
const WIDTH: usize = 256;

/// The order of the two spatial axes in the edge branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeLayout {
    /// Edge map and token map share their axes, as the paper describes.
    Spatial,
    /// For checkpoints of the published code: the edge branch sees height and width swapped, and
    /// its [D, W, H] result is read in memory order as if it were [H, W, D].
    Reference,
}

/// The numbers that define an image encoder.
#[derive(Clone, Debug)]
pub struct EncoderConfig {
    /// Channels after the patch embedding.
    pub embed_dim: usize,
    /// Attention heads in the first stage.
    pub num_heads: usize,
    /// Blocks in each stage.
    pub stages: [usize; 4],
    /// Indices of the blocks that attend over the whole map.
    pub global_att_blocks: [usize; 3],
    /// Window side of each stage, in tokens.
    pub window_spec: [usize; 4],
    /// Whether each block carries a CH-Adapter.
    pub ch_adapters: bool,
    /// Axes of the edge branch; unused without CH-Adapters.
    pub edge_layout: EdgeLayout,
}

impl EncoderConfig {
    /// UniUltra-mini, with CH-Adapters.
    #[must_use]
    pub fn mini(edge_layout: EdgeLayout) -> Self {
        Self { embed_dim: 16, ch_adapters: true, edge_layout, ..Self::tiny() }
    }

    /// Stock SAM 2 Hiera-Tiny, without CH-Adapters.
    #[must_use]
    pub fn tiny() -> Self {
        Self {
            embed_dim: 96,
            num_heads: 1,
            stages: [1, 2, 7, 2],
            global_att_blocks: [5, 7, 9],
            window_spec: [8, 4, 14, 7],
            ch_adapters: false,
            edge_layout: EdgeLayout::Spatial,
        }
    }
}
