//! `uniultra info`: facts about the program, the machine and a model pack.

use crate::args::InfoArgs;
use crate::board::{FitReport, RunSetup};
use crate::failure::AppError;
use crate::model::{ModelSource, OriginReport};
use crate::output::{check_json, print};
use serde::Serialize;
use std::fmt::{self, Write};
use std::path::Path;
use uniultra_manifest::{Manifest, Network, WeightFormat};

/// Version of the JSON document's fields.
const SCHEMA_VERSION: u32 = 1;

/// The facts that `--json` writes.
#[derive(Debug, Serialize)]
struct Info {
    /// Always [`SCHEMA_VERSION`].
    schema_version: u32,
    /// Version of this program.
    version: &'static str,
    /// Engine and version.
    engine: &'static str,
    /// The target that the program was built for.
    target: Target,
    /// SIMD features of this processor that matter to the engine.
    cpu_features: Vec<&'static str>,
    /// Number of threads that the system offers; `null` if it does not say.
    threads_available: Option<usize>,
    /// The pack's `model.toml`, after its files were checked against it; `null` if the program has
    /// no model inside and none was named.
    model: Option<Manifest>,
    /// Where that model comes from; `null` if `model` is.
    model_origin: Option<OriginReport>,
    /// The board's profile, and whether this machine and the model fit it; `null` without
    /// `--board`.
    board: Option<FitReport>,
}

/// The target that the program was built for.
#[derive(Debug, Serialize)]
struct Target {
    arch: &'static str,
    os: &'static str,
    /// C library or ABI; `null` if the target has only one.
    env: Option<&'static str>,
    pointer_bits: u32,
}

const TARGET: Target = Target {
    arch: std::env::consts::ARCH,
    os: std::env::consts::OS,
    env: if cfg!(target_env = "gnu") {
        Some("gnu")
    } else if cfg!(target_env = "musl") {
        Some("musl")
    } else if cfg!(target_env = "msvc") {
        Some("msvc")
    } else {
        None
    },
    pointer_bits: usize::BITS,
};

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
    let fit = |board| FitReport { board, fits: misfits.is_empty(), misfits: misfits.clone() };
    let info = Info {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        engine: uniultra_engine::engine_name(),
        target: TARGET,
        cpu_features: uniultra_engine::cpu_features(),
        threads_available: std::thread::available_parallelism().ok().map(usize::from),
        model: manifest,
        model_origin: model.as_ref().map(ModelSource::report),
        board: setup.report().map(fit),
    };
    match &args.json {
        Some(target) => target.write_json(&info)?,
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

fn text(info: &Info) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let Target { arch, os, env, pointer_bits } = &info.target;
    writeln!(text, "uniultra      {}", info.version)?;
    writeln!(text, "engine        {}", info.engine)?;
    let env = env.map(|env| format!("-{env}")).unwrap_or_default();
    writeln!(text, "target        {arch}-{os}{env}, {pointer_bits} bit")?;
    let features =
        if info.cpu_features.is_empty() { "none".to_string() } else { info.cpu_features.join(" ") };
    writeln!(text, "cpu features  {features}")?;
    match info.threads_available {
        Some(count) => writeln!(text, "threads       {count} available")?,
        None => writeln!(text, "threads       unknown")?,
    }
    if let Some(FitReport { board, misfits, .. }) = &info.board {
        writeln!(text, "board         {}", board.line())?;
        for misfit in misfits {
            writeln!(text, "misfit        {misfit}")?;
        }
    }
    match (&info.model, &info.model_origin) {
        (Some(manifest), Some(origin)) => model_text(&mut text, manifest, origin)?,
        _ => writeln!(
            text,
            "model         none inside: name a pack with --model DIR; `uniultra-tools export` makes one"
        )?,
    }
    Ok(text)
}

fn model_text(text: &mut String, manifest: &Manifest, origin: &OriginReport) -> fmt::Result {
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

    fn info() -> Info {
        Info {
            schema_version: SCHEMA_VERSION,
            version: "0",
            engine: "engine 1",
            target: TARGET,
            cpu_features: vec!["avx2"],
            threads_available: Some(2),
            model: None,
            model_origin: None,
            board: None,
        }
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
        assert!(json["model"].is_null());
        assert_eq!(json["cpu_features"][0], "avx2");
    }

    #[test]
    fn a_folder_without_a_pack_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(verified(&ModelSource::Folder(folder.path().to_path_buf())).is_err());
    }
}
