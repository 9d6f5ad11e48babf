//! The pack as a whole: options in, files and manifest out.

use crate::{Design, ExportError, decoder, encoder, qat, unexpected};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use uniultra_checkpoint::Checkpoint;
use uniultra_manifest::{
    Channels, EdgeLayout, MANIFEST_FILE, Manifest, Model, Network, Normalization, Precision,
    Preprocess, Provenance, SCHEMA_VERSION, Source, TensorSpec, WeightFormat,
    image_encoder_contract, mask_decoder_contract, sha256_hex,
};
use uniultra_sink::StagedFolder;

/// ImageNet's statistics, which SAM 2 normalises with (MODEL.md section 2).
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

const IMAGE_ENCODER_FILE: &str = "image_encoder.onnx";
const MASK_DECODER_FILE: &str = "mask_decoder.onnx";
const WEIGHTS_FILE: &str = "weights.safetensors";

/// Options of the export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Side S of the square input in pixels, a multiple of 32.
    pub image_size: usize,
    /// Layout of the CH-Adapters' edge branch that the weights were trained with.
    pub edge_layout: EdgeLayout,
    /// Channels of the encoder's input.
    pub channels: Channels,
    /// Whether to make the exact simplifications of MODEL.md section 7.
    pub simplify: bool,
    /// `model.id`; by default the architecture and the image size.
    pub id: Option<String>,
    /// `model.version`.
    pub version: String,
    /// How the files store large weights. The arithmetic is f32 in either case.
    pub weights: WeightFormat,
    /// Whether the checkpoint's tensors come along, in the same format, for further training.
    pub keep_checkpoint: bool,
    /// Patterns (`*`, `?`, `[..]`) of tensors that the architecture does not have and that may be
    /// left out. Any other such tensor is an error.
    pub ignore_unexpected: Vec<String>,
    /// Who may use the weights for what.
    pub provenance: Provenance,
    /// Measured figures by name.
    pub metrics: BTreeMap<String, f64>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            image_size: 1024,
            edge_layout: EdgeLayout::Spatial,
            channels: Channels::Gray,
            simplify: true,
            id: None,
            version: "1".to_string(),
            weights: WeightFormat::F32,
            keep_checkpoint: false,
            ignore_unexpected: Vec::new(),
            provenance: Provenance {
                training_data: "not stated by the checkpoint".to_string(),
                licence: "not stated by the checkpoint".to_string(),
                intended_use:
                    "research on promptable ultrasound segmentation; not a medical device"
                        .to_string(),
            },
            metrics: BTreeMap::new(),
        }
    }
}

/// A pack in memory.
#[derive(Clone, Debug)]
pub struct ModelPack {
    /// The content of `model.toml`.
    pub manifest: Manifest,
    /// The bytes of `image_encoder.onnx`.
    pub image_encoder: Vec<u8>,
    /// The bytes of `mask_decoder.onnx`.
    pub mask_decoder: Vec<u8>,
    /// The bytes of `weights.safetensors`, if the tensors come along. No runtime reads them.
    pub checkpoint: Option<Vec<u8>>,
    /// Tensors of the checkpoint that the pack is without, as the options allowed.
    pub left_out: Vec<String>,
}

/// Builds a pack from a checkpoint.
///
/// # Errors
/// [`ExportError`] if the architecture is not recognised, a tensor is missing or would be left out,
/// or an option does not fit.
pub fn export(checkpoint: &Checkpoint, options: &ExportOptions) -> Result<ModelPack, ExportError> {
    let recognition = checkpoint.recognise()?;
    let architecture = recognition.architecture;
    if !recognition.missing.is_empty() {
        return Err(ExportError::Incomplete {
            architecture: architecture.to_string(),
            missing: recognition.missing,
        });
    }
    let left_out = unexpected::left_out(&recognition, &options.ignore_unexpected)?;
    if !architecture.ch_adapters && options.edge_layout == EdgeLayout::Reference {
        return Err(ExportError::Option {
            option: "edge layout",
            expected: "spatial, as the checkpoint has no CH-Adapters".to_string(),
            found: options.edge_layout.to_string(),
        });
    }
    let default_id = format!("{architecture}-{}", options.image_size);
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        model: Model {
            id: options.id.clone().unwrap_or(default_id),
            version: options.version.clone(),
            variant: architecture.variant,
            ch_adapters: architecture.ch_adapters,
            edge_layout: options.edge_layout,
            image_size: options.image_size,
            channels: options.channels,
            precision: Precision::F32,
            weights: options.weights,
            simplified: options.simplify,
            object_score: recognition.has_object_score_head,
        },
        quantization: None,
        qat: qat::section(checkpoint, options.simplify)?,
        preprocess: Preprocess {
            normalization: match options.channels {
                Channels::Gray => Normalization::Graph,
                Channels::Rgb => Normalization::Runtime,
            },
            mean: MEAN,
            std: STD,
        },
        source: Source {
            checkpoint_sha256: checkpoint.sha256().clone(),
            tool: concat!("uniultra-tools ", env!("CARGO_PKG_VERSION")).to_string(),
        },
        provenance: options.provenance.clone(),
        metrics: options.metrics.clone(),
        image_encoder: network(
            IMAGE_ENCODER_FILE,
            image_encoder_contract(options.image_size, options.channels),
        ),
        mask_decoder: network(MASK_DECODER_FILE, mask_decoder_contract(options.image_size)),
    };
    // Refuses a bad size or name before the graphs are built on it.
    manifest.to_toml()?;
    build(checkpoint, manifest, options.keep_checkpoint, left_out)
}

