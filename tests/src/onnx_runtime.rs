//! Our runtime and ONNX Runtime on the same pack, image and prompts.
//!
//! The other side is `tests/python/check_onnx.py`, run in the environment that
//! `cargo xtask setup-python` makes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails its test by panicking with what it could not do"
)]

use crate::cli::root;
use crate::npy;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::{Embedding, EngineOptions, TractNetwork};
use uniultra_export::ModelPack;
use uniultra_manifest::Pack;

/// Magnitude that IoUs and scores are measured against where they are smaller themselves: an IoU of
/// 0.001 need not be exact to six digits.
pub const SCORE_SCALE: f32 = 1.0;

const FEATURES: [&str; 3] = ["image_embed", "high_res_feats_0", "high_res_feats_1"];

/// One tensor from both engines.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Prompt and tensor.
    pub what: String,
    /// Our runtime's values.
    pub ours: Vec<f32>,
    /// ONNX Runtime's values.
    pub theirs: Vec<f32>,
    /// Magnitude below which differences do not count as relative.
    pub floor: f32,
}

impl Pair {
    /// Largest magnitude of the other side, at least the floor.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.theirs.iter().fold(self.floor, |largest, value| largest.max(value.abs()))
    }
}

/// A pack in `models/`, as the exporter would hold it.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn shipped(id: &str) -> ModelPack {
    let pack = Pack::open(&root().join("models").join(id)).unwrap();
    ModelPack {
        manifest: pack.manifest().clone(),
        image_encoder: pack.read_image_encoder().unwrap().into_owned(),
        mask_decoder: pack.read_mask_decoder().unwrap().into_owned(),
        checkpoint: None,
        left_out: Vec::new(),
    }
}

/// Whose features our decoder reads; ONNX Runtime's reads its own encoder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Features {
    /// Those of our encoder: differences of a whole run show.
    Ours,
    /// The same as the other side's: differences of each network by itself show.
    Theirs,
}

/// Every output of one pack in both engines, on every kind of prompt.
///
/// # Panics
/// If the checker refuses the pack, or either engine fails.
#[must_use]
pub fn run_both(python: &Path, name: &str, pack: &ModelPack, features: Features) -> Vec<Pair> {
    let folder = tempfile::tempdir().unwrap();
    // The files' attention is float: the runtime's in integers is another function.
    let mut pack = pack.clone();
    if let Some(quantization) = &mut pack.manifest.quantization {
        quantization.integer_attention = false;
    }
    let work = Work::new(folder.path(), &pack);
    let model = &pack.manifest.model;
    let side = model.image_size;
    let image = image(model.channels.count(), side);
    npy::write(&work.cases.join("image.npy"), &[1, model.channels.count(), side, side], &image)
        .unwrap();
    let prompts = prompts(side);
    for (prompt, input) in &prompts {
        write_prompt(&work.cases.join(prompt), input, side / 4);
    }
    let output = work.check(python);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");

    let (network, _) = TractNetwork::open(&work.pack, &EngineOptions::new()).unwrap();
    let embedding = network.encode(&image).unwrap();
    let mut pairs = Vec::new();
    let mut pair = |what: String, file: &Path, ours: &[f32], floor: f32| {
        let theirs = npy::read(file).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}: {what}");
        pairs.push(Pair { what, ours: ours.to_vec(), theirs, floor });
    };
    for (tensor, ours) in FEATURES.iter().zip(embedding.values().unwrap()) {
        let file = work.results.join(tensor).with_extension("npy");
        pair((*tensor).to_string(), &file, ours, 0.0);
    }
    let embedding = match features {
        Features::Ours => embedding,
        Features::Theirs => {
            let read = |tensor: &str| {
                let file = work.results.join(tensor).with_extension("npy");
                npy::read(&file).unwrap()
            };
            let [embed, high_0, high_1] = FEATURES.map(read);
            Embedding::from_values(side, [&embed, &high_0, &high_1]).unwrap()
        }
    };
    for (prompt, input) in &prompts {
        let mut ours = DecoderOutput::new(side / 4);
        network.decode(&embedding, input, &mut ours).unwrap();
        for (tensor, values, floor) in [
            ("masks", ours.logits.as_slice(), 0.0),
            ("iou_predictions", &ours.predicted_iou, SCORE_SCALE),
            ("object_score_logits", &[ours.object_score_logit], SCORE_SCALE),
        ] {
            let file = work.results.join(prompt).join(tensor).with_extension("npy");
            pair(format!("{prompt}: {tensor}"), &file, values, floor);
        }
    }
    pairs
}

