//! Initial values of parameters that no checkpoint has.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use uniultra_checkpoint::Parameter;

/// Sobel kernels of the CH-Adapter, row by row (MODEL.md section 2).
pub(super) const SOBEL: [(&str, [f32; 9]); 4] = [
    ("weight_h", [-1., 0., 1., -2., 0., 2., -1., 0., 1.]),
    ("weight_v", [1., 2., 1., 0., 0., 0., -1., -2., -1.]),
    ("weight_h2", [0., 1., 2., -1., 0., 1., -2., -1., 0.]),
    ("weight_v2", [2., 1., 0., 1., 0., -1., 0., -1., -2.]),
];

/// Deviation of positions and tokens.
const EMBEDDING_STD: f32 = 0.02;

/// Start values of a parameter: ones and zeros for normalisation and biases, Sobel kernels for
/// those, zeros for what an adapter ends in (so that an adapted network starts as the one it
/// adapts), uniform within `sqrt(3 / fan_in)` (unit gain) for other weights, and small normal
/// values for positions and tokens. The values depend on the seed and the name only.
pub(super) fn values(parameter: &Parameter, seed: u64) -> Vec<f32> {
    let Parameter { name, shape, .. } = parameter;
    let count = parameter.element_count();
    if let Some((_, kernel)) = SOBEL.iter().find(|(sobel, _)| name.ends_with(&format!(".{sobel}")))
    {
        return kernel.iter().copied().cycle().take(count).collect();
    }
    let adapter_end = name.contains(".train_edge.D_fc2.") || name.contains(".train_edge.upscale.");
    if adapter_end || name.ends_with(".bias") || name == "no_mem_embed" {
        return vec![0.0; count];
    }
    let mut random = Pcg64::seed_from_u64(seed ^ hash(name));
    let embedding = ["pos_embed", "_token", "_embed", "embeddings", "gaussian"]
        .iter()
        .any(|part| name.contains(part));
    if embedding && !name.contains("patch_embed") {
        let std = if name.contains("gaussian") { 1.0 } else { EMBEDDING_STD };
        return (0..count).map(|_| std * normal(&mut random)).collect();
    }
    if shape.len() == 1 {
        return vec![1.0; count];
    }
    let fan_in = shape[1..].iter().product::<usize>().max(1);
    let bound = (3.0 / fan_in as f32).sqrt();
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}

/// Checks a Sobel kernel against its name; true for all other tensors.
pub(super) fn is_fixed_sobel(name: &str, values: &[f32]) -> bool {
    let kernel = SOBEL.iter().find(|(sobel, _)| name.ends_with(&format!(".{sobel}")));
    kernel.is_none_or(|(_, kernel)| values.chunks(9).all(|found| found == kernel))
}

fn normal(random: &mut Pcg64) -> f32 {
    use rand_distr::{Distribution, StandardNormal};
    StandardNormal.sample(random)
}

/// FNV-1a, so that a parameter's values don't depend on what else there is.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
