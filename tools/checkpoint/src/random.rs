//! Random checkpoints for tests. Such a network computes finite numbers, but does not segment.

use crate::inventory::{Need, Parameter};
use crate::{Architecture, Checkpoint, EDGE_CHANNELS, Tensor};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

/// The fixed kernels of the CH-Adapter, row by row (MODEL.md section 2).
const SOBEL: [(&str, [f32; 9]); 4] = [
    (".weight_h", [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]),
    (".weight_v", [1.0, 2.0, 1.0, 0.0, 0.0, 0.0, -1.0, -2.0, -1.0]),
    (".weight_h2", [0.0, 1.0, 2.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.0]),
    (".weight_v2", [2.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, -2.0]),
];

/// Weights for everything that image segmentation uses, object score head included. The same seed
/// gives the same weights.
///
/// Activations keep their scale: weights have the standard deviation 1/sqrt(fan-in), the
/// affine parts of norms lie near one, biases near zero, and Sobel kernels are the fixed ones.
#[must_use]
pub fn random_checkpoint(architecture: &Architecture, seed: u64) -> Checkpoint {
    let mut random = Pcg64::seed_from_u64(seed);
    let parameters = architecture.parameters().into_iter();
    let needed = parameters.filter(|parameter| parameter.component.need() != Need::VideoOnly);
    let tensors = needed.filter_map(|parameter| {
        let data = values(&parameter, &mut random);
        let tensor = Tensor::new(parameter.shape, data).ok()?;
        Some((parameter.name, tensor))
    });
    Checkpoint::from_tensors(tensors.collect())
}

fn values(parameter: &Parameter, random: &mut Pcg64) -> Vec<f32> {
    let Parameter { name, shape, .. } = parameter;
    if let Some((_, kernel)) = SOBEL.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return kernel.repeat(EDGE_CHANNELS * EDGE_CHANNELS);
    }
    let (mean, deviation) = distribution(name, shape);
    let normal = |_| {
        let value: f32 = StandardNormal.sample(random);
        mean + deviation * value
    };
    (0..parameter.element_count()).map(normal).collect()
}

/// Mean and standard deviation.
fn distribution(name: &str, shape: &[usize]) -> (f32, f32) {
    let embedding = ["_token", "_tokens", "_embed", "point_embeddings"]
        .iter()
        .any(|word| name.contains(&format!("{word}.")))
        && !name.contains("patch_embed");
    match (name.ends_with(".weight"), shape) {
        _ if name.ends_with(".bias") => (0.0, 0.05),
        (true, [_]) => (1.0, 0.1),
        (true, _) if embedding => (0.0, 0.5),
        // Transposed convolutions store inputs first, and their strides equal the kernel's side.
        (true, [inputs, ..]) if name.contains(".output_upscaling.") => (0.0, inverse_root(*inputs)),
        (true, [_, fan_in @ ..]) => (0.0, inverse_root(fan_in.iter().product())),
        _ if name.ends_with("gaussian_matrix") => (0.0, 1.0),
        // Position grids and `no_mem_embed`.
        _ => (0.0, 0.2),
    }
}

fn inverse_root(fan_in: usize) -> f32 {
    1.0 / (fan_in as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_complete_deterministic_and_finite() {
        let mini: Architecture = "uniultra-mini".parse().unwrap();
        let checkpoint = random_checkpoint(&mini, 7);
        let found = checkpoint.recognise().unwrap();
        assert_eq!(found.complete().unwrap(), mini);
        assert!(found.has_object_score_head && !found.has_video);
        assert!(found.unexpected.is_empty());
        assert_eq!(checkpoint.sha256(), random_checkpoint(&mini, 7).sha256());
        assert_ne!(checkpoint.sha256(), random_checkpoint(&mini, 8).sha256());
        for (name, tensor) in checkpoint.tensors() {
            assert!(tensor.first_non_finite().is_none(), "{name}");
        }
    }

    #[test]
    fn sobel_kernels_are_the_fixed_ones_in_every_channel_pair() {
        let mini: Architecture = "uniultra-mini".parse().unwrap();
        let checkpoint = random_checkpoint(&mini, 1);
        for (suffix, kernel) in SOBEL {
            let name = format!("image_encoder.trunk.blocks.3.train_edge{suffix}");
            let tensor = checkpoint.tensor(&name, &[4, 4, 3, 3]).unwrap();
            assert!(tensor.data().chunks(9).all(|chunk| chunk == kernel), "{name}");
            assert_eq!(kernel.iter().sum::<f32>(), 0.0, "an edge kernel sees no flat area");
        }
    }
}
