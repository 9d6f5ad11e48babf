//! The shipped decoders are divided, and what is not made as they are runs whole.

use super::divide::divide;
use super::fold::fold;
use super::*;
use std::path::PathBuf;
use uniultra_manifest::Pack;

fn pack(id: &str) -> Pack {
    let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models");
    Pack::open(&models.join(id)).unwrap()
}

fn graph(pack: &Pack) -> ModelProto {
    let file = &pack.manifest().mask_decoder.file;
    let model = decode(file, &pack.read_mask_decoder().unwrap()).unwrap();
    let kernels = Kernels::Fused(crate::patterns::Choices {
        integer_attention: true,
        coarse_attention: true,
    });
    ready(file, model, pack.manifest().model.weights, kernels).unwrap()
}

fn names<'m>(model: &'m ModelProto) -> [Vec<&'m str>; 2] {
    let graph = model.graph.as_ref().unwrap();
    let names = |values: &'m [tract_onnx::pb::ValueInfoProto]| {
        values.iter().map(|value| value.name.as_str()).collect()
    };
    [names(&graph.input), names(&graph.output)]
}

#[test]
fn shipped_decoders_are_divided() {
    for id in ["uniultra-mini", "uniultra-mini-int8"] {
        let mut model = graph(&pack(id));
        let whole = model.graph.as_ref().unwrap().node.len();
        let folded = fold("decoder", &mut model).unwrap();
        assert_eq!(folded.names, ["prompt_encoder/dense_position/Concat"]);
        assert_eq!(folded.values[0].shape(), [32 * 32, 256]);
        let parts = divide(model, &folded.names).unwrap();
        let [inputs, kept] = names(&parts.image);
        assert!(inputs.contains(&"image_embed") && !inputs.contains(&"mask_input"));
        let [inputs, changed] = names(&parts.masked);
        assert!(inputs.contains(&"mask_input") && !inputs.contains(&"point_coords"));
        assert!(!changed.is_empty() && changed.len() < kept.len() && kept.starts_with(&changed));
        let [inputs, outputs] = names(&parts.click);
        assert!(inputs.starts_with(&kept) && !inputs.contains(&"image_embed"));
        assert_eq!(outputs, ["masks", "iou_predictions", "object_score_logits"]);
        let click = parts.click.graph.unwrap().node.len();
        assert!(click < whole, "{click} of {whole} operations run for every click");
    }
}

#[test]
fn a_decoder_made_otherwise_comes_back_whole() {
    let good = graph(&pack("uniultra-mini"));
    type Change = fn(&mut tract_onnx::pb::GraphProto);
    let changes: [Change; 3] = [
        // The choice of the mask is not the only reader of its flag.
        |graph| graph.output.push(super::divide::named("has_mask_input")),
        // Another choice than by a threshold.
        |graph| {
            let node = graph.node.iter_mut().find(|node| node.op_type == "Greater").unwrap();
            node.op_type = "GreaterOrEqual".to_string();
        },
        // An output that no click changes.
        |graph| graph.output[0].name = "mask_decoder/Transpose".to_string(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut model = good.clone();
        change(model.graph.as_mut().unwrap());
        let expected = model.clone();
        assert!(divide(model, &[]).err() == Some(Box::new(expected)), "change {index}");
    }
    assert!(divide(good, &[]).is_ok());
}
