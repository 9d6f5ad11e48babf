//! `mask_decoder.onnx`: prompt encoder and mask decoder (MODEL.md sections 3 and 4).
//!
//! Image tokens travel as `[h * w, 256]`, prompt tokens as `[T, 256]`, with T = N + 7: object
//! score, IoU, four masks, N points and the padding point.

mod heads;
mod prompt;
mod transformer;
mod upscale;

use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use crate::{Design, ExportError};
use uniultra_checkpoint::{Checkpoint, CheckpointError, NECK_DIM};
use uniultra_manifest::mask_decoder_contract;

/// Mask tokens: one for the single mask, three for ambiguous prompts.
const MASKS: usize = 4;
/// Places of the output tokens.
const OBJECT_TOKEN: usize = 0;
const IOU_TOKEN: usize = 1;
const FIRST_MASK_TOKEN: usize = 2;

/// Builds the decoder's ONNX file.
pub(crate) fn build(checkpoint: &Checkpoint, design: &Design) -> Result<Vec<u8>, ExportError> {
    let mut graph = Graph::new("mask_decoder", design.weights);
    let g = &mut graph;
    let side = design.image_size / 16;
    let width = NECK_DIM as i64;

    let prompts = Weights::new(checkpoint, "sam_prompt_encoder");
    let (sparse, dense, dense_position) = g.scoped("prompt_encoder", |g| {
        let sparse = prompt::points(g, &prompts, design)?;
        let dense = prompt::mask(g, &prompts, side, design.simplify)?;
        let position = prompt::dense_position(g, &prompts, side, design.simplify)?;
        Ok::<_, CheckpointError>((sparse, dense, position))
    })?;

    let decoder = Weights::new(checkpoint, "sam_mask_decoder");
    g.scoped("mask_decoder", |g| {
        let object = decoder.tensor("obj_score_token.weight", &[1, NECK_DIM])?;
        let iou = decoder.tensor("iou_token.weight", &[1, NECK_DIM])?;
        let masks = decoder.tensor("mask_tokens.weight", &[MASKS, NECK_DIM])?;
        let output_tokens =
            g.weight("output_tokens", &[2 + MASKS, NECK_DIM], &[object, iou, masks].concat());
        let tokens = g.concat(&[&output_tokens, &sparse], 0);

        let planes = g.reshape(&Value::named("image_embed"), &[width, -1]);
        let embed = g.transpose(&planes, &[1, 0]);
        let keys = g.add(&embed, &dense);

        let transformer = decoder.module("transformer");
        let (tokens, keys) = g.scoped("transformer", |g| {
            transformer::build(g, &transformer, design.simplify, &tokens, &keys, &dense_position)
        })?;

        let kernels = heads::mask_kernels(g, &decoder, &tokens)?;
        let masks = if design.simplify {
            upscale::by_blocks(g, &decoder, &keys, &kernels, side)?
        } else {
            upscale::literal(g, &decoder, &keys, &kernels, side)?
        };
        g.output("masks", &masks);
        let iou = heads::iou(g, &decoder, &tokens)?;
        g.output("iou_predictions", &iou);
        let score = heads::object_score(g, &decoder, design.object_score, &tokens)?;
        g.output("object_score_logits", &score);
        Ok::<_, CheckpointError>(())
    })?;
    let (inputs, outputs) = mask_decoder_contract(design.image_size);
    graph.encode(&inputs, &outputs)
}
