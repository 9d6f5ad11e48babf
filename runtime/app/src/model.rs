//! The choice of the model: the one inside this program, or a pack that the caller names.

use crate::failure::AppError;
use serde::Serialize;
use std::path::{Path, PathBuf};
use uniultra_manifest::{ManifestError, Pack};

/// The source of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelSource {
    /// The default model, part of this program.
    #[cfg(feature = "embedded-model")]
    Embedded,
    /// The folder of a pack.
    Folder(PathBuf),
}

/// The source of a model, for reports.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OriginReport {
    /// Whether the model is the one inside the program.
    pub(crate) embedded: bool,
    /// The pack's folder, as given; `null` for the model inside the program.
    pub(crate) folder: Option<String>,
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

    pub(crate) fn report(&self) -> OriginReport {
        match self {
            #[cfg(feature = "embedded-model")]
            Self::Embedded => OriginReport { embedded: true, folder: None },
            Self::Folder(folder) => {
                OriginReport { embedded: false, folder: Some(folder.display().to_string()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_pack_is_used_and_reported() {
        let source = ModelSource::resolve(Some(Path::new("packs/mine"))).unwrap();
        assert_eq!(source, ModelSource::Folder(PathBuf::from("packs/mine")));
        let report = serde_json::to_value(source.report()).unwrap();
        assert_eq!(report, serde_json::json!({ "embedded": false, "folder": "packs/mine" }));
        assert!(source.pack().is_err());
    }

    #[cfg(feature = "embedded-model")]
    #[test]
    fn without_a_name_the_model_inside_is_used_and_not_copied() {
        use std::borrow::Cow;
        let source = ModelSource::resolve(None).unwrap();
        let report = serde_json::to_value(source.report()).unwrap();
        assert_eq!(report, serde_json::json!({ "embedded": true, "folder": null }));
        let pack = source.pack().unwrap();
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
