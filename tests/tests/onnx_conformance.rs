//! Exported packs are valid, standard ONNX, and ONNX Runtime computes what our runtime computes.
//!
//! The ONNX side is `tests/python/check_onnx.py`, run in the environment that
//! `cargo xtask setup-python` makes. Without it these tests are skipped, or fail where `CI=true`.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use uniultra_checkpoint::{Architecture, Checkpoint, random_checkpoint};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::TractNetwork;
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_manifest::{Channels, EdgeLayout, Pack, WeightFormat};

/// Largest difference between the two engines, as a share of the tensor's largest magnitude. Both
/// compute in f32 and differ in the order of sums and in how they approximate exp and erf: 5e-5 at
/// most when this was written, while a wrong operator or layout is off by far more than 1e-3.
const TOLERANCE: f32 = 1e-3;

/// Magnitude that IoUs and scores are measured against where they are smaller themselves: an IoU of
/// 0.001 need not be exact to six digits.
const SCORE_SCALE: f32 = 1.0;

const FEATURES: [&str; 3] = ["image_embed", "high_res_feats_0", "high_res_feats_1"];

#[test]
fn random_mini_packs_agree_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let checkpoint = random_checkpoint(&mini, 2);
    for image_size in [128, 256] {
        for edge_layout in [EdgeLayout::Spatial, EdgeLayout::Reference] {
            for channels in [Channels::Gray, Channels::Rgb] {
                for simplify in [true, false] {
                    let options = ExportOptions {
                        image_size,
                        edge_layout,
                        channels,
                        simplify,
                        ..Default::default()
                    };
                    let name = format!("{image_size} {edge_layout} {channels} simplify={simplify}");
                    compare(&python, &name, &export(&checkpoint, &options).unwrap());
                }
            }
        }
    }
}

#[test]
fn sam2_tiny_pack_agrees_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let weights = root().join("../shared/weights/sam2_hiera_tiny.fp16.safetensors");
    if !weights.is_file() {
        eprintln!("skipped: no ../shared");
        return;
    }
    let checkpoint = Checkpoint::open(&weights).unwrap();
    let options = ExportOptions { image_size: 512, ..Default::default() };
    compare(&python, "SAM 2 tiny", &export(&checkpoint, &options).unwrap());
}

#[test]
fn packs_with_f16_weights_agree_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let checkpoint = random_checkpoint(&mini, 2);
    for simplify in [true, false] {
        let weights = WeightFormat::F16;
        let options = ExportOptions { image_size: 256, weights, simplify, ..Default::default() };
        let name = format!("weights {weights}, simplify={simplify}");
        compare(&python, &name, &export(&checkpoint, &options).unwrap());
    }
}

#[test]
fn the_default_model_agrees_with_onnx_runtime() {
    let Some(python) = python() else { return };
    let pack = Pack::open(&root().join("models/uniultra-mini")).unwrap();
    let pack = ModelPack {
        manifest: pack.manifest().clone(),
        image_encoder: pack.read_image_encoder().unwrap().into_owned(),
        mask_decoder: pack.read_mask_decoder().unwrap().into_owned(),
        checkpoint: None,
    };
    compare(&python, "the default model", &pack);
}

/// The script above all must be able to say no.
#[test]
fn checker_refuses_a_pack_that_is_not_what_it_says() {
    let Some(python) = python() else { return };
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let options = ExportOptions { image_size: 64, ..Default::default() };
    let good = export(&random_checkpoint(&mini, 3), &options).unwrap();
    let refusal = |pack: &ModelPack, break_it: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::new(folder.path(), pack);
        break_it(&work.pack);
        let output = work.check(&python);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    };

    let flipped = refusal(&good, &|pack| {
        let path = pack.join("mask_decoder.onnx");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    });
    assert!(flipped.contains("mask_decoder.onnx: sha256"), "{flipped}");

    let renamed = refusal(&good, &|pack| {
        let path = pack.join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("high_res_feats_1", "high_res_feats_2", 1)).unwrap();
    });
    assert!(renamed.contains("image_encoder.onnx: outputs"), "{renamed}");

    let restated = refusal(&good, &|pack| {
        let path = pack.join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("weights = \"f32\"", "weights = \"f16\"", 1)).unwrap();
    });
    assert!(restated.contains("image_encoder.onnx: formats of weights"), "{restated}");
}

