//! Edge stream and CH-Adapter (MODEL.md section 2).

use super::init::SOBEL;
use super::params::{Params, gelu};
use tch::{Kind, Tensor};
use uniultra_manifest::EdgeLayout;

const TRUNK: &str = "image_encoder.trunk";

/// Least squared magnitude: the slope of the square root is infinite at zero.
const SMALLEST_SQUARE: f64 = 1e-12;

/// The edge map of a stage.
#[derive(Debug)]
pub(super) struct Edges {
    /// `[B, 4, H, W]`, or with H and W swapped in the reference layout.
    map: Tensor,
    /// Sobel magnitude `[B, 1, H, W]`, the same for each block while the kernels are the fixed
    /// ones; otherwise each block computes its own.
    magnitude: Option<Tensor>,
}

impl Edges {
    /// The first edge map, from the embedding `[B, H, W, C]` with its position.
    pub(super) fn new(params: &Params, embedding: &Tensor) -> Self {
        let planes = match params.spec.edge_layout {
            EdgeLayout::Spatial => embedding.permute([0, 3, 1, 2]),
            EdgeLayout::Reference => embedding.transpose(1, 3),
        };
        let map = gelu(&params.conv(&format!("{TRUNK}.edge_blocks.0"), &planes, 1, 1));
        Self::with_magnitude(params, map)
    }

    /// The next stage's edge map.
    pub(super) fn pooled(&self, params: &Params) -> Self {
        Self::with_magnitude(params, self.map.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false))
    }

    fn with_magnitude(params: &Params, map: Tensor) -> Self {
        let magnitude = params.has_fixed_sobel().then(|| {
            // All channels of a kernel are alike, so their sum is convolved once.
            let sum = map.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
            let values: Vec<f32> = SOBEL.iter().flat_map(|(_, kernel)| *kernel).collect();
            let kernels = Tensor::from_slice(&values).reshape([4, 1, 3, 3]).to_device(sum.device());
            let gradients = sum.conv2d(&kernels, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1);
            root(&gradients.square().sum_dim_intlist([1_i64].as_slice(), true, Kind::Float))
        });
        Self { map, magnitude }
    }

    /// The edges' part of the adapter's output, for tokens of `size`, `[B, H, W, C]`.
    pub(super) fn lifted(&self, params: &Params, name: &str, size: &[i64]) -> Tensor {
        let weight = params.get(&format!("{name}.upscale.weight"));
        let bias = params.get(&format!("{name}.upscale.bias"));
        // Four equal channels: one map times the summed weights.
        let lifted = match &self.magnitude {
            Some(magnitude) => {
                let summed = weight.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
                magnitude.conv2d(&summed, Some(bias), [1, 1], [0, 0], [1, 1], 1)
            }
            None => {
                let magnitude = stored_magnitude(params, name, &self.map);
                magnitude.conv2d(weight, Some(bias), [1, 1], [0, 0], [1, 1], 1)
            }
        };
        match params.spec.edge_layout {
            EdgeLayout::Spatial => lifted.permute([0, 2, 3, 1]),
            // Read in memory order, as the published code does.
            EdgeLayout::Reference => lifted.contiguous().reshape(size),
        }
    }

    /// The adapter's output for normalised tokens `[B, H, W, C]`.
    pub(super) fn adapter(&self, params: &Params, name: &str, xn: &Tensor) -> Tensor {
        let context = params.linear(&format!("{name}.D_fc1"), xn);
        let context = params.linear(&format!("{name}.D_fc2"), &gelu(&context));
        context + self.lifted(params, name, &xn.size())
    }
}

/// Magnitude `[B, 4, H, W]` with the kernels that the checkpoint holds.
fn stored_magnitude(params: &Params, name: &str, map: &Tensor) -> Tensor {
    let squares = SOBEL.iter().map(|(kernel, _)| {
        let weight = params.get(&format!("{name}.{kernel}"));
        map.conv2d(weight, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1).square()
    });
    let total = squares.reduce(|sum, next| sum + next);
    root(&total.unwrap_or_else(|| map.zeros_like()))
}

fn root(square: &Tensor) -> Tensor {
    square.clamp_min(SMALLEST_SQUARE).sqrt()
}
