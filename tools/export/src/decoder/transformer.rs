//! The two-way transformer between prompt tokens and image tokens (MODEL.md section 4).

use crate::onnx::{Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, NECK_DIM};

const DEPTH: usize = 2;
const HEADS: usize = 8;
const MLP_DIM: usize = 2048;
/// Inner width of attention between tokens and image.
const CROSS_DIM: usize = NECK_DIM / 2;
/// LayerNorm's epsilon here.
const EPSILON: f32 = 1e-5;

/// `tokens [T, 256]` and `keys [h * w, 256]` to both after the transformer.
pub(super) fn build(
    g: &mut Graph,
    weights: &Weights<'_>,
    simplify: bool,
    tokens: &Value,
    keys: &Value,
    key_position: &Value,
) -> Result<(Value, Value), CheckpointError> {
    // The initial tokens serve as the tokens' position throughout.
    let position = tokens;
    let (mut queries, mut keys) = (tokens.clone(), keys.clone());
    for layer in 0..DEPTH {
        let weights = weights.module(format!("layers.{layer}"));
        (queries, keys) = g.scoped(format!("layers.{layer}"), |g| {
            let own = Attention::read(&weights, "self_attn", NECK_DIM, simplify)?;
            let queries = if layer == 0 {
                // The first layer has neither position nor residual here.
                own.apply(g, &queries, &queries, &queries)
            } else {
                let q = g.add(&queries, position);
                let attended = own.apply(g, &q, &q, &queries);
                g.add(&queries, &attended)
            };
            let queries = norm(g, &weights, "norm1", &queries)?;

            let q = g.add(&queries, position);
            let k = g.add(&keys, key_position);
            let cross =
                Attention::read(&weights, "cross_attn_token_to_image", CROSS_DIM, simplify)?;
            let attended = cross.apply(g, &q, &k, &keys);
            let queries = g.add(&queries, &attended);
            let queries = norm(g, &weights, "norm2", &queries)?;

            let expand = weights.linear("mlp.layers.0", NECK_DIM, MLP_DIM)?;
            let contract = weights.linear("mlp.layers.1", MLP_DIM, NECK_DIM)?;
            let hidden = g.linear("mlp.layers.0", &queries, &expand);
            let hidden = g.node("Relu", &[&hidden], &[]);
            let mixed = g.linear("mlp.layers.1", &hidden, &contract);
            let queries = g.add(&queries, &mixed);
            let queries = norm(g, &weights, "norm3", &queries)?;

            // The same keys + position as above: the keys change only now.
            let q = g.add(&queries, position);
            let cross =
                Attention::read(&weights, "cross_attn_image_to_token", CROSS_DIM, simplify)?;
            let attended = cross.apply(g, &k, &q, &queries);
            let keys = g.add(&keys, &attended);
            let keys = norm(g, &weights, "norm4", &keys)?;
            Ok::<_, CheckpointError>((queries, keys))
        })?;
    }
    let q = g.add(&queries, position);
    let k = g.add(&keys, key_position);
    let last = Attention::read(weights, "final_attn_token_to_image", CROSS_DIM, simplify)?;
    let attended = last.apply(g, &q, &k, &keys);
    let queries = g.add(&queries, &attended);
    Ok((norm(g, weights, "norm_final_attn", &queries)?, keys))
}

fn norm(
    g: &mut Graph,
    weights: &Weights<'_>,
    name: &str,
    x: &Value,
) -> Result<Value, CheckpointError> {
    let (gain, shift) = weights.norm(name, NECK_DIM)?;
    Ok(g.scoped(name, |g| g.layer_norm(x, gain, shift, EPSILON)))
}

/// Multi-head attention with its four projections.
struct Attention {
    name: &'static str,
    q: crate::linear::Linear,
    k: crate::linear::Linear,
    v: crate::linear::Linear,
    out: crate::linear::Linear,
    /// Applied to the scores; `None` where it is folded into `q`.
    scale: Option<f32>,
}

impl Attention {
    fn read(
        weights: &Weights<'_>,
        name: &'static str,
        inner: usize,
        simplify: bool,
    ) -> Result<Self, CheckpointError> {
        let weights = weights.module(name);
        let scale = 1.0 / ((inner / HEADS) as f32).sqrt();
        let q = weights.linear("q_proj", NECK_DIM, inner)?;
        Ok(Self {
            name,
            q: if simplify { q.scale(scale) } else { q },
            k: weights.linear("k_proj", NECK_DIM, inner)?,
            v: weights.linear("v_proj", NECK_DIM, inner)?,
            out: weights.linear("out_proj", inner, NECK_DIM)?,
            scale: (!simplify).then_some(scale),
        })
    }

    /// `q [Q, 256]`, `k` and `v [K, 256]` to `[Q, 256]`.
    fn apply(&self, g: &mut Graph, q: &Value, k: &Value, v: &Value) -> Value {
        let inner = self.q.outputs() as i64;
        let (heads, head_dim) = (HEADS as i64, inner / HEADS as i64);
        g.scoped(self.name, |g| {
            let mut heads_of = |name: &str, x: &Value, linear, perm: &[i64]| {
                let projected = g.linear(name, x, linear);
                let split = g.reshape(&projected, &[-1, heads, head_dim]);
                g.transpose(&split, perm)
            };
            let q = heads_of("q_proj", q, &self.q, &[1, 0, 2]);
            let k = heads_of("k_proj", k, &self.k, &[1, 2, 0]);
            let v = heads_of("v_proj", v, &self.v, &[1, 0, 2]);
            let mut scores = g.matmul(&q, &k);
            if let Some(scale) = self.scale {
                let scale = g.scalar("scale", scale);
                scores = g.mul(&scores, &scale);
            }
            let weights = g.softmax(&scores);
            let attended = g.matmul(&weights, &v);
            let tokens = g.transpose(&attended, &[1, 0, 2]);
            let joined = g.reshape(&tokens, &[-1, inner]);
            g.linear("out_proj", &joined, &self.out)
        })
    }
}
