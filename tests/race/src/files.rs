//! What a race needs before it starts: binaries, packs, inputs, and the peers' own files.

use super::field::{MNN, NCNN, ONNX_RUNTIME};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{SAMPLE, SAMPLE_POINT, screen};

const CHECKPOINT: &str = "models/uniultra-mini/weights.safetensors";

/// The trained int8 pack, and the side of its input in pixels.
const SHIPPED_INT8: (&str, u32) = ("models/uniultra-mini-int8", 512);

/// Layers that the shipped int8 pack leaves in float, by its README.
const INT8_EXCLUDED: [&str; 5] = [
    "blocks.1/proj",
    "blocks.2/attn/qkv",
    "blocks.3/proj",
    "blocks.3/attn/qkv",
    "mask_decoder/output_upscaling/3",
];

/// Where the Python side lies.
pub(super) const PEERS: &str = "tests/peers";

/// Simulated frames that quantizers calibrate on.
const CALIBRATION_FRAMES: &str = "8";

/// How much to prepare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// Side of the networks' input, px.
    pub(super) size: u32,
    /// For the smoke test: the dev profile, one graph.
    pub(super) quick: bool,
    /// Peers whose tools make files of the graphs.
    pub(super) engines: &'static [&'static str],
}

/// Peers that need files of their own, and ONNX Runtime for its int8.
pub(super) const CONVERTED: &[&str] = &[ONNX_RUNTIME, MNN, NCNN];

/// One export of the weights.
#[derive(Clone, Debug)]
pub(super) struct Graphs {
    /// `simplified` or `literal`.
    pub(super) name: &'static str,
    /// Its pack's folder.
    pub(super) pack: PathBuf,
    /// Folder of what peers make of it.
    converted: PathBuf,
}

impl Graphs {
    /// Folder of what one peer's tools made of this export.
    pub(super) fn made(&self, engine: &str) -> PathBuf {
        self.converted.join(engine)
    }
}

/// Everything that lanes read.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The simplified export comes first.
    pub(super) graphs: Vec<Graphs>,
    /// Our int8 pack.
    pub(super) int8: PathBuf,
    /// The networks' inputs for the frame and the click.
    pub(super) inputs: PathBuf,
    /// Our lane's program.
    pub(super) lane: PathBuf,
    /// Peers whose tools failed, with their words.
    pub(super) failures: BTreeMap<&'static str, String>,
}

impl Files {
    /// The export that our runtime runs.
    pub(super) fn simplified(&self) -> &Path {
        self.graphs.first().map_or(Path::new(""), |graphs| &graphs.pack)
    }

    /// Builds and makes what is missing below `folder`.
    pub(super) fn make(
        workspace: &Workspace,
        python: &Path,
        folder: &Path,
        scope: Scope,
    ) -> Result<Self> {
        let profile = build(workspace, scope.quick)?;
        let tools = workspace.binary(profile, "uniultra-tools");
        let names: &[&'static str] =
            if scope.quick { &["simplified"] } else { &["simplified", "literal"] };
        let mut graphs = Vec::new();
        for &name in names {
            let converted = folder.join(format!("{name}-for-peers"));
            let made = Graphs { name, pack: folder.join(name), converted };
            let mut export = workspace.command(&tools);
            export.args(["export", "--checkpoint", CHECKPOINT, "--force"]);
            export.args(["--image-size", &scope.size.to_string()]).arg("--out").arg(&made.pack);
            if name == "literal" {
                export.arg("--no-simplify");
            }
            workspace::run(&mut export)?;
            graphs.push(made);
        }
        let pack = &folder.join("simplified");
        let int8 = if scope.size == SHIPPED_INT8.1 {
            workspace.root.join(SHIPPED_INT8.0)
        } else {
            quantize(workspace, &tools, pack, &folder.join("int8"))?
        };

        let inputs = folder.join("inputs");
        let program = workspace.binary(profile, "examples/race_inputs");
        let mut command = workspace.command(program);
        command.arg("--pack").arg(pack).args(["--frame", SAMPLE, "--point", SAMPLE_POINT]);
        let frames = if scope.quick { "1" } else { CALIBRATION_FRAMES };
        command.args(["--calibration", frames]).arg("--out").arg(&inputs);
        workspace::run(&mut command)?;

        let mut failures = BTreeMap::new();
        for made in &graphs {
            for &engine in scope.engines {
                if let Err(error) = convert(workspace, python, engine, made, &inputs) {
                    screen::line(&format!("{engine}, {}: {error:#}", made.name));
                    failures.entry(engine).or_insert_with(|| format!("{error:#}"));
                }
            }
        }
        let lane = workspace.binary(profile, "examples/lane");
        Ok(Self { graphs, int8, inputs: inputs.join("frame"), lane, failures })
    }
}

/// Builds our lane, the maker of inputs and the exporter; the profile's folder.
fn build(workspace: &Workspace, quick: bool) -> Result<&'static str> {
    // As the gate's tests and the counts build them, in two steps: together, or without the rest of the
    // workspace, they are another set of features.
    for kind in [&["--bins"][..], &["--example", "lane", "--example", "race_inputs"]] {
        let mut command = workspace.cargo(&["build", "--locked", "--workspace"]);
        workspace::run(command.args(if quick { &[][..] } else { &["--release"] }).args(kind))?;
    }
    Ok(if quick { "debug" } else { "release" })
}

/// The shipped int8 pack's recipe at another size, calibrated on simulated frames.
fn quantize(workspace: &Workspace, tools: &Path, pack: &Path, out: &Path) -> Result<PathBuf> {
    let mut command = workspace.command(tools);
    command.arg("quantize").arg("--model").arg(pack).arg("--out").arg(out).arg("--force");
    command.args(["--images", CALIBRATION_FRAMES, "--trial-images", "0"]);
    for layer in INT8_EXCLUDED {
        command.args(["--exclude", layer]);
    }
    workspace::run(&mut command)?;
    Ok(out.to_path_buf())
}

/// Lets a peer's tools make their files, unless a stamp says that they made them of this very pack
/// with these very scripts and versions.
fn convert(
    workspace: &Workspace,
    python: &Path,
    engine: &str,
    graphs: &Graphs,
    inputs: &Path,
) -> Result<()> {
    let out = graphs.made(engine);
    let stamp = out.join("made-of.txt");
    let wanted = made_of(workspace, &graphs.pack)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    let mut command = workspace.command(python);
    command.arg("-B").arg(format!("{PEERS}/prepare.py")).args(["--engine", engine]);
    command.arg("--graphs").arg(&graphs.pack).arg("--out").arg(&out);
    command.arg("--calibration").arg(inputs.join("calibration"));
    screen::line(&format!("$ {}", workspace::typed(&command)));
    let done = command.output().context("cannot start Python")?;
    if !done.status.success() {
        // Its last line is the reason; before it the tool may have talked at length.
        let said = String::from_utf8_lossy(&done.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word");
        anyhow::bail!("its tools failed ({}): {last}", done.status);
    }
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Manifest of the pack, which has its files' hashes, and the Python side's sources.
fn made_of(workspace: &Workspace, pack: &Path) -> Result<String> {
    let peers = workspace.root.join(PEERS);
    let folder = peers.join("conversions");
    let mut files = vec![pack.join("model.toml"), peers.join("requirements.txt")];
    let listed = std::fs::read_dir(&folder).with_context(|| format!("cannot list {PEERS}"))?;
    let scripts = listed.filter_map(|entry| Some(entry.ok()?.path()));
    files.extend(scripts.filter(|path| path.extension().is_some_and(|end| end == "py")));
    files.sort();
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    files.iter().map(read).collect()
}
