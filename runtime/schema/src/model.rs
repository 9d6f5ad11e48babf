//! The model that a document is about.

use serde::{Deserialize, Serialize};
use std::path::Path;
use uniultra_manifest::Manifest;

/// Which model, by name and by the hashes of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ModelIdentity {
    /// `model.id` of the pack.
    pub id: String,
    /// `model.version` of the pack.
    pub version: String,
    /// Arithmetic, e.g. `f32`.
    pub precision: String,
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// SHA-256 of the image encoder's file.
    pub image_encoder_sha256: String,
    /// SHA-256 of the mask decoder's file.
    pub mask_decoder_sha256: String,
    /// SHA-256 of the checkpoint that the pack was made from.
    pub checkpoint_sha256: String,
    /// Its fields say where the model comes from.
    #[serde(flatten)]
    pub origin: ModelOrigin,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ModelOrigin {
    /// Whether the model is the one inside the program.
    pub embedded: bool,
    /// The pack's folder, as given; `null` for the model inside the program, and in reports that do not
    /// depend on the folder.
    pub folder: Option<String>,
}

impl ModelIdentity {
    /// The identity of a pack.
    #[must_use]
    pub fn new(manifest: &Manifest, origin: ModelOrigin) -> Self {
        Self {
            id: manifest.model.id.clone(),
            version: manifest.model.version.clone(),
            precision: manifest.model.precision.to_string(),
            image_size: manifest.model.image_size,
            image_encoder_sha256: manifest.image_encoder.sha256.to_string(),
            mask_decoder_sha256: manifest.mask_decoder.sha256.to_string(),
            checkpoint_sha256: manifest.source.checkpoint_sha256.to_string(),
            origin,
        }
    }
}

impl ModelOrigin {
    /// The model inside the program.
    #[must_use]
    pub fn embedded() -> Self {
        Self { embedded: true, folder: None }
    }

    /// A pack whose folder does not matter.
    #[must_use]
    pub fn pack() -> Self {
        Self { embedded: false, folder: None }
    }

    /// The pack in a folder.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self { embedded: false, folder: Some(folder.display().to_string()) }
    }
}
