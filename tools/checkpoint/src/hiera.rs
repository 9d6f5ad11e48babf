//! The Hiera trunk's block table for every variant (MODEL.md section 2).

use uniultra_manifest::Variant;

/// Width of the neck's maps, the prompts and the mask decoder.
pub const NECK_DIM: usize = 256;

/// Channels of the edge feature map (MODEL.md section 2, CH-Adapter).
pub const EDGE_CHANNELS: usize = 4;

/// The numbers that define a Hiera trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiera {
    /// Channels after the patch embedding.
    pub embed_dim: usize,
    /// Attention heads in stage 1.
    pub num_heads: usize,
    /// Blocks in each stage.
    pub stages: [usize; 4],
    /// Indices of the blocks that attend over the whole map.
    pub global_att_blocks: [usize; 3],
    /// Window side of each stage, in tokens.
    pub window_spec: [usize; 4],
    /// Side of the square background position grid.
    pub pos_grid: usize,
}

/// One block of the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Index N of `blocks.N`.
    pub index: usize,
    /// Stage, 0 to 3.
    pub stage: usize,
    /// Channels in.
    pub dim_in: usize,
    /// Channels out: twice `dim_in` in the first block of each stage after the first.
    pub dim_out: usize,
    /// Attention heads.
    pub heads: usize,
    /// Window side in tokens before pooling, or 0 for global attention.
    pub window: usize,
    /// Whether queries and shortcut are max-pooled 2x2: in the first block of stages 1 to 3.
    pub pools: bool,
    /// Whether the block is its stage's last, whose output is a feature map.
    pub ends_stage: bool,
}

impl Hiera {
    /// The trunk of a variant.
    #[must_use]
    pub fn for_variant(variant: Variant) -> Self {
        let (embed_dim, num_heads, stages, global_att_blocks, window_spec, pos_grid) = match variant
        {
            Variant::Mini => (16, 1, [1, 2, 7, 2], [5, 7, 9], [8, 4, 14, 7], 7),
            Variant::Tiny => (96, 1, [1, 2, 7, 2], [5, 7, 9], [8, 4, 14, 7], 7),
            Variant::Small => (96, 1, [1, 2, 11, 2], [7, 10, 13], [8, 4, 14, 7], 7),
            Variant::BasePlus => (112, 2, [2, 3, 16, 3], [12, 16, 20], [8, 4, 14, 7], 14),
            Variant::Large => (144, 2, [2, 6, 36, 4], [23, 33, 43], [8, 4, 16, 8], 7),
        };
        Self { embed_dim, num_heads, stages, global_att_blocks, window_spec, pos_grid }
    }

    /// Side of the window position embedding: the first stage's window.
    #[must_use]
    pub fn pos_window(&self) -> usize {
        self.window_spec[0]
    }

    /// Channels of the four stage outputs, finest (stride 4) first.
    #[must_use]
    pub fn stage_dims(&self) -> [usize; 4] {
        [1, 2, 4, 8].map(|factor| self.embed_dim * factor)
    }

    /// The blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::with_capacity(self.stages.iter().sum());
        for (stage, &count) in self.stages.iter().enumerate() {
            for place in 0..count {
                let index = blocks.len();
                let pools = stage > 0 && place == 0;
                // The window lags by one block: a stage's first block still uses the last stage's.
                let window = if self.global_att_blocks.contains(&index) {
                    0
                } else if pools {
                    self.window_spec[stage - 1]
                } else {
                    self.window_spec[stage]
                };
                let dim_out = self.embed_dim << stage;
                blocks.push(Block {
                    index,
                    stage,
                    dim_in: if pools { dim_out / 2 } else { dim_out },
                    dim_out,
                    heads: self.num_heads << stage,
                    window,
                    pools,
                    ends_stage: place + 1 == count,
                });
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mini_blocks_follow_the_published_configuration() {
        let blocks = Hiera::for_variant(Variant::Mini).blocks();
        let windows: Vec<_> = blocks.iter().map(|b| b.window).collect();
        assert_eq!(windows, [8, 8, 4, 4, 14, 0, 14, 0, 14, 0, 14, 7]);
        let ends: Vec<_> = blocks.iter().filter(|b| b.ends_stage).map(|b| b.index).collect();
        assert_eq!(ends, [0, 2, 9, 11]);
        let heads: Vec<_> = blocks.iter().map(|b| b.heads).collect();
        assert_eq!(heads, [1, 2, 2, 4, 4, 4, 4, 4, 4, 4, 8, 8]);
        assert_eq!((blocks[10].dim_in, blocks[10].dim_out), (64, 128));
    }
}
