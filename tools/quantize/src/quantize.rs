//! The whole way: calibrate, prepare, choose, build.

use crate::calibrate::calibrate;
use crate::config::QuantizeConfig;
use crate::frames::Frames;
use crate::graph::{FloatReason, Layer};
use crate::prepared::Prepared;
use crate::report::{LayerLine, QuantizeReport, SensitivityReport};
use crate::sensitivity::{each_alone, fewest_in_float, ranked};
use crate::source::SourcePack;
use crate::trial::Trial;
use crate::{Progress, QuantizeError};
use std::collections::HashSet;
use uniultra_export::ModelPack;
use uniultra_manifest::Sha256Hex;
use uniultra_schema::{ModelIdentity, ModelOrigin};

/// What to quantize, on what.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The f32 pack.
    pub source: &'a SourcePack,
    /// The resolved configuration.
    pub config: &'a QuantizeConfig,
    /// Frames for ranges.
    pub calibration: &'a Frames,
    /// Where these come from, for the report.
    pub calibration_source: &'a str,
    /// Frames for trials; none for no trial.
    pub trial: Option<&'a Frames>,
    /// Whether each layer is tried alone.
    pub sensitivity: bool,
    /// Largest drop of a set's mean Dice, with a point or a box, that is accepted on the trial frames;
    /// layers are kept in float, the most sensitive first, until it is reached. None accepts any.
    pub max_dice_drop: Option<f32>,
}

/// An int8 pack and what is to be said of it.
#[derive(Debug)]
pub struct Quantized {
    /// The pack.
    pub pack: ModelPack,
    /// The report.
    pub report: QuantizeReport,
}

/// Quantizes a pack.
///
/// # Errors
/// [`QuantizeError`]; nothing is written.
pub fn quantize(
    request: &Request<'_>,
    progress: &(dyn Progress + Sync),
) -> Result<Quantized, QuantizeError> {
    let Request { source, config, .. } = *request;
    if let Some(found) = request.max_dice_drop.filter(|drop| drop.is_nan() || *drop < 0.0) {
        return Err(QuantizeError::Budget { found });
    }
    let kinds = config.prompt_kinds()?;
    let calibration = calibrate(source, request.calibration, &kinds, progress)?;
    let prepared = Prepared::new(source, &calibration, config)?;

    let trial = request.trial.map(|frames| Trial::open(source, frames, progress)).transpose()?;
    let mut sensitive = HashSet::new();
    let mut sensitivity = None;
    if let Some(trial) = &trial {
        let (mut layers, mut tried) = (Vec::new(), Vec::new());
        if request.sensitivity || request.max_dice_drop.is_some() {
            layers = each_alone(&prepared, trial, progress)?;
        }
        if let Some(budget) = request.max_dice_drop {
            let ranked = ranked(&layers);
            let choice = fewest_in_float(&prepared, trial, &ranked, f64::from(budget), progress)?;
            (sensitive, tried) = (choice.in_float, choice.tried);
        }
        sensitivity = Some((layers, tried));
    }

    let is_int8 = |layer: &Layer| !sensitive.contains(&layer.name);
    let files = prepared.build(&is_int8)?;
    let sensitivity = match (&trial, sensitivity) {
        (Some(trial), Some((layers, tried))) => Some(SensitivityReport {
            frames: trial.frames(),
            float_dice: trial.float_dice(),
            result: trial.run(&files, None)?,
            layers,
            tried,
        }),
        _ => None,
    };
    let mut float = prepared.float.clone();
    float.extend(sensitive.iter().map(|name| (name.clone(), FloatReason::Sensitive)));
    float.sort_by(|a, b| a.0.cmp(&b.0));
    let manifest = source.manifest();
    let before = |bytes: u64, hash: &Sha256Hex| (bytes, hash.to_string());
    let report = QuantizeReport {
        source: ModelIdentity::new(manifest, ModelOrigin::pack()),
        source_files: [
            before(manifest.image_encoder.bytes, &manifest.image_encoder.sha256),
            before(manifest.mask_decoder.bytes, &manifest.mask_decoder.sha256),
        ],
        int8_files: [
            before(files.manifest.image_encoder.bytes, &files.manifest.image_encoder.sha256),
            before(files.manifest.mask_decoder.bytes, &files.manifest.mask_decoder.sha256),
        ],
        config: config.clone(),
        calibration: request.calibration_source.to_string(),
        calibration_images: calibration.images,
        calibration_prompts: calibration.prompts,
        calibration_sha256: calibration.sha256.to_string(),
        trained_ranges: manifest.qat.as_ref().map_or(0, |qat| qat.input_ranges.len()),
        integer_attention: (files.manifest.quantization.as_ref())
            .is_some_and(|section| section.integer_attention),
        equalized: prepared.equalized,
        crossings: files.crossings,
        layers: prepared
            .layers()
            .map(|prepared| LayerLine {
                name: prepared.layer.name.clone(),
                network: prepared.layer.network,
                kind: prepared.layer.kind,
                inputs: prepared.layer.inputs,
                outputs: prepared.layer.outputs,
                int8: is_int8(&prepared.layer),
                numbers: prepared.numbers.clone(),
            })
            .collect(),
        float,
        sensitivity,
    };
    let pack = ModelPack {
        manifest: files.manifest,
        image_encoder: files.image_encoder,
        mask_decoder: files.mask_decoder,
        checkpoint: None,
        left_out: Vec::new(),
    };
    Ok(Quantized { pack, report })
}
