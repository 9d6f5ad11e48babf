//! The image encoder: trunk, neck, and the two 1x1 convolutions the mask decoder keeps for it.

use super::layers::linear;
use super::maps::{Planes, TokenMap};
use super::trunk::trunk;
use super::weights::Weights;
use super::{EncoderConfig, WIDTH};

/// The tensors that the image encoder passes to the mask decoder, row-major.
#[derive(Clone, Debug)]
pub struct Features {
    /// [256, S/16, S/16], `no_mem_embed` added.
    pub image_embed: Vec<f32>,
    /// [32, S/4, S/4], after `conv_s0`.
    pub high_res_feats_0: Vec<f32>,
    /// [64, S/8, S/8], after `conv_s1`.
    pub high_res_feats_1: Vec<f32>,
}

/// Features of a normalised RGB image [3, S, S]; S is a multiple of 32.
///
/// # Panics
/// If the image has another size, or a weight is absent or misshapen.
#[must_use]
pub fn image_encoder(
    weights: &dyn Weights,
    config: &EncoderConfig,
    image: &[f32],
    s: usize,
) -> Features {
    assert_eq!(s % 32, 0, "image size {s} is not a multiple of 32");
    let stages = trunk(weights, config, &Planes::new(3, s, s, image.to_vec()));
    let [level_4, level_8, mut level_16, level_32] =
        std::array::from_fn(|i| lateral(weights, 3 - i, &stages[i]));
    level_16.add_scaled(&nearest_x2(&level_32), 1.0);

    let no_mem_embed = weights.of_shape("no_mem_embed", &[1, 1, WIDTH]);
    for token in level_16.data.chunks_exact_mut(WIDTH) {
        token.iter_mut().zip(no_mem_embed).for_each(|(a, b)| *a += b);
    }
    Features {
        image_embed: level_16.to_planes().data,
        high_res_feats_0: conv_1x1(weights, "sam_mask_decoder.conv_s0", &level_4).to_planes().data,
        high_res_feats_1: conv_1x1(weights, "sam_mask_decoder.conv_s1", &level_8).to_planes().data,
    }
}

/// The neck's 1x1 convolution to 256 channels; number 0 serves the coarsest level.
fn lateral(weights: &dyn Weights, number: usize, x: &TokenMap) -> TokenMap {
    conv_1x1(weights, &format!("image_encoder.neck.convs.{number}.conv"), x)
}

/// A 1x1 convolution is the same linear map for every token.
fn conv_1x1(weights: &dyn Weights, name: &str, x: &TokenMap) -> TokenMap {
    let data = linear(weights, name, &x.data);
    TokenMap::new(x.h, x.w, data.len() / (x.h * x.w), data)
}

/// Each token repeated over a 2x2 square.
fn nearest_x2(x: &TokenMap) -> TokenMap {
    let mut y = TokenMap::zeros(2 * x.h, 2 * x.w, x.c);
    for row in 0..y.h {
        for column in 0..y.w {
            y.token_mut(row, column).copy_from_slice(x.token(row / 2, column / 2));
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::super::random::random_encoder_weights;
    use super::super::{EdgeLayout, Tensors};
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    /// Notes which tensors are asked for.
    struct Recording<'a> {
        tensors: &'a Tensors,
        read: RefCell<BTreeSet<String>>,
    }

    impl Weights for Recording<'_> {
        fn find(&self, name: &str) -> Option<(&[usize], &[f32])> {
            self.read.borrow_mut().insert(name.to_owned());
            self.tensors.find(name)
        }
    }

    fn ramp(s: usize) -> Vec<f32> {
        (0..3 * s * s).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn every_weight_of_mini_is_read() {
        let config = EncoderConfig::mini(EdgeLayout::Spatial);
        let tensors = random_encoder_weights(&config, 7);
        let recording = Recording { tensors: &tensors, read: RefCell::default() };
        let features = image_encoder(&recording, &config, &ramp(64), 64);
        assert_eq!(features.image_embed.len(), 256 * 4 * 4);
        assert_eq!(features.high_res_feats_0.len(), 32 * 16 * 16);
        assert_eq!(features.high_res_feats_1.len(), 64 * 8 * 8);
        let all: BTreeSet<String> = tensors.keys().cloned().collect();
        assert_eq!(recording.read.into_inner(), all);
    }

    #[test]
    fn edge_layouts_give_different_features() {
        let encode = |layout| {
            let config = EncoderConfig::mini(layout);
            let weights = random_encoder_weights(&config, 7);
            image_encoder(&weights, &config, &ramp(64), 64)
        };
        let (a, b) = (encode(EdgeLayout::Spatial), encode(EdgeLayout::Reference));
        let far = a.image_embed.iter().zip(&b.image_embed).filter(|(x, y)| (*x - *y).abs() > 1e-3);
        assert!(far.count() > a.image_embed.len() / 2);
        assert!(a.image_embed.iter().chain(&b.image_embed).all(|v| v.is_finite()));
    }

    #[test]
    fn nearest_repeats_each_token() {
        let x = TokenMap::new(1, 2, 1, vec![1.0, 2.0]);
        assert_eq!(nearest_x2(&x).data, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }
}
