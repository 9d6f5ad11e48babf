//! Schemas of `model.toml` and of board profiles: raw TOML in, validated manifest out.
//!
//! A **model pack** is a folder with `model.toml` and the two ONNX files it names. This crate
//! knows what a pack must say about itself and refuses one that lies: unknown keys, shapes that do
//! not follow from the image size, files whose size or SHA-256 differ. The three files may also be
//! in memory, e.g. inside a program. It reads files; it writes none, and it knows no engine.
//!
//! A **board profile** ([`Board`]) says of a device what it is, how the runtime is to run there and what
//! it has to hold; see `boards/README.md`.

mod architecture;
mod board;
mod contract;
mod digest;
mod error;
mod model;
mod pack;
mod qat;
mod quantization;

pub use architecture::{Channels, EdgeLayout, Precision, Variant, WeightFormat};
pub use board::{
    BOARD_SCHEMA_VERSION, Board, BoardError, BoardFile, Budget, Cores, Cpu, Figures, Memory, Pin,
    Run, Source as BoardSource, Target, Tier,
};
pub use contract::{DType, Dim, TensorSpec, image_encoder_contract, mask_decoder_contract};
pub use digest::{Sha256Hex, sha256_hex};
pub use error::ManifestError;
pub use model::{
    Manifest, Model, Network, Normalization, Preprocess, Provenance, SCHEMA_VERSION, Source,
};
pub use pack::{MANIFEST_FILE, Pack};
pub use qat::Qat;
pub use quantization::{QUANTIZATION_SCHEME, Quantization};
