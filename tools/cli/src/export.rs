//! `uniultra-tools export`: a checkpoint becomes a model pack.

use crate::failure::out;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use uniultra_checkpoint::Checkpoint;
use uniultra_export::{ExportError, ExportOptions, export};
use uniultra_manifest::{Channels, EdgeLayout, WeightFormat};

const EXAMPLES: &str = "\
Examples:
  # SAM 2 tiny for gray frames, 1024 x 1024
  uniultra-tools export --checkpoint sam2_hiera_tiny.safetensors --out packs/sam2-tiny

  # weights trained by the published UniUltra code, which lays out edges its own way
  uniultra-tools export --checkpoint uniultra_mini.pt --out packs/mini-512 \\
      --image-size 512 --edge-layout reference --licence 'CC BY-NC 4.0'

  # half the size, and a manifest that says where the weights come from and what they reach
  uniultra-tools export --checkpoint mini.safetensors --out packs/mini --weights f16 \\
      --model-id my-mini --model-version 2 --training-data 'simulated frames' \\
      --metric dice_phantom_point=0.9 --metric dice_phantom_box=0.95";

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Weights: safetensors, or a PyTorch .pt, of SAM 2 or UniUltra, under Meta's or Hugging Face's
    /// names.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Which of several networks in the file: the key of its dictionary, as the error about them lists it.
    #[arg(long, value_name = "KEY")]
    state_dict: Option<String>,
    /// Leave out tensors that the network does not have, by a pattern of names such as '*lora_*'.
    /// Adapters that were trained beside the network are lost then. May be repeated.
    #[arg(long, value_name = "GLOB")]
    ignore_unexpected: Vec<String>,
    /// Folder of the new pack: image_encoder.onnx, mask_decoder.onnx, model.toml.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Side of the square input in pixels, a multiple of 32.
    #[arg(long, value_name = "PIXELS", default_value_t = 1024)]
    image_size: usize,
    /// Layout of the edge branch: `reference` for weights trained by the published code.
    #[arg(long, value_name = "LAYOUT", default_value = "spatial", value_parser = edge_layout)]
    edge_layout: EdgeLayout,
    /// Input channels: `gray` takes one channel in 0..=1, `rgb` three normalised ones.
    #[arg(long, value_name = "CHANNELS", default_value = "gray", value_parser = channels)]
    channels: Channels,
    /// How the files store weights: `f16` halves their size; the arithmetic is f32 either way.
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = weight_format)]
    weights: WeightFormat,
    /// Put the checkpoint's tensors into the pack, too, in the same format: weights.safetensors,
    /// for further training.
    #[arg(long)]
    keep_checkpoint: bool,
    /// Follow the definitions literally, without the exact simplifications; to compare.
    #[arg(long)]
    no_simplify: bool,
    /// The model's id in model.toml; by default architecture and image size.
    #[arg(long, value_name = "ID")]
    model_id: Option<String>,
    /// The model's version in model.toml.
    #[arg(long, value_name = "TEXT", default_value = "1")]
    model_version: String,
    /// What the weights were trained on, for model.toml.
    #[arg(long, value_name = "TEXT")]
    training_data: Option<String>,
    /// Licence of the weights, for model.toml.
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// What the model is for, and what not, for model.toml.
    #[arg(long, value_name = "TEXT")]
    intended_use: Option<String>,
    /// A measured figure, for model.toml, e.g. dice_hc18_val_box=0.97. May be repeated.
    #[arg(long = "metric", value_name = "NAME=VALUE", value_parser = metric)]
    metrics: Vec<(String, f64)>,
    /// Replace the pack that is already in the folder; files that are not its own are kept.
    #[arg(long)]
    force: bool,
}

fn edge_layout(text: &str) -> Result<EdgeLayout, String> {
    [EdgeLayout::Spatial, EdgeLayout::Reference]
        .into_iter()
        .find(|layout| layout.name() == text)
        .ok_or_else(|| "expected spatial or reference".to_string())
}

fn channels(text: &str) -> Result<Channels, String> {
    [Channels::Gray, Channels::Rgb]
        .into_iter()
        .find(|channels| channels.name() == text)
        .ok_or_else(|| "expected gray or rgb".to_string())
}

fn weight_format(text: &str) -> Result<WeightFormat, String> {
    [WeightFormat::F32, WeightFormat::F16]
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| "expected f32 or f16".to_string())
}

/// `NAME=VALUE` of `--metric`.
pub(crate) fn metric(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
        return Err(format!("expected a name of letters, digits, `_` and `-`, found `{name}`"));
    }
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((name.to_string(), value)),
        _ => Err(format!("expected a finite number, found `{value}`")),
    }
}

/// Figures by name, each once.
pub(crate) fn metrics(given: &[(String, f64)]) -> Result<BTreeMap<String, f64>, ExportError> {
    let mut metrics = BTreeMap::new();
    for (name, value) in given {
        if metrics.insert(name.clone(), *value).is_some() {
            return Err(ExportError::Option {
                option: "metric",
                expected: "each name once".to_string(),
                found: format!("`{name}` twice"),
            });
        }
    }
    Ok(metrics)
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let options = args.options()?;
    let progress = spinner();
    progress.set_message("reading the checkpoint");
    let checkpoint = Checkpoint::open_state_dict(&args.checkpoint, args.state_dict.as_deref())?;
    progress.set_message("building the graphs");
    let pack = export(&checkpoint, &options)?;
    progress.set_message("writing the pack");
    pack.write(&args.out, args.force)?;
    progress.finish_and_clear();

    let model = &pack.manifest.model;
    out(&format!(
        "{}: {} {}x{} {} {}, weights {}\n  image_encoder.onnx {:>12} bytes\n  mask_decoder.onnx  {:>12} bytes\n",
        args.out.display(),
        model.id,
        model.image_size,
        model.image_size,
        model.channels,
        model.precision,
        model.weights,
        pack.manifest.image_encoder.bytes,
        pack.manifest.mask_decoder.bytes,
    ))?;
    if let Some(first) = pack.left_out.first() {
        log::warn!("{} tensors of the checkpoint were left out: {first}, ...", pack.left_out.len());
    }
    if !model.object_score {
        log::warn!("the checkpoint has no object-score head: object_score_logits is constant");
    }
    Ok(())
}

impl Args {
    fn options(&self) -> Result<ExportOptions, ExportError> {
        let metrics = metrics(&self.metrics)?;
        let mut options = ExportOptions {
            image_size: self.image_size,
            edge_layout: self.edge_layout,
            channels: self.channels,
            simplify: !self.no_simplify,
            id: self.model_id.clone(),
            version: self.model_version.clone(),
            weights: self.weights,
            keep_checkpoint: self.keep_checkpoint,
            ignore_unexpected: self.ignore_unexpected.clone(),
            metrics,
            ..ExportOptions::default()
        };
        let provenance = &mut options.provenance;
        for (field, given) in [
            (&mut provenance.training_data, &self.training_data),
            (&mut provenance.licence, &self.licence),
            (&mut provenance.intended_use, &self.intended_use),
        ] {
            if let Some(text) = given {
                field.clone_from(text);
            }
        }
        Ok(options)
    }
}

fn spinner() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}
