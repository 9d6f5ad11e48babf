//! The FPN neck, and the tensors that the mask decoder takes from it (MODEL.md section 2, "FPN
//! neck").

use super::FeatureMap;
use crate::Design;
use crate::linear::Linear;
use crate::onnx::{Attribute, Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{Checkpoint, CheckpointError, NECK_DIM};

/// Channels of the two high-resolution outputs, strides 4 and 8.
const HIGH_RES_DIMS: [usize; 2] = [32, 64];

/// Writes the graph's three outputs from the four stage outputs, finest first.
pub(super) fn build(
    g: &mut Graph,
    checkpoint: &Checkpoint,
    design: &Design,
    stages: &[FeatureMap],
) -> Result<(), CheckpointError> {
    let neck = Weights::new(checkpoint, "image_encoder.neck");
    let decoder = Weights::new(checkpoint, "sam_mask_decoder");
    let no_memory = checkpoint.tensor("no_mem_embed", &[1, 1, NECK_DIM])?.data();

    let mut outputs: Vec<(&str, Value)> = Vec::with_capacity(3);
    let mut coarse: Option<Value> = None;
    // Coarsest first: `convs.0` serves stride 32, and stride 16 needs its result.
    for (level, map) in stages.iter().enumerate().rev() {
        let name = format!("convs.{}", stages.len() - 1 - level);
        let lateral = neck.module(&name).pointwise("conv", map.channels, NECK_DIM)?;
        match level {
            3 => coarse = Some(pointwise(g, &name, map, &lateral)),
            2 => {
                let lateral = if design.simplify { lateral.shift(no_memory) } else { lateral };
                let fine = pointwise(g, &name, map, &lateral);
                let mut sum = match coarse.take() {
                    Some(coarse) => add_upsampled(g, &fine, &coarse, map.side, design.simplify),
                    None => fine,
                };
                if !design.simplify {
                    let embed = g.weight("no_mem_embed", &[1, NECK_DIM, 1, 1], no_memory);
                    sum = g.add(&sum, &embed);
                }
                outputs.push(("image_embed", sum));
            }
            _ => {
                let conv = format!("conv_s{level}");
                let dim = HIGH_RES_DIMS[level];
                let reduce = decoder.pointwise(&conv, NECK_DIM, dim)?;
                // Two 1x1 convolutions in a row are one (MODEL.md 7.2).
                let features = if design.simplify {
                    pointwise(g, &conv, map, &reduce.compose(&lateral))
                } else {
                    let lateral = pointwise(g, &name, map, &lateral);
                    let weight = g.weight(
                        &format!("{conv}/weight"),
                        &[dim, NECK_DIM, 1, 1],
                        reduce.weight(),
                    );
                    let bias = g.weight(&format!("{conv}/bias"), &[dim], reduce.bias());
                    g.conv(&lateral, &weight, Some(&bias), 1, 1, 0)
                };
                outputs.push((["high_res_feats_0", "high_res_feats_1"][level], features));
            }
        }
    }
    // The contract lists image_embed first, then the finest map.
    for name in ["image_embed", "high_res_feats_0", "high_res_feats_1"] {
        if let Some((_, value)) = outputs.iter().find(|(output, _)| *output == name) {
            g.output(name, value);
        }
    }
    Ok(())
}

/// A 1x1 convolution of tokens `[n * n, C]` to planes `[1, out, n, n]`.
fn pointwise(g: &mut Graph, name: &str, map: &FeatureMap, linear: &Linear) -> Value {
    g.scoped(name, |g| {
        let (dim, side) = (linear.outputs(), map.side as i64);
        let weight = g.weight("weight", &[dim, linear.inputs()], linear.weight());
        let bias = g.weight("bias", &[dim, 1], linear.bias());
        let columns = g.transpose(&map.tokens, &[1, 0]);
        let planes = g.matmul(&weight, &columns);
        let planes = g.add(&planes, &bias);
        g.reshape(&planes, &[1, dim as i64, side, side])
    })
}

/// `fine [1, C, n, n]` plus `coarse [1, C, n/2, n/2]` repeated 2x2.
fn add_upsampled(
    g: &mut Graph,
    fine: &Value,
    coarse: &Value,
    side: usize,
    simplify: bool,
) -> Value {
    let (side, half) = (side as i64, side as i64 / 2);
    let dim = NECK_DIM as i64;
    if simplify {
        // Nearest-neighbour doubling is broadcasting over two axes of size 1.
        let fine = g.reshape(fine, &[dim, half, 2, half, 2]);
        let coarse = g.reshape(coarse, &[dim, half, 1, half, 1]);
        let sum = g.add(&fine, &coarse);
        return g.reshape(&sum, &[1, dim, side, side]);
    }
    let region = g.weight("roi", &[0], &[]);
    let scales = g.weight("scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let attributes = [
        Attribute::Text("mode", "nearest"),
        Attribute::Text("coordinate_transformation_mode", "asymmetric"),
        Attribute::Text("nearest_mode", "floor"),
    ];
    let upsampled = g.node("Resize", &[coarse, &region, &scales], &attributes);
    g.add(fine, &upsampled)
}
