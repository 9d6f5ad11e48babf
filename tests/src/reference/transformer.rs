//! The two-way transformer between prompt tokens and image tokens.

use super::WIDTH;
use super::attention::attention;
use super::layers::{layer_norm, linear, relu_mlp};
use super::weights::Weights;

const HEADS: usize = 8;
const DEPTH: usize = 2;
/// Epsilon of the transformer's LayerNorms.
const EPS: f64 = 1e-5;
const TRANSFORMER: &str = "sam_mask_decoder.transformer";

/// Prompt tokens [n, 256] and image tokens [m, 256] after the transformer. `position` [m, 256] is
/// the image's position encoding; that of the tokens is the tokens themselves, as they come in.
pub(super) fn two_way_transformer(
    weights: &dyn Weights,
    tokens: &[f32],
    image: &[f32],
    position: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let mut queries = tokens.to_vec();
    let mut keys = image.to_vec();
    for layer in 0..DEPTH {
        let name = |part: &str| format!("{TRANSFORMER}.layers.{layer}.{part}");
        let norm = |part: &str, x: &[f32]| layer_norm(weights, &name(part), x, EPS);

        queries = if layer == 0 {
            multi_head(weights, &name("self_attn"), &queries, &queries, &queries)
        } else {
            let q = sum(&queries, tokens);
            sum(&queries, &multi_head(weights, &name("self_attn"), &q, &q, &queries))
        };
        queries = norm("norm1", &queries);

        let (q, k) = (sum(&queries, tokens), sum(&keys, position));
        let from_image = multi_head(weights, &name("cross_attn_token_to_image"), &q, &k, &keys);
        queries = norm("norm2", &sum(&queries, &from_image));

        let mlp = relu_mlp(weights, &name("mlp"), 2, &queries);
        queries = norm("norm3", &sum(&queries, &mlp));

        let (q, k) = (sum(&queries, tokens), sum(&keys, position));
        let from_tokens = multi_head(weights, &name("cross_attn_image_to_token"), &k, &q, &queries);
        keys = norm("norm4", &sum(&keys, &from_tokens));
    }
    let (q, k) = (sum(&queries, tokens), sum(&keys, position));
    let last = format!("{TRANSFORMER}.final_attn_token_to_image");
    let attended = multi_head(weights, &last, &q, &k, &keys);
    let norm = format!("{TRANSFORMER}.norm_final_attn");
    queries = layer_norm(weights, &norm, &sum(&queries, &attended), EPS);
    (queries, keys)
}

/// Projected attention; the inner width is that of `q_proj` (256, or 128 in cross-attention).
fn multi_head(weights: &dyn Weights, name: &str, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f32> {
    let inner = weights.get(&format!("{name}.q_proj.weight")).0[0];
    let project = |part: &str, x: &[f32]| linear(weights, &format!("{name}.{part}"), x);
    let mixed = attention(
        &project("q_proj", q),
        &project("k_proj", k),
        &project("v_proj", v),
        inner,
        HEADS,
    );
    project("out_proj", &mixed)
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    assert!(a.len() == b.len() && a.len().is_multiple_of(WIDTH), "rows of {WIDTH} to add");
    a.iter().zip(b).map(|(x, y)| x + y).collect()
}
