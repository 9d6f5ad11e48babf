//! A model pack in a folder or in memory: reads its manifest, and reads and verifies its two
//! networks.

use crate::{Manifest, ManifestError, Network, sha256_hex};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Name of the manifest in a pack's folder.
pub const MANIFEST_FILE: &str = "model.toml";

/// Largest `model.toml` that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 256 * 1024;

/// A pack with its validated manifest. The files of the networks are read and checked on demand.
#[derive(Clone, Debug)]
pub struct Pack {
    location: Location,
    manifest: Manifest,
}

/// Where the files of the networks are.
#[derive(Clone)]
enum Location {
    Folder(PathBuf),
    Memory { image_encoder: Cow<'static, [u8]>, mask_decoder: Cow<'static, [u8]> },
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            // Without the megabytes of weights.
            Self::Memory { image_encoder, mask_decoder } => f
                .debug_struct("Memory")
                .field("image_encoder_bytes", &image_encoder.len())
                .field("mask_decoder_bytes", &mask_decoder.len())
                .finish(),
        }
    }
}

impl Pack {
    /// Reads and validates `folder/model.toml`.
    ///
    /// # Errors
    /// [`ManifestError`] if the file cannot be read or is refused.
    pub fn open(folder: &Path) -> Result<Self, ManifestError> {
        let bytes = read_named(&folder.join(MANIFEST_FILE), MAX_MANIFEST_BYTES)?;
        Ok(Self { location: Location::Folder(folder.to_path_buf()), manifest: parse(&bytes)? })
    }

    /// A pack whose files are in memory. `model_toml` is validated now; the other two files are
    /// checked when they are read, as in a folder. Bytes that are part of the program
    /// (`include_bytes!`) are never copied.
    ///
    /// # Errors
    /// [`ManifestError`] if the manifest is refused.
    pub fn from_bytes(
        model_toml: &[u8],
        image_encoder: impl Into<Cow<'static, [u8]>>,
        mask_decoder: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, ManifestError> {
        let manifest = parse(model_toml)?;
        let (image_encoder, mask_decoder) = (image_encoder.into(), mask_decoder.into());
        Ok(Self { location: Location::Memory { image_encoder, mask_decoder }, manifest })
    }

    /// The validated manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The pack's folder; none if it is in memory.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.location {
            Location::Folder(folder) => Some(folder),
            Location::Memory { .. } => None,
        }
    }

    /// Reads `image_encoder.onnx` and checks its size and hash.
    ///
    /// # Errors
    /// [`ManifestError`] if the file cannot be read, or if its size or hash differs from the
    /// manifest.
    pub fn read_image_encoder(&self) -> Result<Cow<'_, [u8]>, ManifestError> {
        let network = &self.manifest.image_encoder;
        match &self.location {
            Location::Folder(folder) => read_verified(folder, network),
            Location::Memory { image_encoder, .. } => verified_in_memory(image_encoder, network),
        }
    }

    /// Reads `mask_decoder.onnx` and checks its size and hash.
    ///
    /// # Errors
    /// Those of [`Pack::read_image_encoder`].
    pub fn read_mask_decoder(&self) -> Result<Cow<'_, [u8]>, ManifestError> {
        let network = &self.manifest.mask_decoder;
        match &self.location {
            Location::Folder(folder) => read_verified(folder, network),
            Location::Memory { mask_decoder, .. } => verified_in_memory(mask_decoder, network),
        }
    }
}

fn parse(model_toml: &[u8]) -> Result<Manifest, ManifestError> {
    if model_toml.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(ManifestError::Toml(format!(
            "expected at most {MAX_MANIFEST_BYTES} bytes, found more"
        )));
    }
    let text = std::str::from_utf8(model_toml)
        .map_err(|e| ManifestError::Toml(format!("expected UTF-8 text: {e}")))?;
    Manifest::parse(text)
}

fn read_verified(folder: &Path, network: &Network) -> Result<Cow<'static, [u8]>, ManifestError> {
    let path = folder.join(&network.file);
    let bytes = read_named(&path, network.bytes)?;
    // At most one byte too many was read: ask the file for its real size.
    let size = || std::fs::metadata(&path).map_or(bytes.len() as u64, |data| data.len());
    verify(&bytes, network, &path, size)?;
    Ok(bytes.into())
}

fn verified_in_memory<'a>(
    bytes: &'a [u8],
    network: &Network,
) -> Result<Cow<'a, [u8]>, ManifestError> {
    verify(bytes, network, Path::new(&network.file), || bytes.len() as u64)?;
    Ok(bytes.into())
}

/// Checks that size and hash are those of the manifest.
fn verify(
    bytes: &[u8],
    network: &Network,
    path: &Path,
    size: impl Fn() -> u64,
) -> Result<(), ManifestError> {
    let path = path.to_path_buf();
    if bytes.len() as u64 != network.bytes {
        return Err(ManifestError::FileSize { path, expected: network.bytes, found: size() });
    }
    let found = sha256_hex(bytes);
    if found != network.sha256 {
        let expected = network.sha256.clone();
        return Err(ManifestError::FileHash { path, expected, found });
    }
    Ok(())
}

fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, ManifestError> {
    read_at_most(path, limit)
        .map_err(|source| ManifestError::Read { path: path.to_path_buf(), source })
}

/// Reads a file, but at most one byte more than `limit`, so that a wrong file cannot fill the
/// memory.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
