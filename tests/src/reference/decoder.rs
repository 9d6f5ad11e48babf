//! The mask decoder: transformer, upscaling, and its three heads.

use super::WIDTH;
use super::encoder::Features;
use super::layers::{conv_transpose_2x2, gelu, layer_norm_2d, relu_mlp};
use super::maps::Planes;
use super::prompt::{dense_position, dense_prompt, sparse_prompts};
use super::transformer::two_way_transformer;
use super::weights::Weights;

const DECODER: &str = "sam_mask_decoder";
const MASK_TOKENS: usize = 4;

/// Object score for a checkpoint without that head: the logit that the published decoder uses for
/// "present".
const PRESENT: f32 = 10.0;

/// The mask decoder's prediction for a prompt.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// [4, S/4, S/4] raw logits of mask tokens 0 to 3.
    pub masks: Vec<f32>,
    /// Predicted IoU of each mask, after the sigmoid.
    pub iou: [f32; 4],
    /// Logit of "there is an object"; 10 where `pred_obj_score_head` is absent.
    pub object_score_logit: f32,
}

/// Masks for one prompt: `points` (x, y) in S-pixel space with labels 0 background, 1 foreground, 2
/// and 3 a box's corners (which come first), -1 padding; one padding point is appended here.
/// `mask_input`: logits [S/4, S/4].
///
/// # Panics
/// If the sizes disagree, or a weight is absent or misshapen.
#[must_use]
pub fn mask_decoder(
    weights: &dyn Weights,
    features: &Features,
    s: usize,
    points: &[[f32; 2]],
    labels: &[f32],
    mask_input: Option<&[f32]>,
) -> Decoded {
    let g = s / 16;
    let mut tokens = Vec::new();
    for (name, count) in [("obj_score_token", 1), ("iou_token", 1), ("mask_tokens", MASK_TOKENS)] {
        let name = format!("{DECODER}.{name}.weight");
        tokens.extend_from_slice(weights.of_shape(&name, &[count, WIDTH]));
    }
    tokens.extend(sparse_prompts(weights, s, points, labels));

    let mut image = Planes::new(WIDTH, g, g, features.image_embed.clone()).to_tokens();
    image.add_scaled(&dense_prompt(weights, g, mask_input), 1.0);
    let position = dense_position(weights, g);
    let (tokens, keys) = two_way_transformer(weights, &tokens, &image.data, &position.data);
    image.data = keys;

    let token = |index: usize| &tokens[index * WIDTH..][..WIDTH];
    let upscaled = upscale(weights, &image.to_planes(), features);
    let mut masks = Vec::with_capacity(MASK_TOKENS * upscaled.h * upscaled.w);
    for mask in 0..MASK_TOKENS {
        let name = format!("{DECODER}.output_hypernetworks_mlps.{mask}");
        let kernel = relu_mlp(weights, &name, 3, token(2 + mask));
        masks.extend(weighted_sum(&kernel, &upscaled));
    }

    let iou = relu_mlp(weights, &format!("{DECODER}.iou_prediction_head"), 3, token(1));
    let iou: [f32; MASK_TOKENS] = iou.try_into().expect("one IoU a mask token");
    let score_head = format!("{DECODER}.pred_obj_score_head");
    let object_score_logit = match weights.find(&format!("{score_head}.layers.0.weight")) {
        Some(_) => relu_mlp(weights, &score_head, 3, token(0))[0],
        None => PRESENT,
    };
    Decoded { masks, iou: iou.map(sigmoid), object_score_logit }
}

/// Upscales the transformer's image tokens (256, g, g) to (32, 4g, 4g) and adds the encoder's finer
/// features.
fn upscale(weights: &dyn Weights, image: &Planes, features: &Features) -> Planes {
    let name = |layer: usize| format!("{DECODER}.output_upscaling.{layer}");
    let mut x = conv_transpose_2x2(weights, &name(0), image);
    add(&mut x, &features.high_res_feats_1);
    x = layer_norm_2d(weights, &name(1), &x);
    gelu(&mut x.data);
    x = conv_transpose_2x2(weights, &name(3), &x);
    add(&mut x, &features.high_res_feats_0);
    gelu(&mut x.data);
    x
}

fn add(x: &mut Planes, features: &[f32]) {
    assert_eq!(x.data.len(), features.len(), "high-resolution features");
    x.data.iter_mut().zip(features).for_each(|(a, b)| *a += b);
}

/// One mask: the channels of `x`, each times its kernel value.
fn weighted_sum(kernel: &[f32], x: &Planes) -> Vec<f32> {
    assert_eq!(kernel.len(), x.c, "one kernel value a channel");
    let pixels = x.h * x.w;
    let mut sums = vec![0.0_f64; pixels];
    for (&k, plane) in kernel.iter().zip(x.data.chunks_exact(pixels)) {
        for (sum, &v) in sums.iter_mut().zip(plane) {
            *sum += f64::from(k) * f64::from(v);
        }
    }
    sums.into_iter().map(|v| v as f32).collect()
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_the_kernel_times_the_channels() {
        let x = Planes::new(2, 1, 2, vec![1.0, 2.0, 10.0, 20.0]);
        assert_eq!(weighted_sum(&[3.0, -0.5], &x), [-2.0, -4.0]);
        assert!((sigmoid(0.0) - 0.5).abs() < 1e-9 && sigmoid(-200.0) == 0.0);
    }
}