/// The section of a file whose content is not known yet.
fn network(file: &str, (inputs, outputs): (Vec<TensorSpec>, Vec<TensorSpec>)) -> Network {
    Network { file: file.to_string(), bytes: 0, sha256: sha256_hex(&[]), inputs, outputs }
}

fn build(
    checkpoint: &Checkpoint,
    mut manifest: Manifest,
    keep_checkpoint: bool,
    left_out: Vec<String>,
) -> Result<ModelPack, ExportError> {
    let design = Design {
        variant: manifest.model.variant,
        ch_adapters: manifest.model.ch_adapters,
        edge_layout: manifest.model.edge_layout,
        channels: manifest.model.channels,
        image_size: manifest.model.image_size,
        simplify: manifest.model.simplified,
        object_score: manifest.model.object_score,
        weights: manifest.model.weights,
        mean: manifest.preprocess.mean,
        std: manifest.preprocess.std,
    };
    let image_encoder = encoder::build(checkpoint, &design)?;
    let mask_decoder = decoder::build(checkpoint, &design)?;
    for (section, bytes) in
        [(&mut manifest.image_encoder, &image_encoder), (&mut manifest.mask_decoder, &mask_decoder)]
    {
        section.bytes = bytes.len() as u64;
        section.sha256 = sha256_hex(bytes);
    }
    let kept = keep_checkpoint.then(|| {
        // Without what was left out, so that a pack can be made of them again.
        let checkpoint = checkpoint.without(&left_out);
        match manifest.model.weights {
            WeightFormat::F32 => checkpoint.to_safetensors(),
            WeightFormat::F16 => checkpoint.to_f16_safetensors(),
        }
    });
    let checkpoint = kept.transpose()?;
    Ok(ModelPack { manifest, image_encoder, mask_decoder, checkpoint, left_out })
}

impl ModelPack {
    /// Writes the pack to `folder`, completely or not at all: into a temporary folder next to it,
    /// which is renamed when it is complete. With `replace`, the files of an existing pack are
    /// replaced and other files, such as a model card, are kept.
    ///
    /// # Errors
    /// [`ExportError::Exists`] if the folder has files and is not a pack to be replaced;
    /// [`ExportError::Folder`] or [`ExportError::Write`] if the disk refuses.
    pub fn write(&self, folder: &Path, replace: bool) -> Result<(), ExportError> {
        let text = self.manifest.to_toml()?;
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| ExportError::Write { path, source }
        };
        let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        // A pack has no folders. A folder that has some is something else and is not replaced.
        let is_pack = folder.join(MANIFEST_FILE).is_file()
            && entries.iter().all(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let in_the_way = !(entries.is_empty() || replace && is_pack);
        if in_the_way || folder.is_file() {
            return Err(ExportError::Exists { folder: folder.to_path_buf() });
        }
        // Tensors of an earlier pack would not be this one's.
        let own = [IMAGE_ENCODER_FILE, MASK_DECODER_FILE, MANIFEST_FILE, WEIGHTS_FILE];
        let names = entries.iter().map(fs::DirEntry::file_name);
        let kept = names.filter(|name| own.iter().all(|own| name != own));
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(failed(folder))?;
        let staged = StagedFolder::beside(folder)?;
        let fresh = staged.path();
        let files = [
            (IMAGE_ENCODER_FILE, self.image_encoder.as_slice()),
            (MASK_DECODER_FILE, &self.mask_decoder),
            (MANIFEST_FILE, text.as_bytes()),
        ];
        let checkpoint = self.checkpoint.iter().map(|bytes| (WEIGHTS_FILE, bytes.as_slice()));
        for (name, bytes) in files.into_iter().chain(checkpoint) {
            let path = fresh.join(name);
            write_synced(&path, bytes).map_err(failed(&folder.join(name)))?;
        }
        for name in kept {
            let path = folder.join(&name);
            fs::copy(&path, fresh.join(name)).map_err(failed(&path))?;
        }
        Ok(staged.finish()?)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}
