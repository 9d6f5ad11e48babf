//! The networks in libtorch, for training: every Hiera size with or without CH-Adapters, neck,
//! prompt encoder and mask decoder, under Meta's parameter names (MODEL.md sections 2 to 5).

mod adapter;
mod attention;
mod init;
mod mask_decoder;
mod neck;
mod params;
mod prompt_encoder;
mod quantization;
mod trunk;

pub use mask_decoder::{Decoded, mask_decoder};
pub use neck::{Features, PromptedFeatures, features, lateral_maps};
pub use params::{Params, Precision, Spec, Trainable};
pub use prompt_encoder::{PromptBatch, dense_position};
pub use quantization::{Observed, PREFIX as QUANTIZATION_PREFIX, QatConfig};
pub use trunk::{Stages, Stream, trunk};

use tch::Tensor;

/// Image encoder, from a normalised image `[B, 3, S, S]` to the decoder's inputs.
#[must_use]
pub fn image_encoder(params: &Params, image: &Tensor) -> Features {
    features(params, &trunk(params, image, false))
}
