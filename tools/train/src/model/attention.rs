//! Multi-head attention over tokens.

use super::Precision;
use super::params::{Params, half};
use tch::{Kind, Tensor};

/// `softmax(q k^T / sqrt(d)) v` of `[B, heads, N, d]`.
pub(super) fn attend(params: &Params, q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let run = |q: &Tensor, k: &Tensor, v: &Tensor| {
        Tensor::scaled_dot_product_attention(q, k, v, None::<&Tensor>, 0.0, false, None, false)
    };
    match params.precision {
        Precision::F32 => run(q, k, v),
        Precision::Bf16 => run(&half(q), &half(k), &half(v)).to_kind(Kind::Float),
    }
}

/// `[B, N, C]` to `[B, heads, N, C / heads]`.
pub(super) fn split_heads(x: &Tensor, heads: i64) -> Tensor {
    let (batch, count, width) = x.size3().unwrap_or_default();
    x.reshape([batch, count, heads, width / heads]).transpose(1, 2)
}

/// The reverse of [`split_heads`].
pub(super) fn join_heads(x: &Tensor) -> Tensor {
    let (batch, heads, count, depth) = x.size4().unwrap_or_default();
    x.transpose(1, 2).reshape([batch, count, heads * depth])
}
