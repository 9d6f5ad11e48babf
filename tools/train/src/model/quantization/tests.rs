//! The rounded forward pass against the runtime's kernels and against the plain one.

use super::*;
use crate::batch;
use crate::model::{Decoded, Features, PromptBatch, Spec, Trainable, image_encoder, mask_decoder};
use std::collections::BTreeSet;
use tch::{Device, Kind, Tensor, no_grad};
use uniultra_checkpoint::{Checkpoint, random_checkpoint};
use uniultra_kernels::{Activation, Epilogue, Input, LinearI8, LinearScratch, Output, Residual};
use uniultra_manifest::EdgeLayout;

const SIDE: i64 = 128;

fn params(config: &QatConfig, extra: &Checkpoint) -> Params {
    let checkpoint = random_checkpoint(&"uniultra-mini".parse().unwrap(), 3);
    let architecture = checkpoint.recognise().unwrap().architecture;
    let spec = Spec { architecture, edge_layout: EdgeLayout::Spatial };
    let (mut params, _) = Params::from_checkpoint(&checkpoint, spec, 0, Device::Cpu).unwrap();
    params.train_for_8_bits(config, extra).unwrap();
    params
}

fn none() -> Checkpoint {
    Checkpoint::from_tensors(BTreeMap::new())
}

/// Numbers in -1.7..1.7 that look random; tests share torch's generator, so not from that.
pub(super) fn numbers(shape: &[i64], turn: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let turns = Tensor::arange(count, (Kind::Double, Device::Cpu)) * turn;
    let mixed = (turns.frac() * 11.3 + turns * 0.37).sin() * 1.7;
    mixed.to_kind(Kind::Float).reshape(shape)
}

fn image() -> Tensor {
    let coarse = numbers(&[1, 3, SIDE / 8, SIDE / 8], 0.754_877_666);
    coarse.upsample_bilinear2d([SIDE, SIDE], false, None, None)
}

/// An answer to a point with a mask prompt, so that every layer takes part.
fn answer(params: &Params) -> (Features, Decoded) {
    let features = image_encoder(params, &image());
    let mask = numbers(&[1, 1, SIDE / 4, SIDE / 4], 0.618_033_988);
    let prompts = PromptBatch {
        coords: Tensor::from_slice(&[40.0_f32, 60.0]).reshape([1, 1, 2]),
        labels: Tensor::from_slice(&[1.0_f32]).reshape([1, 1]),
        mask: Some(mask),
    };
    let only = Tensor::zeros([1], (Kind::Int64, Device::Cpu));
    let decoded = mask_decoder(params, &features.for_prompts(&only), &prompts);
    (features, decoded)
}

/// Norm of the difference relative to that of `expected`.
fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    let norm = |x: &Tensor| x.square().sum(Kind::Double).sqrt().double_value(&[]);
    norm(&(found - expected)) / norm(expected)
}

/// Ranges as a few steps of training find them.
fn observed(config: QatConfig) -> Params {
    let params = params(&config, &none());
    for step in 0..2 {
        let _ = no_grad(|| answer(&params.prepared(Some(step))));
        params.follow(&params.take_observed());
    }
    params
}

#[test]
fn folding_computes_the_same_and_sees_every_layer() {
    let params =
        params(&QatConfig { enabled: true, start_step: 5, ..QatConfig::default() }, &none());
    let (plain, plain_answer) = no_grad(|| answer(&params));
    let (folded, folded_answer) = no_grad(|| answer(&params.prepared(Some(0))));
    // Sums in another order, as in the parity test.
    for (found, expected) in [
        (&folded.image_embed, &plain.image_embed),
        (&folded.high_res_feats_0, &plain.high_res_feats_0),
        (&folded_answer.masks, &plain_answer.masks),
    ] {
        let error = relative(found, expected);
        assert!(error < 1e-4, "{error}");
    }
    let seen: BTreeSet<String> = params.take_observed().into_keys().collect();
    // `proj` is there where a block changes the width.
    let wide = ["blocks.1/proj", "blocks.3/proj", "blocks.10/proj"];
    let expected: BTreeSet<String> = layer_names(12)
        .into_iter()
        .filter(|layer| {
            let narrow = layer.ends_with("/proj") && !layer.contains("attn");
            (!narrow || wide.contains(&layer.as_str()))
                && layer != "mask_decoder/output_upscaling/3"
        })
        .collect();
    assert_eq!(seen, expected);
}

/// Largest difference relative to the root mean square. The trainer multiplies by the reciprocal of
/// a scale where the runtime divides, and sums products of floats where the runtime's are integers:
/// both a matter of the last bits, unless a value is on the edge between two steps.
const LINEAR_TOLERANCE: f64 = 1e-5;