#[test]
fn differences_are_relative_and_nan_is_one() {
    assert!((difference(&[1.0, 10.1], &[1.0, 10.0], 0.0) - 0.01).abs() < 1e-6);
    assert!((difference(&[0.1], &[0.2], SCORE_SCALE) - 0.1).abs() < 1e-6);
    assert!(difference(&[1.0, f32::NAN, 1.0], &[1.0; 3], 0.0).is_nan());
    assert_eq!(difference(&[0.0], &[0.0], 0.0), f32::INFINITY);
}

/// Runs one pack in both engines on every kind of prompt.
fn compare(python: &Path, name: &str, pack: &ModelPack) {
    let folder = tempfile::tempdir().unwrap();
    let work = Work::new(folder.path(), pack);
    let model = &pack.manifest.model;
    let side = model.image_size;
    let image = image(model.channels.count(), side);
    write_npy(&work.cases.join("image.npy"), &[1, model.channels.count(), side, side], &image);
    let prompts = prompts(side);
    for (prompt, input) in &prompts {
        write_prompt(&work.cases.join(prompt), input, side / 4);
    }
    let output = work.check(python);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");

    let (network, _) = TractNetwork::open(&work.pack, &Default::default()).unwrap();
    let embedding = network.encode(&image).unwrap();
    let mut worst: f32 = 0.0;
    let mut same = |what: &str, file: &Path, ours: &[f32], floor: f32| {
        let difference = difference(ours, &read_npy(file), floor);
        assert!(difference <= TOLERANCE, "{name}: {what}: differs by {difference:e}");
        worst = worst.max(difference);
    };
    for (tensor, ours) in FEATURES.iter().zip(embedding.values().unwrap()) {
        same(tensor, &work.results.join(tensor).with_extension("npy"), ours, 0.0);
    }
    for (prompt, input) in &prompts {
        let mut ours = DecoderOutput::new(side / 4);
        network.decode(&embedding, input, &mut ours).unwrap();
        for (tensor, values, floor) in [
            ("masks", ours.logits.as_slice(), 0.0),
            ("iou_predictions", &ours.predicted_iou, SCORE_SCALE),
            ("object_score_logits", &[ours.object_score_logit], SCORE_SCALE),
        ] {
            let file = work.results.join(prompt).join(tensor).with_extension("npy");
            same(&format!("{prompt}: {tensor}"), &file, values, floor);
        }
    }
    eprintln!("{name}: largest difference {worst:.1e}");
}

/// Largest difference as a share of the largest magnitude, or of `floor` where that is larger. A
/// tensor of zeros agrees with nothing.
fn difference(ours: &[f32], theirs: &[f32], floor: f32) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let scale = theirs.iter().fold(floor, |largest, value| largest.max(value.abs()));
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    // `f32::max` would pass over NaN.
    let largest = differences.fold(0.0, |a: f32, b| if a.is_nan() || a > b { a } else { b });
    if scale > 0.0 { largest / scale } else { f32::INFINITY }
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
struct Work {
    pack: PathBuf,
    cases: PathBuf,
    results: PathBuf,
}

impl Work {
    fn new(folder: &Path, pack: &ModelPack) -> Self {
        let [pack_folder, cases, results] =
            ["pack", "cases", "results"].map(|name| folder.join(name));
        pack.write(&pack_folder, false).unwrap();
        fs::create_dir(&cases).unwrap();
        Self { pack: pack_folder, cases, results }
    }

    fn check(&self, python: &Path) -> Output {
        let script = root().join("tests/python/check_onnx.py");
        let mut command = Command::new(python);
        command.arg(script).args([&self.pack, &self.cases, &self.results]).output().unwrap()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The interpreter with onnx and onnxruntime, or nothing where it may be absent.
fn python() -> Option<PathBuf> {
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
    write_npy(&file("point_coords"), &[1, count, 2], input.point_coords.as_flattened());
    write_npy(&file("point_labels"), &[1, count], &input.point_labels);
    write_npy(&file("mask_input"), &[1, 1, grid, grid], mask);
    write_npy(&file("has_mask_input"), &[1], &[has_mask]);
}

fn write_npy(path: &Path, shape: &[usize], values: &[f32]) {
    use npyz::WriterBuilder;
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    let file = BufWriter::new(File::create(path).unwrap());
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd().unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
}

fn read_npy(path: &Path) -> Vec<f32> {
    npyz::NpyFile::new(File::open(path).unwrap()).unwrap().into_vec().unwrap()
}
