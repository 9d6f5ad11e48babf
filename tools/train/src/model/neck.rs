//! FPN neck and the two 1x1 convolutions that the mask decoder keeps for the image (MODEL.md
//! section 2).

use super::params::Params;
use super::trunk::Stages;
use tch::Tensor;

/// What the image encoder hands to the mask decoder.
#[derive(Debug)]
pub struct Features {
    /// `[B, 256, S/16, S/16]`, `no_mem_embed` added.
    pub image_embed: Tensor,
    /// `[B, 32, S/4, S/4]`, after `conv_s0`.
    pub high_res_feats_0: Tensor,
    /// `[B, 64, S/8, S/8]`, after `conv_s1`.
    pub high_res_feats_1: Tensor,
}

impl Features {
    /// Each prompt's copy of its image's features; `image_of` `[P]` tells which image that is.
    #[must_use]
    pub fn select(&self, image_of: &Tensor) -> Self {
        let pick = |x: &Tensor| x.index_select(0, image_of);
        Self {
            image_embed: pick(&self.image_embed),
            high_res_feats_0: pick(&self.high_res_feats_0),
            high_res_feats_1: pick(&self.high_res_feats_1),
        }
    }

    /// The same values without their history.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            image_embed: self.image_embed.detach(),
            high_res_feats_0: self.high_res_feats_0.detach(),
            high_res_feats_1: self.high_res_feats_1.detach(),
        }
    }
}

/// Neck maps `[B, 256, ., .]` of four stage outputs, at strides 4, 8 and 16; the coarsest is
/// added to the third.
pub fn lateral_maps(params: &Params, stages: &[Tensor; 4]) -> [Tensor; 3] {
    // `convs.0` serves the coarsest level.
    let lateral = |stage: usize| {
        params.conv(&format!("image_encoder.neck.convs.{}.conv", 3 - stage), &stages[stage], 1, 0)
    };
    let coarse = lateral(3);
    let third = lateral(2);
    let side = [third.size()[2], third.size()[3]];
    [lateral(0), lateral(1), third + coarse.upsample_nearest2d(side, None, None)]
}

/// The decoder's features of the trunk's stages.
#[must_use]
pub fn features(params: &Params, stages: &Stages) -> Features {
    let [level_4, level_8, level_16] = lateral_maps(params, &stages.sum);
    Features {
        image_embed: level_16 + params.get("no_mem_embed").reshape([1, -1, 1, 1]),
        high_res_feats_0: params.conv("sam_mask_decoder.conv_s0", &level_4, 1, 0),
        high_res_feats_1: params.conv("sam_mask_decoder.conv_s1", &level_8, 1, 0),
    }
}
