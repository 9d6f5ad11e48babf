//! Parity with the plain reference: exporter and runtime against straight loops over MODEL.md.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use uniultra_checkpoint::Checkpoint;
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_export::ExportOptions;
use uniultra_manifest::{Channels, EdgeLayout};
use uniultra_tests::compare::relative;
use uniultra_tests::golden::hash_values;
use uniultra_tests::packs::{ScratchPack, random};
use uniultra_tests::reference::{self, EncoderConfig, Features, Tensors};

/// Largest difference relative to the tensor's root mean square. Sums of thousands of products in
/// f32 in another order differ by about 1e-5; the bound leaves room for a dozen blocks of them.
const TOLERANCE: f32 = 2e-4;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

fn tensors(checkpoint: &Checkpoint) -> Tensors {
    let tensors = checkpoint.tensors();
    tensors.map(|(name, t)| (name.to_string(), (t.shape().to_vec(), t.data().to_vec()))).collect()
}

fn check(what: &str, found: &[f32], expected: &[f32]) {
    assert!(found.iter().all(|v| v.is_finite()), "{what}: not finite");
    let difference = relative(found, expected);
    println!("{what}: {difference:.1e}");
    assert!(difference <= TOLERANCE, "{what}: relative difference {difference}");
}

/// A gray frame in 0..=1 with edges and flat regions, and its three normalised channels.
fn frame(side: usize) -> (Vec<f32>, Vec<f32>) {
    let noise = hash_values(7, 1.0, side * side);
    let gray: Vec<f32> = (0..side * side)
        .map(|i| {
            let (x, y) = ((i % side) as f32, (i / side) as f32);
            let disc = (x - 0.4 * side as f32).hypot(y - 0.6 * side as f32) < 0.2 * side as f32;
            (0.45 + 0.3 * noise[i] + if disc { -0.25 } else { 0.1 * (y / side as f32) })
                .clamp(0.0, 1.0)
        })
        .collect();
    let rgb =
        MEAN.iter().zip(STD).flat_map(|(mean, std)| gray.iter().map(move |v| (v - mean) / std));
    let rgb = rgb.collect();
    (gray, rgb)
}

fn compare_encoder(name: &str, config: &EncoderConfig, options: &ExportOptions) {
    let checkpoint = random(name, 11);
    let side = options.image_size;
    let (gray, rgb) = frame(side);
    let expected = reference::image_encoder(&tensors(&checkpoint), config, &rgb, side);
    let network = ScratchPack::export(&checkpoint, options).network();
    let input = match options.channels {
        Channels::Gray => &gray,
        Channels::Rgb => &rgb,
    };
    let embedding = network.encode(input).unwrap();
    let [embed, high_0, high_1] = embedding.values().unwrap();
    let label = format!(
        "{name} {side} {} {} simplified {}",
        options.edge_layout, options.channels, options.simplify
    );
    check(&format!("{label}: image_embed"), embed, &expected.image_embed);
    check(&format!("{label}: high_res_feats_0"), high_0, &expected.high_res_feats_0);
    check(&format!("{label}: high_res_feats_1"), high_1, &expected.high_res_feats_1);
}

fn mini(edge_layout: EdgeLayout) -> EncoderConfig {
    EncoderConfig::mini(match edge_layout {
        EdgeLayout::Spatial => reference::EdgeLayout::Spatial,
        EdgeLayout::Reference => reference::EdgeLayout::Reference,
    })
}

fn options(
    image_size: usize,
    edge_layout: EdgeLayout,
    channels: Channels,
    simplify: bool,
) -> ExportOptions {
    ExportOptions { image_size, edge_layout, channels, simplify, ..ExportOptions::default() }
}

#[test]
fn mini_encoder_in_every_form() {
    for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
        for channels in [Channels::Gray, Channels::Rgb] {
            for simplify in [true, false] {
                let options = options(128, edge_layout, channels, simplify);
                compare_encoder("uniultra-mini", &mini(edge_layout), &options);
            }
        }
    }
}

/// Sizes at which windows fit, need padding in some stages, and need it in all.
#[test]
fn mini_encoder_at_several_sizes() {
    for side in [96, 256, 512] {
        for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
            compare_encoder(
                "uniultra-mini",
                &mini(edge_layout),
                &options(side, edge_layout, Channels::Gray, true),
            );
        }
    }
}

