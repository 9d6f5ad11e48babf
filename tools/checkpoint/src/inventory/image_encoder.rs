//! `image_encoder.*`: Hiera trunk, CH-Adapters, FPN neck.

use super::build::List;
use super::{Architecture, Component, ParameterKind};
use crate::{Block, EDGE_CHANNELS, Hiera, NECK_DIM};
use uniultra_manifest::Variant;

const TRUNK: &str = "image_encoder.trunk";

/// The MLP of a block is this many times as wide as the block.
const MLP_RATIO: usize = 4;

/// The adapter's bottleneck is this many times narrower than the block.
const BOTTLENECK_RATIO: usize = 4;

/// Names of the four fixed Sobel convolutions in an adapter.
const SOBEL_NAMES: [&str; 4] = ["weight_h", "weight_v", "weight_h2", "weight_v2"];

/// Whether a state dict's key belongs to the CH-Adapters or their shared edge feature.
pub(crate) fn is_adapter(name: &str) -> bool {
    name.strip_prefix(TRUNK)
        .is_some_and(|rest| rest.contains(".train_edge.") || rest.starts_with(".edge_blocks."))
}

pub(super) fn trunk(list: &mut List, architecture: Architecture) {
    let hiera = Hiera::for_variant(architecture.variant);
    let (width, grid, window) = (hiera.embed_dim, hiera.pos_grid, hiera.pos_window());
    list.component = Component::Trunk;
    list.kind = ParameterKind::Frozen;
    list.add(format!("{TRUNK}.pos_embed"), &[1, width, grid, grid]);
    list.add(format!("{TRUNK}.pos_embed_window"), &[1, width, window, window]);
    list.conv(&format!("{TRUNK}.patch_embed.proj"), 3, width, 7);
    if architecture.ch_adapters {
        list.kind = ParameterKind::Trainable;
        list.conv(&format!("{TRUNK}.edge_blocks.0"), width, EDGE_CHANNELS, 3);
    }
    for block in hiera.blocks() {
        hiera_block(list, &block);
        if architecture.ch_adapters {
            ch_adapter(list, &block);
        }
    }
}

fn hiera_block(list: &mut List, block: &Block) {
    let name = format!("{TRUNK}.blocks.{}", block.index);
    let (dim_in, dim) = (block.dim_in, block.dim_out);
    list.kind = ParameterKind::Frozen;
    list.norm(&format!("{name}.norm1"), dim_in);
    list.linear(&format!("{name}.attn.qkv"), dim_in, 3 * dim);
    list.linear(&format!("{name}.attn.proj"), dim, dim);
    list.norm(&format!("{name}.norm2"), dim);
    list.mlp(&format!("{name}.mlp"), &[dim, MLP_RATIO * dim, dim]);
    if dim_in != dim {
        list.linear(&format!("{name}.proj"), dim_in, dim);
    }
}

fn ch_adapter(list: &mut List, block: &Block) {
    let name = format!("{TRUNK}.blocks.{}.train_edge", block.index);
    let (dim, bottleneck) = (block.dim_out, block.dim_out / BOTTLENECK_RATIO);
    list.kind = ParameterKind::Frozen;
    for sobel in SOBEL_NAMES {
        list.add(format!("{name}.{sobel}"), &[EDGE_CHANNELS, EDGE_CHANNELS, 3, 3]);
    }
    list.kind = ParameterKind::Trainable;
    list.linear(&format!("{name}.D_fc1"), dim, bottleneck);
    list.linear(&format!("{name}.D_fc2"), bottleneck, dim);
    list.conv(&format!("{name}.upscale"), EDGE_CHANNELS, dim, 1);
}

pub(super) fn neck(list: &mut List, variant: Variant) {
    list.component = Component::Neck;
    list.kind = ParameterKind::Frozen;
    // `convs.0` serves the coarsest level.
    for (place, width) in Hiera::for_variant(variant).stage_dims().into_iter().rev().enumerate() {
        list.conv(&format!("image_encoder.neck.convs.{place}.conv"), width, NECK_DIM, 1);
    }
}
