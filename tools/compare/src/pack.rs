//! The two packs: opened for running, and what their files hold.

use crate::{CompareError, GraphFacts};
use serde::Serialize;
use std::path::Path;
use uniultra_core::MaskChoice;
use uniultra_evaluate::PackPredictor;
use uniultra_manifest::{MANIFEST_FILE, Manifest, ManifestError, Network, Pack};
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// A value of A and the same of B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Sides<T> {
    /// Of the first pack.
    pub a: T,
    /// Of the second.
    pub b: T,
}

impl<T> Sides<T> {
    /// One value from each side's.
    pub fn map<'s, U>(&'s self, from: impl Fn(&'s T) -> U) -> Sides<U> {
        Sides { a: from(&self.a), b: from(&self.b) }
    }
}

/// A pack, ready to run, and what it holds.
#[derive(Debug)]
pub struct Side {
    /// The pack in the runtime, labelled `A` or `B`.
    pub predictor: PackPredictor,
    /// What its files hold.
    pub facts: PackFacts,
}

impl Sides<Side> {
    /// Opens both packs.
    ///
    /// # Errors
    /// [`CompareError`], naming the folder, if a pack is not there or refused.
    pub fn open(folders: &Sides<&Path>, choice: MaskChoice) -> Result<Self, CompareError> {
        // Both are read before one is prepared, which takes longer: a wrong path shows at once.
        let (a, b) = (PackFacts::read(folders.a)?, PackFacts::read(folders.b)?);
        let open = |folder: &Path, label: &str| {
            PackPredictor::open(folder, choice).map(|of| of.labelled(label))
        };
        Ok(Self {
            a: Side { predictor: open(folders.a, "A")?, facts: a },
            b: Side { predictor: open(folders.b, "B")?, facts: b },
        })
    }

    /// Whether both packs compute the same: the same two networks behind the same preprocessing,
    /// whatever the packs are called.
    #[must_use]
    pub fn are_one_model(&self) -> bool {
        let [a, b] = [&self.a, &self.b].map(|side| side.predictor.segmenter().manifest());
        let hashes =
            |of: &Manifest| [of.image_encoder.sha256.clone(), of.mask_decoder.sha256.clone()];
        hashes(a) == hashes(b) && a.preprocess == b.preprocess
    }
}

/// Identity and contents of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PackFacts {
    /// Its names and hashes. The folder is left out: equal packs give equal reports.
    pub model: ModelIdentity,
    /// Size of the image encoder.
    pub variant: String,
    /// Size of `model.toml`.
    pub manifest_bytes: u64,
    /// Size of the manifest and both networks; other files in the folder do not count.
    pub pack_bytes: u64,
    /// The encoder.
    pub image_encoder: NetworkFacts,
    /// The decoder.
    pub mask_decoder: NetworkFacts,
}

/// One network's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct NetworkFacts {
    /// Name of the file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// What is in it.
    #[serde(flatten)]
    pub graph: GraphFacts,
}

impl PackFacts {
    /// Reads a pack's manifest and both graphs.
    ///
    /// # Errors
    /// [`CompareError::Pack`] or [`CompareError::Graph`].
    pub fn read(folder: &Path) -> Result<Self, CompareError> {
        let bad = |source| CompareError::Pack { folder: folder.to_path_buf(), source };
        let pack = Pack::open(folder).map_err(bad)?;
        let path = folder.join(MANIFEST_FILE);
        let manifest_bytes = std::fs::metadata(&path)
            .map_err(|source| bad(ManifestError::Read { path, source }))?
            .len();
        let network = |network: &Network, bytes: &[u8]| -> Result<NetworkFacts, CompareError> {
            let model = uniultra_onnx::decode(bytes).map_err(|source| CompareError::Graph {
                folder: folder.to_path_buf(),
                file: network.file.clone(),
                source,
            })?;
            Ok(NetworkFacts {
                file: network.file.clone(),
                bytes: network.bytes,
                sha256: network.sha256.to_string(),
                graph: GraphFacts::from_model(&model),
            })
        };
        let manifest = pack.manifest();
        let encoder = pack.read_image_encoder().map_err(bad)?;
        let image_encoder = network(&manifest.image_encoder, &encoder)?;
        drop(encoder);
        let decoder = pack.read_mask_decoder().map_err(bad)?;
        let mask_decoder = network(&manifest.mask_decoder, &decoder)?;
        Ok(Self {
            model: ModelIdentity::new(manifest, ModelOrigin::pack()),
            variant: manifest.model.variant.to_string(),
            manifest_bytes,
            pack_bytes: manifest_bytes + image_encoder.bytes + mask_decoder.bytes,
            image_encoder,
            mask_decoder,
        })
    }
}
