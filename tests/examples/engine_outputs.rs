//! Runs the engine on a checkpoint and given inputs: the engine's side of the trainer's parity
//! test, `tools/train/tests/parity.rs`. It is a program of its own, so that the trainer builds
//! without tract.
//!
//! ```text
//! engine_outputs --checkpoint FILE --image-size PX --edge-layout LAYOUT --inputs FILE --out FILE [--precision int8]
//! ```
//!
//! exports the checkpoint, quantizes it with the ranges that it was trained with if that is asked
//! for, encodes one image and decodes every prompt. All files are safetensors of f32. Inputs, where
//! `N` counts prompts from 0: `image` \[PX, PX\], `N.point_coords` \[P, 2\], `N.point_labels`
//! \[P\], and `N.mask_input` \[PX / 4, PX / 4\] where the prompt has a mask. Outputs, flat:
//! `image_embed`, `high_res_feats_0`, `high_res_feats_1`, and `N.masks`, `N.iou_predictions`,
//! `N.object_score_logits`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::{EngineOptions, TractNetwork};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{EdgeLayout, Pack};
use uniultra_quantize::{
    FrameSource, Frames, QuantizeConfig, Request, Silent, SourcePack, quantize,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = BTreeMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        options.insert(word, value);
    }
    let take = |name: &str| options.get(name).ok_or(format!("{name} is missing"));

    let image_size: usize = take("--image-size")?.parse()?;
    let layouts = [EdgeLayout::Spatial, EdgeLayout::Reference];
    let layout = take("--edge-layout")?;
    let edge_layout = layouts.into_iter().find(|known| known.to_string() == *layout);
    let edge_layout = edge_layout.ok_or(format!("--edge-layout: unknown layout {layout}"))?;
    let checkpoint = Checkpoint::open(Path::new(take("--checkpoint")?))?;
    let inputs = Checkpoint::open(Path::new(take("--inputs")?))?;

    let folder = tempfile::tempdir()?;
    let pack = folder.path().join("pack");
    let export_options = ExportOptions { image_size, edge_layout, ..ExportOptions::default() };
    export(&checkpoint, &export_options)?.write(&pack, false)?;
    let pack = match options.get("--precision").map(String::as_str) {
        None => pack,
        Some("int8") => {
            let int8 = folder.path().join("int8");
            quantized(&pack)?.write(&int8, false)?;
            int8
        }
        Some(other) => return Err(format!("--precision: expected int8, found {other}").into()),
    };
    let network = TractNetwork::from_pack(&Pack::open(&pack)?, &EngineOptions::default())?;

    let mut outputs = BTreeMap::new();
    let mut keep = |name: String, values: &[f32]| -> Result<(), Box<dyn Error>> {
        outputs.insert(name, Tensor::new(vec![values.len()], values.to_vec())?);
        Ok(())
    };
    let embedding = network.encode(inputs.tensor("image", &[image_size; 2])?.data())?;
    let names = ["image_embed", "high_res_feats_0", "high_res_feats_1"];
    for (name, values) in names.iter().zip(embedding.values()?) {
        keep((*name).to_string(), values)?;
    }
    let mut output = DecoderOutput::new(image_size / 4);
    for prompt in 0.. {
        let Some(input) = decoder_input(&inputs, prompt, image_size / 4)? else { break };
        network.decode(&embedding, &input, &mut output)?;
        keep(format!("{prompt}.masks"), &output.logits)?;
        keep(format!("{prompt}.iou_predictions"), &output.predicted_iou)?;
        keep(format!("{prompt}.object_score_logits"), &[output.object_score_logit])?;
    }
    std::fs::write(take("--out")?, Checkpoint::from_tensors(outputs).to_safetensors()?)?;
    Ok(())
}

/// The int8 pack of an f32 pack with trained ranges: of the frame, no number is taken.
fn quantized(pack: &Path) -> Result<ModelPack, Box<dyn Error>> {
    let config = QuantizeConfig { images: 1, ..QuantizeConfig::default() };
    let source = SourcePack::open(pack, &config)?;
    if source.manifest().qat.is_none() {
        return Err("the checkpoint has no trained ranges".into());
    }
    let calibration = Frames::find(&FrameSource::Phantoms { seed: 1 }, 1)?;
    let request = Request {
        source: &source,
        config: &config,
        calibration: &calibration,
        calibration_source: "a phantom",
        trial: None,
        sensitivity: false,
        max_dice_drop: None,
    };
    Ok(quantize(&request, &Silent)?.pack)
}

/// The prompt of a number, `None` behind the last one.
fn decoder_input(
    inputs: &Checkpoint,
    prompt: usize,
    mask_side: usize,
) -> Result<Option<DecoderInput>, Box<dyn Error>> {
    let named = |name: &str| {
        let name = format!("{prompt}.{name}");
        inputs.tensors().find(|(other, _)| *other == name).map(|(_, tensor)| tensor)
    };
    let Some(labels) = named("point_labels") else { return Ok(None) };
    let coords = inputs.tensor(&format!("{prompt}.point_coords"), &[labels.data().len(), 2])?;
    let mask_input = match named("mask_input") {
        None => None,
        Some(_) => {
            let mask = inputs.tensor(&format!("{prompt}.mask_input"), &[mask_side; 2])?;
            Some(mask.data().to_vec())
        }
    };
    Ok(Some(DecoderInput {
        point_coords: coords.data().as_chunks::<2>().0.to_vec(),
        point_labels: labels.data().to_vec(),
        mask_input,
    }))
}
