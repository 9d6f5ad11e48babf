//! The CH-Adapter: bottleneck context and four-directional Sobel edges (MODEL.md section 2).

use crate::Design;
use crate::linear::Linear;
use crate::onnx::{Attribute, Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, EDGE_CHANNELS, Hiera};
use uniultra_manifest::EdgeLayout;

/// Weight of the adapter's output in the block's sum.
pub(super) const WEIGHT: f32 = 0.5;

/// Kernel names in checkpoints and the fixed 3x3 kernels: horizontal, vertical, two diagonals.
const SOBEL: [(&str, [f32; 9]); 4] = [
    ("weight_h", [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]),
    ("weight_v", [1.0, 2.0, 1.0, 0.0, 0.0, 0.0, -1.0, -2.0, -1.0]),
    ("weight_h2", [0.0, 1.0, 2.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.0]),
    ("weight_v2", [2.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, -2.0]),
];

/// One block's adapter.
pub(super) struct Adapter {
    /// `D_fc1`, D to D/4.
    pub(super) reduce: Linear,
    /// `D_fc2`, D/4 to D.
    pub(super) expand: Linear,
    /// 1x1 convolution, 4 to D.
    upscale: Linear,
    /// The stored kernels, `[4, 4, 3, 3]` each, in the order of [`SOBEL`].
    kernels: [Vec<f32>; 4],
    /// Whether the simplified form is used: asked for, and the kernels are the fixed ones.
    shared_magnitude: bool,
    layout: EdgeLayout,
}

impl Adapter {
    /// The context path's second layer with the adapter's weight folded in.
    pub(super) fn context(&self) -> Linear {
        self.expand.scale(WEIGHT)
    }

    /// The part that [`EdgeBranch::edge_tokens`] leaves out in the simplified form: the edge path's
    /// bias, which is the same for every token.
    pub(super) fn edge_bias(&self) -> Option<Vec<f32>> {
        (self.shared_magnitude && self.layout == EdgeLayout::Spatial)
            .then(|| self.upscale.scale(WEIGHT).bias().to_vec())
    }
}

/// The edge feature map as it travels down the stages.
pub(super) struct EdgeBranch {
    /// `[1, 4, n, n]`; axes swapped in the reference layout.
    map: Value,
    side: usize,
    /// `[1, 1, n, n]`, computed once a stage (MODEL.md 7.1).
    magnitude: Option<Value>,
    simplify: bool,
    layout: EdgeLayout,
}

impl EdgeBranch {
    /// `embedding [1, C, n, n]` with its position added.
    pub(super) fn start(
        g: &mut Graph,
        trunk: &Weights<'_>,
        hiera: &Hiera,
        design: &Design,
        embedding: &Value,
    ) -> Result<Self, CheckpointError> {
        let weights = trunk.module("edge_blocks.0");
        let channels = hiera.embed_dim;
        let weight = weights.tensor("weight", &[EDGE_CHANNELS, channels, 3, 3])?;
        let bias = weights.tensor("bias", &[EDGE_CHANNELS])?;
        let map = g.scoped("edge_blocks.0", |g| {
            let input = match design.edge_layout {
                EdgeLayout::Spatial => embedding.clone(),
                // The published code hands over [C, W, H] in place of [C, H, W].
                EdgeLayout::Reference => g.transpose(embedding, &[0, 1, 3, 2]),
            };
            let weight = g.weight("weight", &[EDGE_CHANNELS, channels, 3, 3], weight);
            let bias = g.weight("bias", &[EDGE_CHANNELS], bias);
            let map = g.conv(&input, &weight, Some(&bias), 3, 1, 1);
            g.gelu(&map)
        });
        let side = design.image_size / 4;
        Ok(Self {
            map,
            side,
            magnitude: None,
            simplify: design.simplify,
            layout: design.edge_layout,
        })
    }

    /// Pools the map; the magnitude is computed anew when next asked for.
    pub(super) fn next_stage(&mut self, g: &mut Graph) {
        self.map = g.scoped("edge_blocks.0", |g| g.max_pool(&self.map));
        self.side /= 2;
        self.magnitude = None;
    }

    /// Reads the adapter of a block with `dim` channels.
    pub(super) fn adapter(
        &self,
        block: &Weights<'_>,
        dim: usize,
    ) -> Result<Adapter, CheckpointError> {
        let weights = block.module("train_edge");
        let mut kernels: [Vec<f32>; 4] = Default::default();
        let mut fixed = true;
        for (kernel, (name, sobel)) in kernels.iter_mut().zip(SOBEL) {
            let stored = weights.tensor(name, &[EDGE_CHANNELS, EDGE_CHANNELS, 3, 3])?;
            fixed &= stored.chunks_exact(9).all(|one| one == sobel);
            *kernel = stored.to_vec();
        }
        Ok(Adapter {
            reduce: weights.linear("D_fc1", dim, dim / 4)?,
            expand: weights.linear("D_fc2", dim / 4, dim)?,
            upscale: weights.pointwise("upscale", EDGE_CHANNELS, dim)?,
            kernels,
            shared_magnitude: self.simplify && fixed,
            layout: self.layout,
        })
    }

