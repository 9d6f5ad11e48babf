//! Which peers are counted, in which precision and form.

use super::super::field::{Form, MNN, ONNX_RUNTIME, OPENVINO};
use super::super::files::Files;

pub(super) const MNN_F32: &str = "mnn f32";
pub(super) const ORT_INT8: &str = "onnxruntime int8";

/// Cores with FEAT_FP16.
const WITH_HALVES: [&str; 1] = ["cortex-a76"];

/// A peer in one precision.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) engine: &'static str,
    pub(super) is_f32: bool,
    /// Encoder and decoder of each export; each network's cheapest counts.
    pub(super) forms: Vec<[Form; 2]>,
    /// Why it cannot start: its converter's word.
    pub(super) unfit: Option<String>,
}

/// The peers on a core.
pub(super) fn peers(files: &Files, core: &str) -> Vec<Peer> {
    let peer = |name, engine, precision: &'static str, file: &str| {
        let forms = files.graphs.iter().map(|graphs| {
            ["image_encoder", "mask_decoder"].map(|network| {
                let file = match file {
                    "" => graphs.pack.join(network).with_extension("onnx"),
                    suffix => graphs.made(engine).join(format!("{network}-{suffix}")),
                };
                Form { label: graphs.name.to_string(), file, precision }
            })
        });
        let unfit = files.failures.get(engine).cloned();
        Peer { name, engine, is_f32: precision == "f32", forms: forms.collect(), unfit }
    };
    let mut peers = vec![peer(MNN_F32, MNN, "f32", "f32.mnn")];
    if WITH_HALVES.contains(&core) {
        peers.push(peer("mnn fp16", MNN, "fp16", "f32.mnn"));
    }
    peers.push(peer("mnn int8", MNN, "int8", "int8.mnn"));
    peers.push(peer("onnxruntime f32", ONNX_RUNTIME, "f32", ""));
    peers.push(peer(ORT_INT8, ONNX_RUNTIME, "int8", "dynamic.onnx"));
    peers.push(peer("openvino f32", OPENVINO, "f32", ""));
    peers
}