#[test]
fn stock_tiny_encoder() {
    for simplify in [true, false] {
        let options = options(256, EdgeLayout::Spatial, Channels::Gray, simplify);
        compare_encoder("sam2-tiny", &EncoderConfig::tiny(), &options);
    }
}

fn larger(name: &str) -> EncoderConfig {
    let tiny = EncoderConfig::tiny();
    match name {
        "small" => EncoderConfig { stages: [1, 2, 11, 2], global_att_blocks: [7, 10, 13], ..tiny },
        "base+" => EncoderConfig {
            embed_dim: 112,
            num_heads: 2,
            stages: [2, 3, 16, 3],
            global_att_blocks: [12, 16, 20],
            ..tiny
        },
        _ => EncoderConfig {
            embed_dim: 144,
            num_heads: 2,
            stages: [2, 6, 36, 4],
            global_att_blocks: [23, 33, 43],
            window_spec: [8, 4, 16, 8],
            ..tiny
        },
    }
}

/// A larger trunk, stock and with adapters, at the smallest size that has every kind of window.
fn larger_encoder(name: &str) {
    let options = options(96, EdgeLayout::Spatial, Channels::Gray, true);
    compare_encoder(&format!("sam2-{name}"), &larger(name), &options);
    let adapted = EncoderConfig { ch_adapters: true, ..larger(name) };
    compare_encoder(&format!("uniultra-{name}"), &adapted, &options);
}

// Separate tests, which run in parallel: they take the longest in this file.

#[test]
fn small_encoder() {
    larger_encoder("small");
}

#[test]
fn base_plus_encoder() {
    larger_encoder("base+");
}

#[test]
fn large_encoder() {
    larger_encoder("large");
}

/// Points with their labels, and whether a mask prompt goes with them.
fn decoder_cases() -> Vec<(Vec<[f32; 2]>, Vec<f32>, bool)> {
    vec![
        (vec![[40.0, 70.5]], vec![1.0], false),
        (vec![[10.25, 20.0], [100.0, 90.0]], vec![2.0, 3.0], false),
        (
            vec![[10.0, 20.0], [100.0, 90.0], [50.0, 60.0], [0.0, 0.0]],
            vec![2.0, 3.0, 1.0, 0.0],
            true,
        ),
        (vec![[40.0, 70.0], [0.0, 0.0]], vec![1.0, -1.0], true),
        (vec![], vec![], true),
    ]
}

#[test]
fn decoder_with_every_kind_of_prompt() {
    let side = 128;
    let checkpoint = random("uniultra-mini", 23);
    let weights = tensors(&checkpoint);
    let cells = |stride: usize| (side / stride) * (side / stride);
    let features = Features {
        image_embed: hash_values(1, 2.0, 256 * cells(16)),
        high_res_feats_0: hash_values(2, 1.0, 32 * cells(4)),
        high_res_feats_1: hash_values(3, 1.0, 64 * cells(8)),
    };
    let mask = hash_values(4, 20.0, cells(4));
    for simplify in [true, false] {
        let options = options(side, EdgeLayout::Spatial, Channels::Gray, simplify);
        let network = ScratchPack::export(&checkpoint, &options).network();
        let embedding = uniultra_engine::Embedding::from_values(
            side,
            [&features.image_embed, &features.high_res_feats_0, &features.high_res_feats_1],
        )
        .unwrap();
        for (points, labels, with_mask) in decoder_cases() {
            let mask_input = with_mask.then_some(mask.as_slice());
            let expected =
                reference::mask_decoder(&weights, &features, side, &points, &labels, mask_input);
            let input = DecoderInput {
                point_coords: points.to_vec(),
                point_labels: labels.to_vec(),
                mask_input: mask_input.map(<[f32]>::to_vec),
            };
            let mut out = DecoderOutput::new(side / 4);
            network.decode(&embedding, &input, &mut out).unwrap();
            let label = format!("{} points, mask {with_mask}, simplified {simplify}", points.len());
            check(&format!("{label}: masks"), &out.logits, &expected.masks);
            check(&format!("{label}: IoU"), &out.predicted_iou, &expected.iou);
            let (found, expected) = ([out.object_score_logit], [expected.object_score_logit]);
            check(&format!("{label}: object score"), &found, &expected);
        }
    }
}
