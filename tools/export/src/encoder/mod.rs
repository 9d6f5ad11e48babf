//! `image_encoder.onnx`: patch embedding, Hiera trunk with CH-Adapters, neck (MODEL.md section 2).
//!
//! Tokens travel as `[n * n, C]`, row-major over the `n x n` map; every map is square.

mod adapter;
mod attention;
mod block;
mod neck;
mod patch;
mod position;

use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use crate::{Design, ExportError};
use adapter::EdgeBranch;
use uniultra_checkpoint::{Checkpoint, Hiera};
use uniultra_manifest::image_encoder_contract;

/// A stage's output.
struct FeatureMap {
    /// `[side * side, channels]`.
    tokens: Value,
    side: usize,
    channels: usize,
}

/// Builds the encoder's ONNX file.
pub(crate) fn build(checkpoint: &Checkpoint, design: &Design) -> Result<Vec<u8>, ExportError> {
    let hiera = Hiera::for_variant(design.variant);
    let trunk = Weights::new(checkpoint, "image_encoder.trunk");
    let mut graph = Graph::new("image_encoder", design.weights);
    let g = &mut graph;

    let embedding = patch::embed(g, &trunk, &hiera, design)?;
    let mut edges = if design.ch_adapters {
        Some(EdgeBranch::start(g, &trunk, &hiera, design, &embedding)?)
    } else {
        None
    };

    let mut side = design.image_size / 4;
    let channels_last = g.transpose(&embedding, &[0, 2, 3, 1]);
    let mut tokens = g.reshape(&channels_last, &[(side * side) as i64, hiera.embed_dim as i64]);
    let mut stages = Vec::with_capacity(4);
    for block in hiera.blocks() {
        let weights = trunk.module("blocks").module(block.index);
        tokens = g.scoped(format!("blocks.{}", block.index), |g| {
            block::build(g, &weights, &block, side, edges.as_mut(), design, &tokens)
        })?;
        if block.pools {
            side /= 2;
        }
        if block.ends_stage {
            stages.push(FeatureMap { tokens: tokens.clone(), side, channels: block.dim_out });
            if let Some(edges) = edges.as_mut().filter(|_| block.stage < 3) {
                edges.next_stage(g);
            }
        }
    }

    g.scoped("neck", |g| neck::build(g, checkpoint, design, &stages))?;
    let (inputs, outputs) = image_encoder_contract(design.image_size, design.channels);
    graph.encode(&inputs, &outputs)
}
