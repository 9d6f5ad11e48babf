//! FPN neck and the two 1x1 convolutions that the mask decoder keeps for the image (MODEL.md
//! section 2).

use super::params::Params;
use super::trunk::Stages;
use tch::Tensor;

/// The tensors that the image encoder passes to the mask decoder.
#[derive(Debug)]
pub struct Features {
    /// `[B, 256, S/16, S/16]`, `no_mem_embed` added.
    pub image_embed: Tensor,
    /// `[B, 32, S/4, S/4]`, after `conv_s0`.
    pub high_res_feats_0: Tensor,
    /// `[B, 64, S/8, S/8]`, after `conv_s1`.
    pub high_res_feats_1: Tensor,
}

/// Features of P prompts, in the order in which the mask decoder reads them: cells of the image
/// embedding's grid, and in each cell its pixels of the finer maps. The decoder then works without
/// moving a map between layouts, forward and backward.
#[derive(Debug)]
pub struct PromptedFeatures {
    /// Cells along a side of the grid, S/16.
    pub(super) side: i64,
    /// `[P, side * side, 256]`.
    pub(super) cells: Tensor,
    /// `high_res_feats_1`, `[P, side * side, 4, 64]`.
    pub(super) quarters: Tensor,
    /// `high_res_feats_0`, `[P, side * side, 4, 4, 32]`.
    pub(super) sixteenths: Tensor,
}

impl Features {
    /// Each prompt's copy of its image's features; `image_of` `[P]` tells which image that is.
    #[must_use]
    pub fn for_prompts(&self, image_of: &Tensor) -> PromptedFeatures {
        let (batch, width, side, _) = self.image_embed.size4().unwrap_or_default();
        let cells = self.image_embed.permute([0, 2, 3, 1]).reshape([batch, side * side, width]);
        let quarters = self
            .high_res_feats_1
            .reshape([batch, -1, side, 2, side, 2])
            .permute([0, 2, 4, 3, 5, 1])
            .reshape([batch, side * side, 4, -1]);
        let sixteenths = self
            .high_res_feats_0
            .reshape([batch, -1, side, 2, 2, side, 2, 2])
            .permute([0, 2, 5, 3, 6, 4, 7, 1])
            .reshape([batch, side * side, 4, 4, -1]);
        let pick = |x: &Tensor| x.index_select(0, image_of);
        PromptedFeatures {
            side,
            cells: pick(&cells),
            quarters: pick(&quarters),
            sixteenths: pick(&sixteenths),
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
