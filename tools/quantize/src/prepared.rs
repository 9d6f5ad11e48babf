//! Every layer's 8-bit numbers, ready to be put together with any of them left in float.

use crate::QuantizeError;
use crate::calibrate::{Calibration, TensorStats};
use crate::config::QuantizeConfig;
use crate::graph::{Crossings, FloatReason, Int8Layer, Layer, NetworkKind, equalize, rewrite};
use crate::numbers::{LayerNumbers, int8_layer};
use crate::source::{SourceNetwork, SourcePack};
use std::collections::{BTreeMap, BTreeSet};
use uniultra_manifest::{
    Manifest, Pack, Precision, QUANTIZATION_SCHEME, Quantization, WeightFormat, sha256_hex,
};
use uniultra_onnx::{DataType, GraphProto};

/// One layer, quantized.
#[derive(Debug)]
pub(crate) struct PreparedLayer {
    pub(crate) layer: Layer,
    int8: Int8Layer,
    pub(crate) numbers: LayerNumbers,
}

struct PreparedNetwork {
    kind: NetworkKind,
    graph: GraphProto,
    layers: Vec<PreparedLayer>,
}

/// A calibrated pack.
pub(crate) struct Prepared<'a> {
    source: &'a SourcePack,
    config: &'a QuantizeConfig,
    calibration: &'a Calibration,
    networks: [PreparedNetwork; 2],
    /// Layers that stay in float whatever is chosen.
    pub(crate) float: Vec<(String, FloatReason)>,
    /// LayerNorms that were equalised with the weights behind them.
    pub(crate) equalized: usize,
}

/// The files of a pack.
pub(crate) struct Files {
    pub(crate) manifest: Manifest,
    pub(crate) image_encoder: Vec<u8>,
    pub(crate) mask_decoder: Vec<u8>,
    pub(crate) crossings: [Crossings; 2],
}

impl Files {
    /// The pack in memory.
    pub(crate) fn pack(&self) -> Result<Pack, QuantizeError> {
        let text = self.manifest.to_toml()?;
        Ok(Pack::from_bytes(
            text.as_bytes(),
            self.image_encoder.clone(),
            self.mask_decoder.clone(),
        )?)
    }
}

