//! Schemas of `model.toml` and of board profiles: TOML text in, validated manifest out.
//!
//! A **model pack** is a folder with `model.toml` and the two ONNX files it names. This crate
//! checks what a pack says about itself. It refuses unknown keys, shapes that do not follow from
//! the image size, and files with another size or SHA-256. The three files may also be in memory,
//! e.g. compiled into a program. The crate writes no files and does not depend on an engine.
//!
//! A **board profile** ([`Board`]) describes a device, how the runtime runs there, and the budgets
//! it must hold; see `boards/README.md`.

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
    BOARD_SCHEMA_VERSION, Board, BoardError, BoardFile, Budget, Cores, Cpu, Figures, Live, Memory,
    Overload, Pin, Run, Source as BoardSource, Target, Tier,
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
