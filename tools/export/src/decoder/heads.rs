//! The heads that read the output tokens: mask kernels, predicted IoU, object score.

use super::{FIRST_MASK_TOKEN, IOU_TOKEN, MASKS, OBJECT_TOKEN};
use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, NECK_DIM};

/// Width of a mask kernel.
const KERNEL_DIM: usize = 32;

/// The object score that SAM 2 reports for a model without that head: "certainly there".
const NO_HEAD_LOGIT: f32 = 10.0;

/// One row a mask, `[4, 32]`.
pub(super) fn mask_kernels(
    g: &mut Graph,
    decoder: &Weights<'_>,
    tokens: &Value,
) -> Result<Value, CheckpointError> {
    let mut rows = Vec::with_capacity(MASKS);
    for mask in 0..MASKS {
        let name = format!("output_hypernetworks_mlps.{mask}");
        let token = token(g, tokens, FIRST_MASK_TOKEN + mask);
        rows.push(mlp(g, decoder, &name, &token, KERNEL_DIM)?);
    }
    Ok(g.concat(&rows.iter().collect::<Vec<_>>(), 0))
}

/// Predicted IoU of each mask, `[1, 4]`, in 0..=1.
pub(super) fn iou(
    g: &mut Graph,
    decoder: &Weights<'_>,
    tokens: &Value,
) -> Result<Value, CheckpointError> {
    let token = token(g, tokens, IOU_TOKEN);
    let logits = mlp(g, decoder, "iou_prediction_head", &token, MASKS)?;
    Ok(g.node("Sigmoid", &[&logits], &[]))
}

/// A logit, `[1, 1]`: is the object there at all?
pub(super) fn object_score(
    g: &mut Graph,
    decoder: &Weights<'_>,
    has_head: bool,
    tokens: &Value,
) -> Result<Value, CheckpointError> {
    if !has_head {
        return Ok(g.weight("object_score", &[1, 1], &[NO_HEAD_LOGIT]));
    }
    let token = token(g, tokens, OBJECT_TOKEN);
    mlp(g, decoder, "pred_obj_score_head", &token, 1)
}

fn token(g: &mut Graph, tokens: &Value, index: usize) -> Value {
    g.slice(tokens, 0, index, index + 1)
}

/// Three layers, 256 wide, ReLU between them.
fn mlp(
    g: &mut Graph,
    decoder: &Weights<'_>,
    name: &str,
    x: &Value,
    outputs: usize,
) -> Result<Value, CheckpointError> {
    let weights = decoder.module(name);
    g.scoped(name, |g| {
        let mut x = x.clone();
        for (layer, outputs) in [NECK_DIM, NECK_DIM, outputs].into_iter().enumerate() {
            let layer_name = format!("layers.{layer}");
            x = g.linear(&layer_name, &x, &weights.linear(&layer_name, NECK_DIM, outputs)?);
            if layer < 2 {
                x = g.node("Relu", &[&x], &[]);
            }
        }
        Ok(x)
    })
}
