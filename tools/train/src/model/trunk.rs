//! The Hiera trunk with its CH-Adapters (MODEL.md section 2). Tokens are `[B, H, W, C]`.

use super::adapter::Edges;
use super::attention::attend;
use super::params::{Params, gelu};
use super::quantization;
use tch::Tensor;
use uniultra_checkpoint::Block;

pub(super) const TRUNK: &str = "image_encoder.trunk";

/// Epsilon of the trunk's LayerNorms.
pub(super) const EPS: f64 = 1e-6;

/// Share of the adapter's output in a block's.
pub(super) const ADAPTER_SCALE: f64 = 0.5;

/// One of the three streams that a stage's last block ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The stage's output: the other two added.
    Sum,
    /// The block's output without its adapter.
    Hiera,
    /// The adapter's contribution to the output.
    Adapter,
}

/// Outputs of the four stages, strides 4, 8, 16 and 32, each `[B, C, H, W]`.
#[derive(Debug)]
pub struct Stages {
    /// The feature maps.
    pub sum: [Tensor; 4],
    /// The streams without and of the adapters, where asked for and there.
    pub streams: Option<[[Tensor; 4]; 2]>,
}

impl Stages {
    /// The four maps of a stream; `None` where it was not kept.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> Option<&[Tensor; 4]> {
        match stream {
            Stream::Sum => Some(&self.sum),
            Stream::Hiera => self.streams.as_ref().map(|[hiera, _]| hiera),
            Stream::Adapter => self.streams.as_ref().map(|[_, adapter]| adapter),
        }
    }
}

/// Runs the trunk on a normalised image `[B, 3, S, S]`.
#[must_use]
pub fn trunk(params: &Params, image: &Tensor, keep_streams: bool) -> Stages {
    let patches = params.conv(&format!("{TRUNK}.patch_embed.proj"), image, 4, 3);
    let mut x =
        (patches + position(params, image.size()[2] / 4)).permute([0, 2, 3, 1]).contiguous();
    let adapted = params.spec.architecture.ch_adapters;
    let mut edges = adapted.then(|| Edges::new(params, &x));
    let (mut sums, mut hieras, mut adapters) = (Vec::new(), Vec::new(), Vec::new());
    for block in params.hiera().blocks() {
        let (hiera, adapter) = run_block(params, &block, &x, edges.as_ref());
        x = match &adapter {
            Some(adapter) => &hiera + adapter,
            None => hiera.shallow_clone(),
        };
        if block.ends_stage {
            let planes = |x: &Tensor| x.permute([0, 3, 1, 2]);
            sums.push(planes(&x));
            if let (true, Some(adapter)) = (keep_streams, &adapter) {
                hieras.push(planes(&hiera));
                adapters.push(planes(adapter));
            }
            if block.stage < 3 {
                edges = edges.map(|edges| edges.pooled(params));
            }
        }
    }
    let four = |maps: Vec<Tensor>| <[Tensor; 4]>::try_from(maps).ok();
    let streams = four(hieras).zip(four(adapters)).map(|(hiera, adapter)| [hiera, adapter]);
    Stages { sum: four(sums).unwrap_or_else(|| std::array::from_fn(|_| Tensor::new())), streams }
}

/// A block's output without its adapter's part, and that part.
fn run_block(
    params: &Params,
    block: &Block,
    x: &Tensor,
    edges: Option<&Edges>,
) -> (Tensor, Option<Tensor>) {
    if params.is_folded() {
        return quantization::block::run_block(params, block, x, edges);
    }
    let name = format!("{TRUNK}.blocks.{}", block.index);
    let xn = params.norm(&format!("{name}.norm1"), x, EPS);
    let shortcut = if block.dim_in == block.dim_out {
        x.shallow_clone()
    } else {
        let wide = params.linear(&format!("{name}.proj"), &xn);
        if block.pools { pool(&wide) } else { wide }
    };
    let x = shortcut + attention(params, &name, block, &xn);
    let xn = params.norm(&format!("{name}.norm2"), &x, EPS);
    let hiera = x + params.mlp(&format!("{name}.mlp"), 2, &xn, gelu);
    let adapter = edges
        .map(|edges| edges.adapter(params, &format!("{name}.train_edge"), &xn) * ADAPTER_SCALE);
    (hiera, adapter)
}