impl<'a> Prepared<'a> {
    /// Quantizes every layer of which calibration saw the input.
    ///
    /// # Errors
    /// [`QuantizeError`] if a constant of the graph is damaged.
    pub(crate) fn new(
        source: &'a SourcePack,
        calibration: &'a Calibration,
        config: &'a QuantizeConfig,
    ) -> Result<Self, QuantizeError> {
        let mut float = source.float().to_vec();
        let mut equalized = 0;
        let trained = source.manifest().qat.as_ref().map(|qat| &qat.input_ranges);
        let [encoder, decoder] = source.networks();
        let mut prepare = |network: SourceNetwork<'_>, seen: &BTreeMap<String, TensorStats>| {
            let mut stats = seen.clone();
            let (mut graph, mut layers) = (network.graph.clone(), network.layers.to_vec());
            // Trained ranges are those of the tensors as they are.
            if config.equalize > 0.0 && trained.is_none() {
                equalized += equalize(&mut graph, &mut layers, &mut stats, config.equalize)?;
            }
            let ranges = trained.map(|ranges| by_tensor(&layers, ranges)).unwrap_or_default();
            let mut prepared = Vec::with_capacity(layers.len());
            for layer in layers {
                match stats.get(&layer.input).filter(|stats| stats.count > 0) {
                    Some(stats) => {
                        let range = ranges.get(&layer.input).copied();
                        let (int8, numbers) = int8_layer(&layer, stats, range, config);
                        prepared.push(PreparedLayer { layer, int8, numbers });
                    }
                    None => float.push((layer.name, FloatReason::Unseen)),
                }
            }
            Ok::<_, QuantizeError>(PreparedNetwork { kind: network.kind, graph, layers: prepared })
        };
        let networks = [
            prepare(encoder, &calibration.image_encoder)?,
            prepare(decoder, &calibration.mask_decoder)?,
        ];
        Ok(Self { source, config, calibration, networks, float, equalized })
    }

    /// All layers that can be 8-bit: the encoder's, then the decoder's, in graph order.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &PreparedLayer> {
        self.networks.iter().flat_map(|network| &network.layers)
    }

    /// The pack with the layers for which `int8` gives true in 8 bits.
    ///
    /// # Errors
    /// [`QuantizeError::Pack`] never, for a valid source.
    pub(crate) fn build(&self, int8: &dyn Fn(&Layer) -> bool) -> Result<Files, QuantizeError> {
        let (mut count, mut halves) = (0, false);
        let mut kept: BTreeSet<String> = self.float.iter().map(|(name, _)| name.clone()).collect();
        let [encoder, decoder] = &self.networks;
        let mut files = [encoder, decoder].map(|network| {
            let chosen: Vec<_> = network
                .layers
                .iter()
                .filter(|prepared| int8(&prepared.layer))
                .map(|prepared| (&prepared.layer, &prepared.int8))
                .collect();
            count += chosen.len();
            let others = network.layers.iter().filter(|prepared| !int8(&prepared.layer));
            kept.extend(others.map(|prepared| prepared.layer.name.clone()));
            let graph = rewrite(&network.graph, &chosen);
            let crossings = Crossings::count(&graph);
            halves |= graph.initializer.iter().any(|w| w.data_type() == DataType::Float16);
            (self.source.encode(network.kind, graph), crossings)
        });
        let manifest = self.manifest(count, kept, halves, [&files[0].0, &files[1].0])?;
        let crossings = [files[0].1, files[1].1];
        let [image_encoder, mask_decoder] =
            [0, 1].map(|place: usize| std::mem::take(&mut files[place].0));
        Ok(Files { manifest, image_encoder, mask_decoder, crossings })
    }

    fn manifest(
        &self,
        int8_layers: usize,
        float_layers: BTreeSet<String>,
        halves: bool,
        files: [&[u8]; 2],
    ) -> Result<Manifest, QuantizeError> {
        let source = self.source.manifest();
        let mut manifest = source.clone();
        let tool = concat!("uniultra-tools ", env!("CARGO_PKG_VERSION")).to_string();
        let [encoder, decoder] = files;
        for (section, bytes) in
            [(&mut manifest.image_encoder, encoder), (&mut manifest.mask_decoder, decoder)]
        {
            section.bytes = bytes.len() as u64;
            section.sha256 = sha256_hex(bytes);
        }
        manifest.model.id = int8_id(&source.model.id);
        manifest.model.precision = Precision::Int8;
        if !halves {
            manifest.model.weights = WeightFormat::F32;
        }
        manifest.qat = None;
        // Figures of the f32 pack are not this one's.
        manifest.metrics.clear();
        manifest.quantization = Some(Quantization {
            scheme: QUANTIZATION_SCHEME.to_string(),
            source_image_encoder_sha256: source.image_encoder.sha256.clone(),
            source_mask_decoder_sha256: source.mask_decoder.sha256.clone(),
            calibration_sha256: self.calibration.sha256.clone(),
            calibration_images: self.calibration.images,
            observer: self.config.observer.to_string(),
            integer_attention: self
                .config
                .integer_attention
                .unwrap_or_else(|| source.qat.as_ref().is_some_and(|qat| qat.integer_attention)),
            int8_layers,
            float_layers: float_layers.into_iter().collect(),
            config_sha256: self.config.sha256()?,
            tool,
        });
        Ok(manifest)
    }
}

/// The trained range of each tensor that layers read. All readers of one share its 8 bits: where their
/// ranges differ after all, it is the widest.
fn by_tensor(layers: &[Layer], ranges: &BTreeMap<String, f32>) -> BTreeMap<String, f32> {
    let mut found = BTreeMap::new();
    for layer in layers {
        if let Some(&range) = ranges.get(&layer.name) {
            let widest: &mut f32 = found.entry(layer.input.clone()).or_insert(range);
            *widest = widest.max(range);
        }
    }
    found
}

/// `a` becomes `a-int8`, shortened where that would be too long.
fn int8_id(id: &str) -> String {
    const MAX_BYTES: usize = 64;
    let suffix = "-int8";
    let stem: String = id.chars().take(MAX_BYTES - suffix.len()).collect();
    format!("{stem}{suffix}")
}