#[test]
fn a_linear_layer_is_the_runtimes_on_8_bits() {
    let name = "sam_mask_decoder.transformer.layers.0.mlp.layers.0";
    let layer = layer_of(name).unwrap();
    let range = 2.5_f32;
    let ranges = uniultra_checkpoint::Tensor::new(vec![1], vec![range]).unwrap();
    let key = format!("{PREFIX}{layer}{RANGE}");
    let checkpoint = Checkpoint::from_tensors(BTreeMap::from([(key, ranges)]));
    let config = QatConfig { enabled: true, ..QatConfig::default() };
    let params = params(&config, &checkpoint);
    // Some values are beyond the range.
    let x = numbers(&[40, 256], 0.618_033_988) * 1.7;
    let found = no_grad(|| params.prepared(None).linear(name, &x));

    let [weight, bias] =
        ["weight", "bias"].map(|leaf| batch::host(params.get(&format!("{name}.{leaf}"))));
    let (inputs, outputs) = (256, bias.len());
    let mut steps = vec![0_i8; weight.len()];
    let mut scales = Vec::new();
    for (n, row) in weight.chunks(inputs).enumerate() {
        let scale = row.iter().fold(0.0_f32, |most, w| most.max(w.abs())) / STEPS;
        for (k, w) in row.iter().enumerate() {
            steps[k * outputs + n] = (w / scale).round_ties_even() as i8;
        }
        scales.push(scale * (range / STEPS));
    }
    let kernel = LinearI8::new(&steps, [inputs, outputs], &scales, &bias).unwrap();
    let values = batch::host(&x);
    let mut out = vec![0.0; 40 * outputs];
    let input = Input::Real { scale: range / STEPS, values: &values };
    let output = Output::Real(&mut out);
    let plain = Epilogue { residual: Residual::None, activation: Activation::Identity };
    kernel.run(input, &plain, output, &mut LinearScratch::default()).unwrap();
    let expected = Tensor::from_slice(&out).reshape([40, outputs as i64]);
    let rms = expected.square().mean(Kind::Double).sqrt().double_value(&[]);
    let worst = (&found - &expected).abs().max().double_value(&[]) / rms;
    assert!(worst <= LINEAR_TOLERANCE, "{worst}");
    let float = params.linear(name, &x);
    assert!(relative(&found, &float) > 100.0 * LINEAR_TOLERANCE, "it rounds");
}

#[test]
fn eight_bits_are_near_float_and_gradients_reach_every_weight() {
    let mut params = observed(QatConfig { enabled: true, start_step: 0, ..QatConfig::default() });
    let trained = params.train(Trainable::All);
    let tensors: Vec<Tensor> = trained.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
    let gradients = |params: &Params| {
        let (_, decoded) = answer(params);
        let loss = decoded.masks.square().mean(Kind::Float)
            + decoded.ious.sum(Kind::Float)
            + decoded.object_score.sum(Kind::Float);
        Tensor::run_backward(&[loss], &tensors, false, false)
    };
    let (float, rounded) = (gradients(&params), gradients(&params.prepared(None)));
    let (mut dot, mut norms) = (0.0, [0.0; 2]);
    for ((name, _), (float, rounded)) in trained.iter().zip(float.iter().zip(&rounded)) {
        assert_eq!(float.defined(), rounded.defined(), "{name}");
        if float.defined() {
            assert!(bool::try_from(rounded.isfinite().all()).unwrap(), "{name}");
            dot += (float * rounded).sum(Kind::Double).double_value(&[]);
            for (norm, gradient) in norms.iter_mut().zip([float, rounded]) {
                *norm += gradient.square().sum(Kind::Double).double_value(&[]);
            }
        }
    }
    let cosine = dot / (norms[0] * norms[1]).sqrt();
    // 0.86 as measured: of random weights, whose signs 8 bits may turn. Without a path it were
    // none.
    assert!(cosine > 0.75, "{cosine}");

    let (plain, _) = no_grad(|| answer(&params));
    let (int8, _) = no_grad(|| answer(&params.prepared(None)));
    let error = relative(&int8.image_embed, &plain.image_embed);
    assert!((1e-3..0.1).contains(&error), "{error}");
}

#[test]
fn ranges_are_observed_on_time_and_shared_by_all_parts() {
    let config = QatConfig {
        enabled: true,
        start_step: 2,
        observe_every: 4,
        freeze_step: Some(9),
        ..QatConfig::default()
    };
    let params = params(&config, &none());
    let looks: Vec<u64> = (0..16)
        .filter(|&step| {
            let prepared = params.prepared(Some(step));
            let _ = prepared.linear(
                "sam_mask_decoder.iou_prediction_head.layers.0",
                &Tensor::ones([2, 256], (Kind::Float, Device::Cpu)),
            );
            !params.take_observed().is_empty()
        })
        .collect();
    assert_eq!(looks, [0, 1, 4, 8]);
    let other = params.share();
    params.follow(&Observed::from([("blocks.0/proj".to_string(), 2.0)]));
    let found = other.quantization();
    assert_eq!(batch::host(&found["quantization.blocks.0/proj.input_range"]), [2.0]);
    assert_eq!(batch::host(&found["quantization.integer_attention"]), [1.0]);
    let state = params.ranges_state();
    let again = self::params(&config, &none());
    again.load_ranges_state(&state).unwrap();
    assert!(again.ranges_state()["blocks.0/proj"].equal(&state["blocks.0/proj"]));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for (config, expected) in [
        (QatConfig { observe_every: 0, ..QatConfig::default() }, "observe_every"),
        (QatConfig { decay: 1.0, ..QatConfig::default() }, "decay"),
        (
            QatConfig { float_layers: vec!["blocks.99".to_string()], ..QatConfig::default() },
            "blocks.99",
        ),
    ] {
        let problem = config.check(12).unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
    let fine = QatConfig { float_layers: vec!["blocks.2".to_string()], ..QatConfig::default() };
    fine.check(12).unwrap();
    assert!(fine.is_float("blocks.2/attn/qkv") && !fine.is_float("blocks.20/attn/qkv"));
}
