//! Weights under Hugging Face's names.

use crate::control::{Control, ones, packed};
use std::collections::BTreeMap;
use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_tests::torch_archive::Object;

/// Hugging Face's name of a tensor of Meta's, as its conversion script changes it: by one
/// replacement after another. Written apart from the reader's table.
fn hugging_face(name: &str) -> String {
    let mut name = name.to_string();
    for (metas, theirs) in [
        ("sam_prompt_encoder.", "prompt_encoder."),
        ("sam_mask_decoder.", "mask_decoder."),
        ("image_encoder.neck.", "vision_encoder.neck."),
        ("image_encoder.trunk.", "vision_encoder.backbone."),
        ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
        ("mask_downscaling.0.", "mask_embed.conv1."),
        ("mask_downscaling.1.", "mask_embed.layer_norm1."),
        ("mask_downscaling.3.", "mask_embed.conv2."),
        ("mask_downscaling.4.", "mask_embed.layer_norm2."),
        ("mask_downscaling.6.", "mask_embed.conv3."),
        ("output_upscaling.0.", "upscale_conv1."),
        ("output_upscaling.1.", "upscale_layer_norm."),
        ("output_upscaling.3.", "upscale_conv2."),
        ("patch_embed.proj.", "patch_embed.projection."),
        ("no_mem_embed", "no_memory_embedding"),
        (".norm", ".layer_norm"),
        ("out_proj.", "o_proj."),
        ("mlp.layers.0.", "mlp.proj_in."),
        ("mlp.layers.1.", "mlp.proj_out."),
    ] {
        name = name.replace(metas, theirs);
    }
    if name.contains("neck.convs") {
        name = name.replace(".conv.", ".");
    }
    let heads = ["iou_prediction_head.", "pred_obj_score_head.", "output_hypernetworks_mlps."];
    if heads.iter().any(|head| name.contains(head)) {
        name = name.replace("layers.0.", "proj_in.").replace("layers.1.", "layers.0.");
        name = name.replace("layers.2.", "proj_out.");
    }
    name
}

/// The tensors of `Sam2Model` for given weights.
fn hugging_face_tensors(control: &Control) -> BTreeMap<String, Tensor> {
    let mut theirs = BTreeMap::new();
    let mut points = Vec::new();
    for (name, tensor) in &control.tensors {
        if name.contains("point_embeddings.") {
            points.extend_from_slice(tensor.data());
        } else {
            theirs.insert(hugging_face(name), tensor.clone());
        }
    }
    let points = Tensor::new(vec![4, 256], points).unwrap();
    theirs.insert("prompt_encoder.point_embed.weight".into(), points);
    theirs
}

#[test]
fn hugging_faces_names_are_read() {
    let control = Control::sam2();
    let theirs = hugging_face_tensors(control);
    let own = "prompt_encoder.shared_embedding.positional_embedding";
    let shared = "shared_image_embedding.positional_embedding";
    let safetensors = |tensors: BTreeMap<String, Tensor>| {
        Checkpoint::from_tensors(tensors).to_safetensors().unwrap()
    };
    control.is_the_pack_of("one matrix", &safetensors(theirs.clone()));
    // Both names of the matrix, or only the other one.
    let mut both = theirs.clone();
    both.insert(shared.into(), theirs[own].clone());
    control.is_the_pack_of("both matrices", &safetensors(both.clone()));
    both.remove(own);
    control.is_the_pack_of("the shared matrix", &safetensors(both));
    // `Sam2VideoModel`, wrapped, as a pickle.
    let mut video = theirs.clone();
    video.insert("no_object_pointer".into(), ones(&[1, 256], 0.1));
    video.insert("memory_temporal_positional_encoding".into(), ones(&[7, 1, 1, 64], 0.1));
    video.insert("occlusion_spatial_embedding_parameter".into(), ones(&[1, 64], 0.1));
    video.insert("temporal_positional_encoding_projection_layer.bias".into(), ones(&[64], 0.1));
    let items =
        video.into_iter().map(|(name, t)| (format!("module.sam2.{name}"), Object::Floats(t)));
    control.is_the_pack_of("video", &packed(&Object::Ordered(items.collect())));
    // A second matrix with other values is no copy.
    let mut contradiction = theirs;
    contradiction.insert(shared.into(), ones(&[2, 128], 0.5));
    let error = Checkpoint::from_bytes(&safetensors(contradiction)).unwrap_err().to_string();
    assert!(error.contains(own) && error.contains(shared), "{error}");
}
