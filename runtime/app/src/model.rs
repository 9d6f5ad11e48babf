//! The choice of the model: the one inside this program, or a pack that the caller names.

use crate::failure::AppError;
use std::path::{Path, PathBuf};
use uniultra_manifest::{Manifest, ManifestError, Pack};
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// The source of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelSource {
    /// The default model, part of this program.
    #[cfg(feature = "embedded-model")]
    Embedded,
    /// The folder of a pack.
    Folder(PathBuf),
}

/// The model to use if the caller names no pack.
#[cfg(feature = "embedded-model")]
const DEFAULT: Option<ModelSource> = Some(ModelSource::Embedded);
#[cfg(not(feature = "embedded-model"))]
const DEFAULT: Option<ModelSource> = None;

impl ModelSource {
    /// The pack in `folder`, or the default model if no folder is given.
    pub(crate) fn resolve(folder: Option<&Path>) -> Result<Self, AppError> {
        let named = folder.map(|folder| Self::Folder(folder.to_path_buf()));
        named.or(DEFAULT).ok_or(AppError::NoModel)
    }

    /// Opens the pack. Its two large files are checked when they are read.
    pub(crate) fn pack(&self) -> Result<Pack, ManifestError> {
        match self {
            #[cfg(feature = "embedded-model")]
            Self::Embedded => uniultra::embedded_pack(),
            Self::Folder(folder) => Pack::open(folder),
        }
    }

    /// The model in reports: its manifest's names and hashes, and where it comes from.
    pub(crate) fn identity(&self, manifest: &Manifest) -> ModelIdentity {
        let origin = match self {
            #[cfg(feature = "embedded-model")]
            Self::Embedded => ModelOrigin::embedded(),
            Self::Folder(folder) => ModelOrigin::folder(folder),
        };
        ModelIdentity::new(manifest, origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_pack_is_used() {
        let source = ModelSource::resolve(Some(Path::new("packs/mine"))).unwrap();
        assert_eq!(source, ModelSource::Folder(PathBuf::from("packs/mine")));
        assert!(source.pack().is_err());
    }

    #[cfg(feature = "embedded-model")]
    #[test]
    fn without_a_name_the_model_inside_is_used_and_not_copied() {
        use std::borrow::Cow;
        let source = ModelSource::resolve(None).unwrap();
        let pack = source.pack().unwrap();
        let model = serde_json::to_value(source.identity(pack.manifest())).unwrap();
        assert_eq!(
            (&model["embedded"], &model["folder"]),
            (&true.into(), &serde_json::Value::Null)
        );
        let folder = ModelSource::Folder(PathBuf::from("packs/mine"));
        assert_eq!(folder.identity(pack.manifest()).origin.folder.as_deref(), Some("packs/mine"));
        assert_eq!(pack.manifest().model.id, "uniultra-mini-int8");
        assert!(matches!(pack.read_image_encoder().unwrap(), Cow::Borrowed(_)));
        assert!(matches!(pack.read_mask_decoder().unwrap(), Cow::Borrowed(_)));
    }

    #[cfg(not(feature = "embedded-model"))]
    #[test]
    fn without_a_name_and_without_a_model_inside_the_error_says_so() {
        let error = ModelSource::resolve(None).unwrap_err();
        assert!(matches!(error, AppError::NoModel) && error.to_string().contains("--model DIR"));
    }
}
