//! The f32 pack, opened: its graphs, their layers, and the segmenter that answers with it.

use crate::QuantizeError;
use crate::config::QuantizeConfig;
use crate::graph::{FloatReason, Layer, LayerKind, NetworkKind, find_layers, is_quantized};
use std::collections::BTreeMap;
use std::path::Path;
use uniultra_core::SegmentError;
use uniultra_engine::{EngineError, EngineOptions, Segmenter, open_pack};
use uniultra_manifest::{Manifest, Pack, Precision};
use uniultra_onnx::{GraphProto, ModelProto, decode};

/// Layers that a message lists.
const LISTED: usize = 6;

/// One network of a pack.
#[derive(Debug)]
pub(crate) struct SourceNetwork<'a> {
    pub(crate) kind: NetworkKind,
    pub(crate) file: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) graph: &'a GraphProto,
    /// Layers that can be quantized, in graph order.
    pub(crate) layers: &'a [Layer],
}

#[derive(Debug)]
struct Opened {
    kind: NetworkKind,
    bytes: Vec<u8>,
    model: ModelProto,
    graph: GraphProto,
    layers: Vec<Layer>,
}

/// An f32 pack to be quantized.
#[derive(Debug)]
pub struct SourcePack {
    segmenter: Segmenter,
    opened: [Opened; 2],
    /// Layers that stay in float, and why.
    float: Vec<(String, FloatReason)>,
}

impl SourcePack {
    /// Opens a pack and finds its layers.
    ///
    /// # Errors
    /// [`QuantizeError`] if the pack is refused, quantized already, or has no layers; if `config`
    /// excludes something that is not there.
    pub fn open(folder: &Path, config: &QuantizeConfig) -> Result<Self, QuantizeError> {
        Self::from_pack(&Pack::open(folder)?, config)
    }

    /// The same of a pack that need not be in a folder.
    ///
    /// # Errors
    /// As [`SourcePack::open`].
    pub fn from_pack(pack: &Pack, config: &QuantizeConfig) -> Result<Self, QuantizeError> {
        config.validate()?;
        let manifest = pack.manifest();
        let id = manifest.model.id.clone();
        if manifest.model.precision != Precision::F32 {
            let found = manifest.model.precision.to_string();
            return Err(QuantizeError::AlreadyQuantized { id, found });
        }
        let mut float = Vec::new();
        let mut open = |kind: NetworkKind, bytes: Vec<u8>| -> Result<Opened, QuantizeError> {
            let mut model = decode(&bytes)?;
            let graph = model.graph.take().unwrap_or_default();
            if is_quantized(&graph) {
                let found = format!("quantized operations in {kind}");
                return Err(QuantizeError::AlreadyQuantized { id: id.clone(), found });
            }
            let mut found = find_layers(kind, &graph)?;
            if found.layers.is_empty() {
                return Err(QuantizeError::NoLayers { network: kind.to_string() });
            }
            for (name, reason) in &found.float {
                if let FloatReason::Operation(_) = reason {
                    log::warn!("{name}: kept in float: {reason}");
                }
            }
            float.append(&mut found.float);
            Ok(Opened { kind, bytes, model, graph, layers: found.layers })
        };
        let mut opened = [
            open(NetworkKind::ImageEncoder, pack.read_image_encoder()?.into_owned())?,
            open(NetworkKind::MaskDecoder, pack.read_mask_decoder()?.into_owned())?,
        ];
        check_names(&opened, &config.exclude)?;
        let trained = manifest.qat.as_ref().map(|qat| &qat.input_ranges);
        check_trained(&opened, trained)?;
        for network in &mut opened {
            network.layers.retain(|layer| {
                let reason = if config.excludes(&layer.name) {
                    FloatReason::Excluded
                } else if layer.kind == LayerKind::Convolution && !config.convolutions {
                    FloatReason::Convolution
                } else if layer.kind == LayerKind::LinearLeft && !config.left_products {
                    FloatReason::LeftProduct
                } else if trained.is_some_and(|ranges| !ranges.contains_key(&layer.name)) {
                    FloatReason::Untrained
                } else {
                    return true;
                };
                float.push((layer.name.clone(), reason));
                false
            });
        }
        let segmenter = open_pack(pack, &EngineOptions::default()).map_err(engine_error)?;
        Ok(Self { segmenter, opened, float })
    }

    /// The pack's manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.segmenter.manifest()
    }

    pub(crate) fn segmenter(&self) -> &Segmenter {
        &self.segmenter
    }

    /// Encoder and decoder.
    pub(crate) fn networks(&self) -> [SourceNetwork<'_>; 2] {
        let manifest = self.manifest();
        let [encoder, decoder] = &self.opened;
        let file = |kind| match kind {
            NetworkKind::ImageEncoder => manifest.image_encoder.file.as_str(),
            NetworkKind::MaskDecoder => manifest.mask_decoder.file.as_str(),
        };
        [encoder, decoder].map(|opened| SourceNetwork {
            kind: opened.kind,
            file: file(opened.kind),
            bytes: &opened.bytes,
            graph: &opened.graph,
            layers: &opened.layers,
        })
    }

    /// The file of a network with another graph.
    pub(crate) fn encode(&self, kind: NetworkKind, graph: GraphProto) -> Vec<u8> {
        let [encoder, decoder] = &self.opened;
        let opened = if kind == NetworkKind::ImageEncoder { encoder } else { decoder };
        uniultra_onnx::encode(&ModelProto { graph: Some(graph), ..opened.model.clone() })
    }

    /// Layers that stay in float whatever the calibration says.
    pub(crate) fn float(&self) -> &[(String, FloatReason)] {
        &self.float
    }
}

/// Each trained range is that of a layer.
fn check_trained(
    opened: &[Opened; 2],
    trained: Option<&BTreeMap<String, f32>>,
) -> Result<(), QuantizeError> {
    let is_layer = |name: &&String| {
        opened.iter().flat_map(|one| &one.layers).any(|layer| layer.name == **name)
    };
    match trained.and_then(|ranges| ranges.keys().find(|name| !is_layer(name))) {
        Some(name) => Err(QuantizeError::UntrainedLayer { name: name.clone() }),
        None => Ok(()),
    }
}

/// Each name to exclude is that of a layer or of a part of the graph with layers.
fn check_names(opened: &[Opened; 2], names: &[String]) -> Result<(), QuantizeError> {
    let layers: Vec<&str> =
        opened.iter().flat_map(|one| &one.layers).map(|layer| layer.name.as_str()).collect();
    for name in names {
        let one = QuantizeConfig { exclude: vec![name.clone()], ..QuantizeConfig::default() };
        if !layers.iter().any(|layer| one.excludes(layer)) {
            let mut listed = layers.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
            if layers.len() > LISTED {
                listed.push_str(&format!(" and {} more", layers.len() - LISTED));
            }
            return Err(QuantizeError::UnknownLayer { name: name.clone(), layers: listed });
        }
    }
    Ok(())
}

/// What is inside an error of opening a pack.
pub(crate) fn engine_error(error: SegmentError<EngineError>) -> QuantizeError {
    match error {
        SegmentError::Open(error) => error.into(),
        other => QuantizeError::Frame { frame: "none".to_string(), reason: other.to_string() },
    }
}
