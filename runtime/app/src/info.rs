//! `uniultra info`: facts about the program, the machine and a model pack.

use crate::args::InfoArgs;
use crate::board::RunSetup;
use crate::document::document;
use crate::failure::AppError;
use crate::machine;
use crate::model::ModelSource;
use crate::output::{check_json, print, write_json};
use std::fmt::{self, Write};
use std::path::Path;
use uniultra_manifest::{Manifest, Network, WeightFormat};
use uniultra_schema::{BoardFit, BuildTarget, Document, InfoReport, ModelOrigin};

/// The target that this program was built for.
fn target() -> BuildTarget {
    let env = if cfg!(target_env = "gnu") {
        Some("gnu")
    } else if cfg!(target_env = "musl") {
        Some("musl")
    } else if cfg!(target_env = "msvc") {
        Some("msvc")
    } else {
        None
    };
    BuildTarget {
        arch: std::env::consts::ARCH.to_string(),
        os: std::env::consts::OS.to_string(),
        env: env.map(str::to_string),
        pointer_bits: usize::BITS,
    }
}

/// Runs the command.
pub(crate) fn run(args: &InfoArgs, board: Option<&Path>) -> anyhow::Result<()> {
    check_json(args.json.as_ref(), None)?;
    let model = match ModelSource::resolve(args.model.as_deref()) {
        Ok(source) => Some(source),
        // The other facts are still useful.
        Err(AppError::NoModel) => None,
        Err(error) => return Err(error.into()),
    };
    let setup = RunSetup::resolve(board, None)?;
    let manifest = model.as_ref().map(verified).transpose()?;
    let of_model = manifest.as_ref().map(|manifest| setup.model_misfits(manifest));
    let misfits = [setup.machine_misfits(), of_model.unwrap_or_default()].concat();
    let fit = |board| BoardFit { board, fits: misfits.is_empty(), misfits: misfits.clone() };
    let identity = model.as_ref().zip(manifest.as_ref());
    let identity = identity.map(|(source, manifest)| source.identity(manifest));
    let report = InfoReport {
        engine: uniultra_engine::engine_name().to_string(),
        target: target(),
        cpu_features: machine::cpu_features(),
        threads_available: machine::threads_available(),
        manifest,
        board: setup.report().map(fit),
    };
    let info = document(identity, report);
    match &args.json {
        Some(target) => write_json(target, &info)?,
        None => print(&text(&info)?)?,
    }
    Ok(setup.refuse(misfits)?)
}

/// The manifest of a pack, after its files were checked against it.
fn verified(source: &ModelSource) -> anyhow::Result<Manifest> {
    let pack = source.pack()?;
    pack.read_image_encoder()?;
    pack.read_mask_decoder()?;
    Ok(pack.manifest().clone())
}

fn text(document: &Document<InfoReport>) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let info = &document.report;
    let BuildTarget { arch, os, env, pointer_bits } = &info.target;
    writeln!(text, "uniultra      {}", document.tool.version)?;
    writeln!(text, "engine        {}", info.engine)?;
    let env = env.as_ref().map(|env| format!("-{env}")).unwrap_or_default();
    writeln!(text, "target        {arch}-{os}{env}, {pointer_bits} bit")?;
    let features =
        if info.cpu_features.is_empty() { "none".to_string() } else { info.cpu_features.join(" ") };
    writeln!(text, "cpu features  {features}")?;
    match info.threads_available {
        Some(count) => writeln!(text, "threads       {count} available")?,
        None => writeln!(text, "threads       unknown")?,
    }
    if let Some(BoardFit { board, misfits, .. }) = &info.board {
        writeln!(text, "board         {}", board.line())?;
        for misfit in misfits {
            writeln!(text, "misfit        {misfit}")?;
        }
    }
    match (&info.manifest, &document.model) {
        (Some(manifest), Some(model)) => model_text(&mut text, manifest, &model.origin)?,
        _ => writeln!(
            text,
            "model         none inside: name a pack with --model DIR; `uniultra-tools export` makes one"
        )?,
    }
    Ok(text)
}

fn model_text(text: &mut String, manifest: &Manifest, origin: &ModelOrigin) -> fmt::Result {
    let Manifest { model, provenance, source, .. } = manifest;
    let yes_no = |yes| if yes { "yes" } else { "no" };
    writeln!(text)?;
    writeln!(text, "model         {} {}", model.id, model.version)?;
    writeln!(text, "from          {}", origin.folder.as_deref().unwrap_or("this program"))?;
    write!(text, "architecture  {}, CH-Adapters: {}", model.variant, yes_no(model.ch_adapters))?;
    if model.ch_adapters {
        write!(text, ", edge layout {}", model.edge_layout)?;
    }
    writeln!(text, ", object score: {}", yes_no(model.object_score))?;
    let size = model.image_size;
    write!(text, "input         {size} x {size} px, {}, {}", model.channels, model.precision)?;
    if manifest.quantization.as_ref().is_some_and(|section| section.integer_attention) {
        write!(text, " with the image encoder's attention")?;
    }
    if model.weights != WeightFormat::F32 {
        write!(text, ", weights stored as {}", model.weights)?;
    }
    writeln!(text, ", simplified: {}", yes_no(model.simplified))?;
    for (name, network) in
        [("encoder", &manifest.image_encoder), ("decoder", &manifest.mask_decoder)]
    {
        network_text(text, name, network)?;
    }
    writeln!(text, "checkpoint    sha256 {}", source.checkpoint_sha256)?;
    writeln!(text, "made by       {}", source.tool)?;
    writeln!(text, "trained on    {}", provenance.training_data)?;
    writeln!(text, "licence       {}", provenance.licence)?;
    writeln!(text, "intended use  {}", provenance.intended_use)?;
    if manifest.metrics.is_empty() {
        writeln!(text, "metrics       none recorded")?;
    }
    for (name, value) in &manifest.metrics {
        writeln!(text, "metric        {name} = {value}")?;
    }
    Ok(())
}

fn network_text(text: &mut String, name: &str, network: &Network) -> fmt::Result {
    let mib = network.bytes as f64 / f64::from(1 << 20);
    writeln!(
        text,
        "{name:<13} {}, {mib:.1} MiB, sha256 {} (verified)",
        network.file, network.sha256
    )?;
    for (direction, tensors) in [("in", &network.inputs), ("out", &network.outputs)] {
        for tensor in tensors {
            writeln!(text, "  {direction:<11} {} {:?}", tensor.name, tensor.shape)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> Document<InfoReport> {
        let report = InfoReport {
            engine: "engine 1".to_string(),
            target: target(),
            cpu_features: vec!["avx2".to_string()],
            threads_available: Some(2),
            manifest: None,
            board: None,
        };
        document(None, report)
    }

    #[test]
    fn without_a_model_the_text_says_what_to_do() {
        let text = text(&info()).unwrap();
        assert!(text.contains("engine 1") && text.contains("uniultra-tools export"), "{text}");
    }

    #[test]
    fn the_json_has_every_field() {
        let json = serde_json::to_value(info()).unwrap();
        assert_eq!(json["target"]["arch"], std::env::consts::ARCH);
        assert!(json["model"].is_null() && json["manifest"].is_null());
        assert_eq!(json["cpu_features"][0], "avx2");
    }

    #[test]
    fn a_folder_without_a_pack_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(verified(&ModelSource::Folder(folder.path().to_path_buf())).is_err());
    }
}
