//! Parameters that only the video model uses: memory attention, memory encoder, object pointers,
//! tables.

use super::build::List;
use super::{Component, ParameterKind};
use crate::NECK_DIM;

/// Channels of a memory map.
const MEMORY_DIM: usize = 64;

/// Frames of memory: the prompted one and six before the current.
const MEMORY_FRAMES: usize = 7;

/// Hidden width of the memory attention's MLP.
const MLP_DIM: usize = 2048;

/// The fuser's MLP is this many times as wide as its block.
const FUSER_RATIO: usize = 4;

/// Beginnings of the names of what only video needs: Meta's of SAM 2.0 and 2.1, and Hugging Face's.
/// Training code that changes the memory adds its own tensors under the same words.
const VIDEO_ONLY: [&str; 11] = [
    "memory_",
    "maskmem_",
    "mask_downsample",
    "no_mem_",
    "no_memory_",
    "no_obj_",
    "obj_ptr",
    "object_pointer",
    "no_object_",
    "occlusion_spatial_embedding",
    "temporal_positional_encoding",
];

/// The embedding for the absence of memory begins alike, but images need it.
const NO_MEM_EMBED: [&str; 2] = ["no_mem_embed", "no_memory_embedding"];

/// Whether a tensor serves only video, whatever its shape, so that an image model ignores it.
pub(crate) fn is_video_only(name: &str) -> bool {
    VIDEO_ONLY.iter().any(|start| name.starts_with(start)) && !NO_MEM_EMBED.contains(&name)
}

pub(super) fn list(list: &mut List) {
    list.kind = ParameterKind::Trainable;
    memory_attention(list);
    memory_encoder(list);

    list.component = Component::ObjPtrProj;
    list.mlp("obj_ptr_proj", &[NECK_DIM; 4]);

    list.component = Component::SmallTables;
    list.add("maskmem_tpos_enc", &[MEMORY_FRAMES, 1, 1, MEMORY_DIM]);
    list.add("no_mem_pos_enc", &[1, 1, NECK_DIM]);
    list.add("no_obj_ptr", &[1, NECK_DIM]);
    list.conv("mask_downsample", 1, 1, 4);
}

fn memory_attention(list: &mut List) {
    list.component = Component::MemoryAttention;
    for layer in 0..4 {
        let name = format!("memory_attention.layers.{layer}");
        list.attention(&format!("{name}.self_attn"), NECK_DIM, NECK_DIM, NECK_DIM);
        list.attention(&format!("{name}.cross_attn_image"), NECK_DIM, MEMORY_DIM, NECK_DIM);
        list.linear(&format!("{name}.linear1"), NECK_DIM, MLP_DIM);
        list.linear(&format!("{name}.linear2"), MLP_DIM, NECK_DIM);
        for norm in 1..=3 {
            list.norm(&format!("{name}.norm{norm}"), NECK_DIM);
        }
    }
    list.norm("memory_attention.norm", NECK_DIM);
}

fn memory_encoder(list: &mut List) {
    list.component = Component::MemoryEncoder;
    // Four halvings, each with four times the channels; convolution, norm, activation.
    let encoder = "memory_encoder.mask_downsampler.encoder";
    for (step, (inputs, outputs)) in [(1, 4), (4, 16), (16, 64), (64, 256)].into_iter().enumerate()
    {
        list.conv(&format!("{encoder}.{}", 3 * step), inputs, outputs, 3);
        list.norm(&format!("{encoder}.{}", 3 * step + 1), outputs);
    }
    list.conv(&format!("{encoder}.12"), NECK_DIM, NECK_DIM, 1);
    list.conv("memory_encoder.pix_feat_proj", NECK_DIM, NECK_DIM, 1);
    for layer in 0..2 {
        let name = format!("memory_encoder.fuser.layers.{layer}");
        list.add(format!("{name}.gamma"), &[NECK_DIM]);
        // Depthwise: one input channel for each output channel.
        list.conv(&format!("{name}.dwconv"), 1, NECK_DIM, 7);
        list.norm(&format!("{name}.norm"), NECK_DIM);
        list.linear(&format!("{name}.pwconv1"), NECK_DIM, FUSER_RATIO * NECK_DIM);
        list.linear(&format!("{name}.pwconv2"), FUSER_RATIO * NECK_DIM, NECK_DIM);
    }
    list.conv("memory_encoder.out_proj", NECK_DIM, MEMORY_DIM, 1);
}
