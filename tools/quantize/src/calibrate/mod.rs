//! Runs the f32 pack over frames and prompts and looks at every tensor that a layer reads.

mod observer;
mod stats;

pub(crate) use observer::{STEPS, mean_square_error, scale};
pub(crate) use stats::{ChannelAxis, TensorStats};

use crate::frames::{Frames, NamedSample, is_constant};
use crate::graph::LayerKind;
use crate::source::{SourceNetwork, SourcePack};
use crate::{Progress, QuantizeError};
use std::collections::BTreeMap;
use uniultra_core::{DecoderInput, InputSpec, MaskChoice, PointLabel, Prompts, preprocess};
use uniultra_engine::{Embedding, Probe, ProbeTensor, Segmenter};
use uniultra_evaluate::{PromptKind, click_prompts, next_click, prompts_for};
use uniultra_manifest::{Sha256Hex, sha256_hex};

/// Objects of a frame that are prompted; more would say little new.
const MAX_OBJECTS: usize = 2;

/// Decoder runs that a frame is about to give: a point, a box and three clicks on an object or two.
const PROMPT_RUNS_PER_FRAME: usize = 6;

/// What calibration saw.
#[derive(Debug)]
pub(crate) struct Calibration {
    /// Statistics of each tensor that a layer of the encoder reads, by name.
    pub(crate) image_encoder: BTreeMap<String, TensorStats>,
    /// The same of the decoder.
    pub(crate) mask_decoder: BTreeMap<String, TensorStats>,
    /// Frames used.
    pub(crate) images: usize,
    /// Decoder runs.
    pub(crate) prompts: usize,
    /// Hash of everything that went into the networks.
    pub(crate) sha256: Sha256Hex,
}

/// Calibrates `layers`, those of the pack's two networks.
///
/// # Errors
/// [`QuantizeError`] if no frame can be used, all are constant, a value is not finite, or the engine
/// fails. Frames that cannot be read are passed over with a warning.
pub(crate) fn calibrate(
    pack: &SourcePack,
    frames: &Frames,
    kinds: &[PromptKind],
    progress: &dyn Progress,
) -> Result<Calibration, QuantizeError> {
    let [encoder, decoder] = pack.networks();
    let [frame_runs, prompt_runs] = [frames.len(), frames.len() * PROMPT_RUNS_PER_FRAME];
    let mut image_encoder = Watched::open(&encoder, frame_runs)?;
    let mut mask_decoder = Watched::open(&decoder, prompt_runs)?;
    let mut hashes = String::new();
    let (mut images, mut prompts, mut constant) = (0, 0, 0);
    progress.start("calibrate", frames.len());
    for named in frames.with_objects(progress) {
        constant += usize::from(is_constant(&named.sample.frame));
        images += 1;
        let image = input_image(pack, &named)?;
        hashes.push_str(sha256_hex(&bytes_of(&image.values)).as_str());
        image_encoder.look(&[image])?;
        for inputs in decoder_runs(pack.segmenter(), &named, kinds)? {
            prompts += 1;
            for prompt in &inputs[3..] {
                hashes.push_str(sha256_hex(&bytes_of(&prompt.values)).as_str());
            }
            mask_decoder.look(&inputs)?;
        }
    }
    progress.finish();
    if images == 0 {
        let found = format!("none among {}", frames.len());
        return Err(QuantizeError::NoFrames { found });
    }
    if constant == images {
        return Err(QuantizeError::Constant { frames: images });
    }
    Ok(Calibration {
        image_encoder: image_encoder.stats,
        mask_decoder: mask_decoder.stats,
        images,
        prompts,
        sha256: sha256_hex(hashes.as_bytes()),
    })
}

/// A network whose layers' inputs are looked at.
struct Watched {
    probe: Probe,
    tensors: Vec<String>,
    stats: BTreeMap<String, TensorStats>,
}

