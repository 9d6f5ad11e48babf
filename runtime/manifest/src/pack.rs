//! A model pack on disk: the manifest, and its files read and verified.

use crate::{Manifest, ManifestError, Network, sha256_hex};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name of the manifest in a pack's folder.
pub const MANIFEST_FILE: &str = "model.toml";

/// Largest `model.toml` that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 256 * 1024;

/// A pack's folder with its validated manifest. Files are read, and checked, on demand.
#[derive(Clone, Debug)]
pub struct Pack {
    folder: PathBuf,
    manifest: Manifest,
}

impl Pack {
    /// Reads and validates `folder/model.toml`.
    ///
    /// # Errors
    /// [`ManifestError`] if the file cannot be read or is refused.
    pub fn open(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(MANIFEST_FILE);
        let bytes = read_at_most(&path, MAX_MANIFEST_BYTES)?;
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::Toml(format!(
                "expected at most {MAX_MANIFEST_BYTES} bytes, found a larger file"
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|e| ManifestError::Toml(format!("expected UTF-8 text: {e}")))?;
        Ok(Self { folder: folder.to_path_buf(), manifest: Manifest::parse(&text)? })
    }

    /// The validated manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The pack's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of `image_encoder.onnx`, after its size and hash were checked.
    ///
    /// # Errors
    /// [`ManifestError`] if the file cannot be read or is not the one that the manifest names.
    pub fn read_image_encoder(&self) -> Result<Vec<u8>, ManifestError> {
        self.read_verified(&self.manifest.image_encoder)
    }

    /// Bytes of `mask_decoder.onnx`, after its size and hash were checked.
    ///
    /// # Errors
    /// As [`Pack::read_image_encoder`].
    pub fn read_mask_decoder(&self) -> Result<Vec<u8>, ManifestError> {
        self.read_verified(&self.manifest.mask_decoder)
    }

    fn read_verified(&self, network: &Network) -> Result<Vec<u8>, ManifestError> {
        let path = self.folder.join(&network.file);
        let bytes = read_at_most(&path, network.bytes)?;
        let found = bytes.len() as u64;
        if found != network.bytes {
            // One byte more than allowed was read at most: ask the file how large it really is.
            let found = std::fs::metadata(&path).map_or(found, |data| data.len());
            return Err(ManifestError::FileSize { path, expected: network.bytes, found });
        }
        let found = sha256_hex(&bytes);
        if found != network.sha256 {
            let expected = network.sha256.clone();
            return Err(ManifestError::FileHash { path, expected, found });
        }
        Ok(bytes)
    }
}

/// Reads a file, but never more than one byte past `limit`, so that a wrong file costs no memory.
fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, ManifestError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| ManifestError::Read { path: path.to_path_buf(), source })
}