/// Attention in windows (or over all tokens), with the queries pooled where the block pools.
fn attention(params: &Params, name: &str, block: &Block, xn: &Tensor) -> Tensor {
    let (batch, height, width, _) = xn.size4().unwrap_or_default();
    let window = block.window as i64;
    let (windows, [h, w]) = if window == 0 {
        (xn.shallow_clone(), [height, width])
    } else {
        (partition(xn, window), [window, window])
    };
    let count = windows.size()[0];
    let (heads, dim) = (block.heads as i64, block.dim_out as i64);
    let qkv = params.linear(&format!("{name}.attn.qkv"), &windows);
    let qkv = qkv.reshape([count, h * w, 3, dim]);
    let part = |index: i64| qkv.select(2, index);
    let split = |x: &Tensor| x.reshape([count, -1, heads, dim / heads]).transpose(1, 2);
    let (queries, [qh, qw]) = if block.pools {
        (pool(&part(0).reshape([count, h, w, dim])), [h / 2, w / 2])
    } else {
        (part(0), [h, w])
    };
    let out = attend(params, &split(&queries), &split(&part(1)), &split(&part(2)));
    let out = out.transpose(1, 2).reshape([count, qh, qw, dim]);
    let out = params.linear(&format!("{name}.attn.proj"), &out);
    if window == 0 {
        return out;
    }
    let factor = if block.pools { 2 } else { 1 };
    join(&out, batch, window / factor, [height / factor, width / factor])
}

/// 2x2 max-pooling of `[B, H, W, C]`.
pub(super) fn pool(x: &Tensor) -> Tensor {
    let planes = x.permute([0, 3, 1, 2]);
    planes.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).permute([0, 2, 3, 1])
}

/// `[B, H, W, C]`, padded with zeros right and bottom, as windows `[B n, window, window, C]`.
fn partition(x: &Tensor, window: i64) -> Tensor {
    let (batch, height, width, dim) = x.size4().unwrap_or_default();
    let [pad_h, pad_w] = [height, width].map(|side| (window - side % window) % window);
    let padded = if pad_h + pad_w == 0 {
        x.shallow_clone()
    } else {
        x.constant_pad_nd([0, 0, 0, pad_w, 0, pad_h])
    };
    let [rows, columns] = [(height + pad_h) / window, (width + pad_w) / window];
    padded
        .reshape([batch, rows, window, columns, window, dim])
        .transpose(2, 3)
        .reshape([-1, window, window, dim])
}

/// The reverse of [`partition`], cropped to `[B, height, width, C]`.
fn join(windows: &Tensor, batch: i64, window: i64, [height, width]: [i64; 2]) -> Tensor {
    let dim = windows.size()[3];
    let [rows, columns] =
        [height, width].map(|side| side.div_euclid(window) + i64::from(side % window != 0));
    let map = windows
        .reshape([batch, rows, columns, window, window, dim])
        .transpose(2, 3)
        .reshape([batch, rows * window, columns * window, dim]);
    map.narrow(1, 0, height).narrow(2, 0, width)
}

/// Background grid, resized bicubically, plus the tiled window: `[1, C, side, side]`.
fn position(params: &Params, side: i64) -> Tensor {
    let grid = params.get(&format!("{TRUNK}.pos_embed"));
    let window = params.get(&format!("{TRUNK}.pos_embed_window"));
    let tile = window.size()[3];
    let repeats = (side + tile - 1) / tile;
    let tiled = window.repeat([1, 1, repeats, repeats]).narrow(2, 0, side).narrow(3, 0, side);
    grid.upsample_bicubic2d([side, side], false, None, None) + tiled
}
