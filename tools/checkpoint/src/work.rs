//! The work of an image encoder, in multiply-accumulates.

use crate::{Architecture, Block, EDGE_CHANNELS, Hiera, NECK_DIM};

/// Multiply-accumulates of the published image encoder for an image: three input channels, nothing
/// folded. Counts convolutions, products and attention, but not norms, activations, additions or
/// interpolation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncoderWork {
    /// All of them.
    pub total_macs: u64,
    /// The part in products of queries with keys and of weights with values.
    pub attention_macs: u64,
}

/// Stride of the patch embedding.
const PATCH_STRIDE: u64 = 4;

impl Architecture {
    /// Work of the image encoder for a square image; the side in pixels is a multiple of 32.
    #[must_use]
    pub fn encoder_work(&self, image_size_px: u64) -> EncoderWork {
        let hiera = Hiera::for_variant(self.variant);
        let (width, edge) = (hiera.embed_dim as u64, EDGE_CHANNELS as u64);
        let mut side = image_size_px / PATCH_STRIDE;
        let mut work = EncoderWork::default();
        work.add(side * side * width * (3 * 7 * 7));
        if self.ch_adapters {
            work.add(side * side * edge * width * (3 * 3));
        }
        for block in hiera.blocks() {
            let side_in = side;
            if block.pools {
                side /= 2;
            }
            work.block(&block, side_in, side);
            if self.ch_adapters {
                work.ch_adapter(&block, side);
            }
            if block.ends_stage {
                work.add(side * side * (block.dim_out * NECK_DIM) as u64);
            }
        }
        work
    }
}

impl EncoderWork {
    fn add(&mut self, macs: u64) {
        self.total_macs += macs;
    }

    /// A block from a map of `side_in` to one of `side_out` tokens.
    fn block(&mut self, block: &Block, side_in: u64, side_out: u64) {
        let (dim_in, dim) = (block.dim_in as u64, block.dim_out as u64);
        let window = if block.window == 0 { side_in } else { block.window as u64 };
        // Windows at the border are filled with padding, which costs as much as other tokens.
        let windows = side_in.div_ceil(window).pow(2);
        let keys = window * window;
        let queries = if block.pools { (window / 2).pow(2) } else { keys };
        self.add(windows * keys * dim_in * 3 * dim);
        let attention = windows * 2 * queries * keys * dim;
        self.attention_macs += attention;
        self.add(attention);
        self.add(windows * queries * dim * dim);
        if dim_in != dim {
            self.add(side_in * side_in * dim_in * dim);
        }
        self.add(side_out * side_out * 2 * dim * (4 * dim));
    }

    fn ch_adapter(&mut self, block: &Block, side: u64) {
        let (dim, edge) = (block.dim_out as u64, EDGE_CHANNELS as u64);
        let context = 2 * dim * (dim / 4);
        let sobel = 4 * edge * edge * (3 * 3);
        self.add(side * side * (context + sobel + edge * dim));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GMAC of mini, and of its attention.
    fn mini(image_size_px: u64) -> (f64, f64) {
        let work = "uniultra-mini".parse::<Architecture>().unwrap().encoder_work(image_size_px);
        (work.total_macs as f64 / 1e9, work.attention_macs as f64 / 1e9)
    }

    #[test]
    fn mini_works_as_much_as_published() {
        // The published figures have two decimals; the sum at 1024 is 10.7449.
        for (size, published) in [(1024, 10.75), (512, 1.58), (256, 0.38)] {
            let (total, _) = mini(size);
            assert!((total - published).abs() < 0.0055, "{size}: {total}");
        }
        let (_, attention) = mini(1024);
        assert!((attention - 7.1).abs() < 0.05, "{attention}");
    }

    #[test]
    fn the_neighbouring_convolutions_complete_the_sum_that_was_measured() {
        // MODEL.md section 7: 11.55 GMAC for the encoder with conv_s0 and conv_s1 at 1024.
        let high_res = (256_u64.pow(2) * 256 * 32 + 128_u64.pow(2) * 256 * 64) as f64 / 1e9;
        assert!((mini(1024).0 + high_res - 11.55).abs() < 0.005);
    }

    #[test]
    fn pooling_blocks_work_on_whole_windows() {
        // Every window spec that pools is even or global at its pooling block.
        for architecture in Architecture::all() {
            let blocks = Hiera::for_variant(architecture.variant).blocks();
            assert!(blocks.iter().filter(|b| b.pools).all(|b| b.window % 2 == 0), "{architecture}");
        }
    }
}
