//! Random image-encoder weights of the right names, shapes and scale.

use super::weights::Tensors;
use super::{EncoderConfig, WIDTH};

/// Names and values of the four fixed Sobel kernels (MODEL.md section 2).
pub(super) fn sobel_kernels() -> [(&'static str, [f32; 9]); 4] {
    [
        ("weight_h", [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]),
        ("weight_v", [1.0, 2.0, 1.0, 0.0, 0.0, 0.0, -1.0, -2.0, -1.0]),
        ("weight_h2", [0.0, 1.0, 2.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.0]),
        ("weight_v2", [2.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, -2.0]),
    ]
}

/// Weights for [`super::image_encoder`]: `image_encoder.*`, `no_mem_embed`, `conv_s0` and
/// `conv_s1`. Matrices keep the scale of what they multiply, normalisations scatter around the
/// identity, Sobel kernels are the fixed ones.
#[must_use]
pub fn random_encoder_weights(config: &EncoderConfig, seed: u64) -> Tensors {
    let mut out = Filler { state: seed, tensors: Tensors::new() };
    let trunk = super::trunk::TRUNK;
    let d = config.embed_dim;
    out.layer(&format!("{trunk}.patch_embed.proj"), &[d, 3, 7, 7]);
    out.noise(&format!("{trunk}.pos_embed"), &[1, d, 7, 7], 0.5);
    let side = config.window_spec[0];
    out.noise(&format!("{trunk}.pos_embed_window"), &[1, d, side, side], 0.5);
    if config.ch_adapters {
        out.layer(&format!("{trunk}.edge_blocks.0"), &[4, d, 3, 3]);
    }
    let mut index = 0;
    for stage in 0..4 {
        let dim = d << stage;
        for place in 0..config.stages[stage] {
            let dim_in = if stage > 0 && place == 0 { dim / 2 } else { dim };
            let block = format!("{trunk}.blocks.{index}");
            out.norm(&format!("{block}.norm1"), dim_in);
            out.layer(&format!("{block}.attn.qkv"), &[3 * dim, dim_in]);
            out.layer(&format!("{block}.attn.proj"), &[dim, dim]);
            out.norm(&format!("{block}.norm2"), dim);
            out.layer(&format!("{block}.mlp.layers.0"), &[4 * dim, dim]);
            out.layer(&format!("{block}.mlp.layers.1"), &[dim, 4 * dim]);
            if dim_in != dim {
                out.layer(&format!("{block}.proj"), &[dim, dim_in]);
            }
            if config.ch_adapters {
                out.adapter(&format!("{block}.train_edge"), dim);
            }
            index += 1;
        }
        out.layer(&format!("image_encoder.neck.convs.{}.conv", 3 - stage), &[WIDTH, dim, 1, 1]);
    }
    out.noise("no_mem_embed", &[1, 1, WIDTH], 0.5);
    out.layer("sam_mask_decoder.conv_s0", &[WIDTH / 8, WIDTH, 1, 1]);
    out.layer("sam_mask_decoder.conv_s1", &[WIDTH / 4, WIDTH, 1, 1]);
    out.tensors
}

struct Filler {
    state: u64,
    tensors: Tensors,
}

impl Filler {
    /// Uniform in [-1, 1): the `SplitMix64` generator (Steele, Lea, Flood, OOPSLA 2014), its upper
    /// 24 bits.
    fn uniform(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn noise(&mut self, name: &str, shape: &[usize], amplitude: f32) {
        let values = (0..shape.iter().product()).map(|_| amplitude * self.uniform()).collect();
        self.tensors.insert(name.to_owned(), (shape.to_vec(), values));
    }

    /// Weight [out, in, ...] of unit gain and a small bias.
    fn layer(&mut self, name: &str, shape: &[usize]) {
        let fan_in: usize = shape[1..].iter().product();
        self.noise(&format!("{name}.weight"), shape, (3.0 / fan_in as f32).sqrt());
        self.noise(&format!("{name}.bias"), &shape[..1], 0.2);
    }

    fn norm(&mut self, name: &str, dim: usize) {
        let scale = (0..dim).map(|_| 1.0 + 0.3 * self.uniform()).collect();
        self.tensors.insert(format!("{name}.weight"), (vec![dim], scale));
        self.noise(&format!("{name}.bias"), &[dim], 0.2);
    }

    fn adapter(&mut self, name: &str, dim: usize) {
        self.layer(&format!("{name}.D_fc1"), &[dim / 4, dim]);
        self.layer(&format!("{name}.D_fc2"), &[dim, dim / 4]);
        self.layer(&format!("{name}.upscale"), &[dim, 4, 1, 1]);
        // Magnitudes of a sum of four channels reach tens: bring the edge stream to the context's
        // scale.
        if let Some((_, values)) = self.tensors.get_mut(&format!("{name}.upscale.weight")) {
            values.iter_mut().for_each(|v| *v *= 0.1);
        }
        for (kernel, values) in sobel_kernels() {
            let tensor = (vec![4, 4, 3, 3], values.repeat(16));
            self.tensors.insert(format!("{name}.{kernel}"), tensor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EdgeLayout;
    use super::*;

    #[test]
    fn mini_has_the_published_number_of_parameters() {
        let weights = random_encoder_weights(&EncoderConfig::mini(EdgeLayout::Spatial), 1);
        let count = |prefix: &str| -> usize {
            weights.iter().filter(|(k, _)| k.starts_with(prefix)).map(|(_, (_, v))| v.len()).sum()
        };
        // MODEL.md section 1.
        assert_eq!(count("image_encoder.trunk."), 802_056);
        assert_eq!(count("image_encoder."), 864_520);
    }
}