/// Structure at several scales, so that every window and edge kernel sees something: values 0 to 1.
fn image(channels: usize, side: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(channels * side * side);
    for channel in 0..channels {
        for row in 0..side {
            for column in 0..side {
                let (x, y) = (column as f32 / side as f32, row as f32 / side as f32);
                let wave = (40.0 * x * y + channel as f32).sin();
                let disc = f32::from(u8::from((x - 0.4).hypot(y - 0.6) < 0.2));
                let grain = ((row * 31 + column * 17) % 13) as f32 / 13.0;
                values.push(0.25 + 0.15 * wave + 0.4 * disc + 0.2 * grain);
            }
        }
    }
    values
}

/// No, 1, 2 and 5 points, a box, a box with a point, and mask prompts.
fn prompts(side: usize) -> Vec<(&'static str, DecoderInput)> {
    let s = side as f32;
    let clicks: [([f32; 2], f32); 5] = [
        ([0.4 * s, 0.6 * s], 1.0),
        ([0.1 * s, 0.1 * s], 0.0),
        ([0.55 * s, 0.6 * s], 1.0),
        ([0.0, s], 0.0),
        ([0.42 * s, 0.71 * s], 1.0),
    ];
    let corners = [([0.2 * s, 0.4 * s], 2.0), ([0.6 * s, 0.8 * s], 3.0)];
    let input = |points: &[([f32; 2], f32)], mask: Option<Vec<f32>>| DecoderInput {
        point_coords: points.iter().map(|(xy, _)| *xy).collect(),
        point_labels: points.iter().map(|(_, label)| *label).collect(),
        mask_input: mask,
    };
    let grid = side / 4;
    let distance = |at: usize| {
        let (x, y) = ((at % grid) as f32 / grid as f32, (at / grid) as f32 / grid as f32);
        10.0 - 50.0 * (x - 0.4).hypot(y - 0.6)
    };
    let mask: Vec<f32> = (0..grid * grid).map(distance).collect();
    vec![
        ("nothing", input(&[], None)),
        ("mask", input(&[], Some(mask.clone()))),
        ("point", input(&clicks[..1], None)),
        ("two_points", input(&clicks[..2], None)),
        ("five_points", input(&clicks, None)),
        ("box", input(&corners, None)),
        ("box_point_mask", input(&[&corners[..], &clicks[..1]].concat(), Some(mask))),
    ]
}

/// A scratch folder with a pack, inputs, and what ONNX Runtime makes of them.
#[derive(Debug)]
pub struct Work {
    /// The pack's folder.
    pub pack: PathBuf,
    cases: PathBuf,
    results: PathBuf,
}

impl Work {
    /// Writes the pack below `folder`.
    ///
    /// # Panics
    /// If the disk refuses.
    #[must_use]
    pub fn new(folder: &Path, pack: &ModelPack) -> Self {
        let [pack_folder, cases, results] =
            ["pack", "cases", "results"].map(|name| folder.join(name));
        pack.write(&pack_folder, false).unwrap();
        fs::create_dir(&cases).unwrap();
        Self { pack: pack_folder, cases, results }
    }

    /// Runs the script.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn check(&self, python: &Path) -> Output {
        let script = root().join("tests/python/check_onnx.py");
        let mut command = Command::new(python);
        command.arg(script).args([&self.pack, &self.cases, &self.results]).output().unwrap()
    }
}

/// The interpreter with onnx and onnxruntime, or nothing where it may be absent.
///
/// # Panics
/// If it must not be absent.
#[must_use]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
pub fn python() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let venv = root().join(target).join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // The stamp is written last: without it the packages may be missing.
    if venv.join("installed-requirements.txt").is_file() {
        return Some(python);
    }
    let missing = "no target/venv; `cargo xtask setup-python` makes it";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

fn write_prompt(folder: &Path, input: &DecoderInput, grid: usize) {
    fs::create_dir(folder).unwrap();
    let count = input.point_labels.len();
    let zeros = vec![0.0; grid * grid];
    let mask = input.mask_input.as_ref().unwrap_or(&zeros);
    let has_mask = f32::from(u8::from(input.mask_input.is_some()));
    let file = |name: &str| folder.join(name).with_extension("npy");
    npy::write(&file("point_coords"), &[1, count, 2], input.point_coords.as_flattened()).unwrap();
    npy::write(&file("point_labels"), &[1, count], &input.point_labels).unwrap();
    npy::write(&file("mask_input"), &[1, 1, grid, grid], mask).unwrap();
    npy::write(&file("has_mask_input"), &[1], &[has_mask]).unwrap();
}