impl Watched {
    fn open(network: &SourceNetwork<'_>, runs: usize) -> Result<Self, QuantizeError> {
        let mut stats = BTreeMap::new();
        for layer in network.layers {
            let axis = match layer.kind {
                LayerKind::Linear => ChannelAxis::Last,
                LayerKind::LinearLeft => ChannelAxis::First,
                LayerKind::Convolution => ChannelAxis::Second,
            };
            stats.entry(layer.input.clone()).or_insert_with(|| TensorStats::new(axis, runs));
        }
        let tensors: Vec<String> = stats.keys().cloned().collect();
        let names: Vec<&str> = tensors.iter().map(String::as_str).collect();
        Ok(Self { probe: Probe::open(network.file, network.bytes, &names)?, tensors, stats })
    }

    fn look(&mut self, inputs: &[ProbeTensor]) -> Result<(), QuantizeError> {
        let seen = self.probe.run(inputs)?;
        for (name, tensor) in self.tensors.iter().zip(&seen) {
            if let Some(stats) = self.stats.get_mut(name) {
                stats.add(name, tensor)?;
            }
        }
        Ok(())
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The encoder's input of a frame.
fn input_image(pack: &SourcePack, named: &NamedSample) -> Result<ProbeTensor, QuantizeError> {
    let spec = InputSpec::from_manifest(pack.manifest());
    let mut values = vec![0.0; spec.values()];
    preprocess(&named.sample.frame, &spec, &mut values).map_err(|error| named.failed(&error))?;
    let side = spec.image_size;
    Ok(ProbeTensor { shape: vec![1, spec.channels.count(), side, side], values })
}

/// The decoder's inputs of every run that a frame's objects and prompts ask for, clicks answered by
/// the f32 pack.
fn decoder_runs(
    segmenter: &Segmenter,
    named: &NamedSample,
    kinds: &[PromptKind],
) -> Result<Vec<Vec<ProbeTensor>>, QuantizeError> {
    let sample = &named.sample;
    let encoded = segmenter.encode(&sample.frame).map_err(|error| named.failed(&error))?;
    let mut runs = Vec::new();
    let mut push = |prompts: &Prompts| -> Result<(), QuantizeError> {
        let size = segmenter.manifest().model.image_size;
        let input = DecoderInput::from_prompts(prompts, encoded.width(), encoded.height(), size)
            .map_err(|error| named.failed(&error))?;
        runs.push(decoder_inputs(encoded.embedding(), input, size)?);
        Ok(())
    };
    for object in sample.objects.iter().take(MAX_OBJECTS) {
        for &kind in kinds {
            let first = prompts_for(object, kind).map_err(|error| named.failed(&error))?;
            push(&first)?;
            let PromptKind::Clicks(count) = kind else { continue };
            let [x, y] = object.deepest;
            let mut clicks = vec![([x, y], PointLabel::Positive)];
            let mut prompts = first;
            while clicks.len() < count {
                let answer = encoded.predict(&prompts).map_err(|error| named.failed(&error))?;
                let token = answer.choose(MaskChoice::Single);
                let next = next_click(&answer.mask(token), &object.mask)
                    .map_err(|error| named.failed(&error))?;
                let Some(next) = next else { break };
                clicks.push(next);
                prompts = click_prompts(&clicks, Some(answer.as_mask_prompt(token)))
                    .map_err(|error| named.failed(&error))?;
                push(&prompts)?;
            }
        }
    }
    Ok(runs)
}

/// The seven inputs of the mask decoder, in graph order.
fn decoder_inputs(
    embedding: &Embedding,
    input: DecoderInput,
    size: usize,
) -> Result<Vec<ProbeTensor>, QuantizeError> {
    let count = input.point_labels.len();
    let [embed, high_0, high_1] = embedding.values()?;
    let has_mask = f32::from(u8::from(input.mask_input.is_some()));
    let side = size / 4;
    let mask = input.mask_input.unwrap_or_else(|| vec![0.0; side * side]);
    let tensor = |shape: &[usize], values: &[f32]| ProbeTensor {
        shape: shape.to_vec(),
        values: values.to_vec(),
    };
    Ok(vec![
        tensor(&[1, 256, size / 16, size / 16], embed),
        tensor(&[1, 32, side, side], high_0),
        tensor(&[1, 64, size / 8, size / 8], high_1),
        tensor(&[1, count, 2], input.point_coords.as_flattened()),
        tensor(&[1, count], &input.point_labels),
        tensor(&[1, 1, side, side], &mask),
        tensor(&[1], &[has_mask]),
    ])
}
