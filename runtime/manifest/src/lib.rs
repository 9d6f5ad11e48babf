//! Schema of `model.toml`: raw TOML in, validated manifest out.
//!
//! A **model pack** is a folder with `model.toml` and the two ONNX files it names. This crate
//! knows what a pack must say about itself and refuses one that lies: unknown keys, shapes that do
//! not follow from the image size, files whose size or SHA-256 differ. The three files may also be
//! in memory, e.g. inside a program. It reads files; it writes none, and it knows no engine.

mod architecture;
mod contract;
mod digest;
mod error;
mod model;
mod pack;
mod quantization;

pub use architecture::{Channels, EdgeLayout, Precision, Variant, WeightFormat};
pub use contract::{DType, Dim, TensorSpec, image_encoder_contract, mask_decoder_contract};
pub use digest::{Sha256Hex, sha256_hex};
pub use error::ManifestError;
pub use model::{
    Manifest, Model, Network, Normalization, Preprocess, Provenance, SCHEMA_VERSION, Source,
};
pub use pack::{MANIFEST_FILE, Pack};
pub use quantization::{QUANTIZATION_SCHEME, Quantization};