    /// The edge path's output, `[n * n, D]`; in the simplified export already times [`WEIGHT`],
    /// and without [`Adapter::edge_bias`].
    pub(super) fn edge_tokens(&mut self, g: &mut Graph, adapter: &Adapter) -> Value {
        if adapter.shared_magnitude {
            return self.rank_one_tokens(g, adapter);
        }
        let magnitude = general_magnitude(g, &self.map, &adapter.kernels);
        let dim = adapter.upscale.outputs();
        let upscale =
            if self.simplify { adapter.upscale.scale(WEIGHT) } else { adapter.upscale.clone() };
        let weight = g.weight("upscale/weight", &[dim, EDGE_CHANNELS, 1, 1], upscale.weight());
        let bias = g.weight("upscale/bias", &[dim], upscale.bias());
        let edges = g.conv(&magnitude, &weight, Some(&bias), 1, 1, 0);
        let edges = match self.layout {
            EdgeLayout::Spatial => g.transpose(&edges, &[0, 2, 3, 1]),
            // The published code reinterprets [D, W, H] in memory as [H, W, D].
            EdgeLayout::Reference => edges,
        };
        g.reshape(&edges, &[-1, dim as i64])
    }

    /// Four equal channels times a 4 -> D matrix: the magnitude times the summed columns.
    fn rank_one_tokens(&mut self, g: &mut Graph, adapter: &Adapter) -> Value {
        let magnitude = match self.magnitude.take() {
            Some(magnitude) => magnitude,
            None => shared_magnitude(g, &self.map),
        };
        self.magnitude = Some(magnitude.clone());
        let upscale = adapter.upscale.scale(WEIGHT);
        let dim = upscale.outputs();
        let rows = upscale.weight().chunks_exact(EDGE_CHANNELS);
        let column: Vec<f32> =
            rows.map(|row| row.iter().copied().map(f64::from).sum::<f64>() as f32).collect();
        match self.layout {
            EdgeLayout::Spatial => {
                let magnitude = g.reshape(&magnitude, &[(self.side * self.side) as i64, 1]);
                let column = g.weight("upscale/column", &[1, dim], &column);
                g.mul(&magnitude, &column)
            }
            EdgeLayout::Reference => {
                let magnitude = g.reshape(&magnitude, &[1, (self.side * self.side) as i64]);
                let column = g.weight("upscale/column", &[dim, 1], &column);
                let bias = g.weight("upscale/bias", &[dim, 1], upscale.bias());
                let planes = g.mul(&column, &magnitude);
                let planes = g.add(&planes, &bias);
                g.reshape(&planes, &[-1, dim as i64])
            }
        }
    }
}

/// Edge magnitude with the fixed kernels, `[1, 1, n, n]`. Every kernel takes the same 3x3 of each
/// input channel, so the channels are summed first.
fn shared_magnitude(g: &mut Graph, map: &Value) -> Value {
    g.scoped("sobel", |g| {
        let channel_axis = g.integers(&[1]);
        let keep = [Attribute::Int("keepdims", 1)];
        let summed = g.node("ReduceSum", &[map, &channel_axis], &keep);
        let kernels: Vec<f32> = SOBEL.iter().flat_map(|(_, kernel)| *kernel).collect();
        let kernels = g.weight("weight", &[4, 1, 3, 3], &kernels);
        let directions = g.conv(&summed, &kernels, None, 3, 1, 1);
        let squared = g.mul(&directions, &directions);
        let energy = g.node("ReduceSum", &[&squared, &channel_axis], &keep);
        g.node("Sqrt", &[&energy], &[])
    })
}

/// Edge magnitude with any kernels, `[1, 4, n, n]`.
fn general_magnitude(g: &mut Graph, map: &Value, kernels: &[Vec<f32>; 4]) -> Value {
    let [h, v, h2, v2] = std::array::from_fn(|i| {
        let weight = g.weight(SOBEL[i].0, &[EDGE_CHANNELS, EDGE_CHANNELS, 3, 3], &kernels[i]);
        let response = g.conv(map, &weight, None, 3, 1, 1);
        g.mul(&response, &response)
    });
    let energy = [v, h2, v2].iter().fold(h, |sum, square| g.add(&sum, square));
    g.node("Sqrt", &[&energy], &[])
}
