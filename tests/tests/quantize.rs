//! Quantization of packs: the same bytes every time, results close to float, and clear errors.
//! Random weights, 128 px.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use uniultra_engine::Segmenter;
use uniultra_export::{ExportOptions, ModelPack};
use uniultra_manifest::{MANIFEST_FILE, Pack, Precision, sha256_hex};
use uniultra_onnx::{DataType, TensorProto, decode, encode, float_values};
use uniultra_phantom::{Phantom, PhantomConfig};
use uniultra_quantize::{
    FrameSource, Frames, NetworkKind, QuantizeConfig, Quantized, Request, Silent, SourcePack,
    quantize,
};
use uniultra_tests::cli::run;
use uniultra_tests::packs::{ScratchPack, random};

fn scratch_pack() -> ScratchPack {
    let options = ExportOptions { image_size: 128, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", 5), &options)
}

fn config() -> QuantizeConfig {
    QuantizeConfig { images: 2, ..QuantizeConfig::default() }
}

fn quantized(folder: &Path, config: &QuantizeConfig, threads: usize) -> Quantized {
    let source = SourcePack::open(folder, config).unwrap();
    let frames = |seed, count| Frames::find(&FrameSource::Phantoms { seed }, count).unwrap();
    let (calibration, trial) = (frames(1, config.images), frames(2, 1));
    let request = Request {
        source: &source,
        config,
        calibration: &calibration,
        calibration_source: "phantoms",
        trial: Some(&trial),
        sensitivity: true,
        max_dice_drop: Some(0.0),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| quantize(&request, &Silent)).unwrap()
}

#[test]
fn the_same_run_gives_the_same_bytes_on_any_number_of_threads() {
    let pack = scratch_pack();
    // Few layers: each is tried alone.
    let exclude: Vec<String> = (1..12)
        .map(|block| format!("blocks.{block}"))
        .chain(["mask_decoder".to_string()])
        .collect();
    let config = QuantizeConfig { equalize: 0.4, exclude, ..config() };
    let [one, two] = [1, 2].map(|threads| quantized(&pack.folder(), &config, threads));
    assert_eq!(one.pack.image_encoder, two.pack.image_encoder);
    assert_eq!(one.pack.mask_decoder, two.pack.mask_decoder);
    assert_eq!(one.pack.manifest, two.pack.manifest);
    assert_eq!(one.report, two.report);
    // The budget holds, or everything that could be is in float.
    let trials = one.report.sensitivity.as_ref().unwrap();
    let in_float = one.report.layers.iter().filter(|layer| !layer.int8).count();
    assert!(trials.result.worst_drop <= 0.0 || in_float == one.report.layers.len());
    assert_eq!(trials.layers.len(), one.report.layers.len());
    let encoder = trials.layers.iter().filter(|layer| layer.network == NetworkKind::ImageEncoder);
    assert!(encoder.clone().count() >= 4);
    for layer in encoder {
        let result = layer.result;
        assert!(result.embedding_error > 0.0 && result.logits_error > 0.0, "{layer:?}");
    }

    let other = QuantizeConfig { seed: 9, ..config };
    let other = quantized(&pack.folder(), &other, 1);
    assert_ne!(other.pack.manifest.quantization, one.pack.manifest.quantization);
}

#[test]
fn an_int8_pack_says_so_runs_and_is_close_to_float() {
    let pack = scratch_pack();
    let source = SourcePack::open(&pack.folder(), &config()).unwrap();
    let calibration = Frames::find(&FrameSource::Phantoms { seed: 1 }, 2).unwrap();
    let request = Request {
        source: &source,
        config: &config(),
        calibration: &calibration,
        calibration_source: "phantoms",
        trial: None,
        sensitivity: false,
        max_dice_drop: None,
    };
    let Quantized { pack: int8, report } = quantize(&request, &Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("int8");
    int8.write(&folder, false).unwrap();
    let opened = Pack::open(&folder).unwrap();
    assert_eq!(opened.manifest().model.precision, Precision::Int8);
    assert_eq!(opened.manifest().model.id, format!("{}-int8", pack.pack.manifest.model.id));
    let section = opened.manifest().quantization.clone().unwrap();
    assert_eq!(section.int8_layers, report.layers.len());
    assert_eq!(section.calibration_images, 2);
    assert!(report.crossings.iter().all(|c| c.dequantize == 0 && c.integer_products > 40));
    // One byte where there were four, and scales and biases.
    let bytes = |pack: &ModelPack| pack.image_encoder.len() + pack.mask_decoder.len();
    assert!(bytes(&int8) * 10 < bytes(&pack.pack) * 4);

    let phantom = Phantom::generate(7, 0, &PhantomConfig::default()).image;
    let [width, height] = [phantom.width() as usize, phantom.height() as usize];
    let pixels = uniultra_core::Pixels::Gray8(phantom.into_raw());
    let frame = uniultra_core::Frame::new(width, height, pixels).unwrap();
    let embedding = |folder: &Path| {
        let segmenter = Segmenter::open(folder).unwrap();
        segmenter.encode(&frame).unwrap().embedding().values().unwrap()[0].to_vec()
    };
    let [float, int8] = [embedding(&pack.folder()), embedding(&folder)];
    let norm = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
    };
    let difference = norm(&mut float.iter().zip(&int8).map(|(a, b)| a - b));
    let relative = difference / norm(&mut float.iter().copied());
    // Rounding to 8 bits in some fifty successive layers costs a percent or two; a wrong scale or
    // layout gives an error as large as the embedding itself.
    assert!((1e-5..0.1).contains(&relative), "{relative}");
}

/// A copy of a pack with one initializer of the encoder changed, hashes made honest again.
fn with_weight(pack: &ScratchPack, folder: &Path, change: &dyn Fn(&mut TensorProto)) {
    let mut pack = pack.pack.clone();
    let mut model = decode(&pack.image_encoder).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let weight = graph.initializer.iter_mut().find(|t| t.name == "blocks.4/attn/qkv/weight");
    change(weight.unwrap());
    pack.image_encoder = encode(&model);
    pack.manifest.image_encoder.bytes = pack.image_encoder.len() as u64;
    pack.manifest.image_encoder.sha256 = sha256_hex(&pack.image_encoder);
    pack.write(folder, false).unwrap();
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let pack = scratch_pack();
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let model = pack.folder();
    let tool = |model: &Path, out: &Path, more: &[&str]| {
        let (model, out) = (model.to_str().unwrap(), out.to_str().unwrap());
        let mut args = vec!["quantize", "--model", model, "--out", out, "--images", "1"];
        args.extend(["--trial-images", "0"]);
        args.extend(more);
        run("uniultra-tools", args)
    };
    let out = path("out");

    tool(&model, &out, &["--exclude", "blocks.77"]).fails(2, &["`blocks.77`", "blocks.0"]);
    tool(&model, &out, &["--max-dice-drop", "0.1"]).fails(2, &["trial-images"]);
    tool(&model, &out, &["--observer", "guess"]).fails(2, &["minmax"]);
    tool(&path("absent"), &out, &[]).fails(4, &["model.toml"]);
    fs::write(path("bad.toml"), "bits = 4").unwrap();
    tool(&model, &out, &["--config", path("bad.toml").to_str().unwrap()]).fails(2, &["bits"]);

    let nan = |tensor: &mut TensorProto| {
        tensor.raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    with_weight(&pack, &path("nan"), &nan);
    tool(&path("nan"), &out, &[]).fails(4, &["blocks.4/attn/qkv/weight", "NaN"]);
    let huge = |tensor: &mut TensorProto| {
        assert_eq!(tensor.data_type(), DataType::Float);
        let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        let values: Vec<f32> = float_values(tensor).unwrap().iter().map(|v| v * 1e38).collect();
        *tensor = TensorProto::floats(&tensor.name, &shape, &values);
    };
    with_weight(&pack, &path("huge"), &huge);
    tool(&path("huge"), &out, &[]).fails(4, &["expected finite values"]);

    let data = path("data");
    for part in ["image", "mask"] {
        fs::create_dir_all(data.join("set").join(part)).unwrap();
    }
    let data = data.to_str().unwrap();
    let empty = tool(&model, &out, &["--calibration", data, "--split", "all"]);
    // After a warning that names the set.
    assert!(empty.code == Some(3) && empty.stderr.contains("error: calibration"), "{empty:?}");
    let save = |part: &str, value: fn(u32) -> u8| {
        let image = image::GrayImage::from_fn(64, 64, |x, _| image::Luma([value(x)]));
        image.save(Path::new(data).join("set").join(part).join("a.png")).unwrap();
    };
    save("image", |_| 90);
    save("mask", |x| if x > 30 { 255 } else { 0 });
    tool(&model, &out, &["--calibration", data, "--split", "all"]).fails(3, &["one gray level"]);
    assert!(!out.exists(), "nothing is written where something is wrong");

    // One layer in float; and the result can no longer be quantized.
    save("image", |x| (x * 3) as u8);
    let report = path("report");
    let report = report.to_str().unwrap();
    let real =
        ["--calibration", data, "--split", "all", "--exclude", "blocks.0", "--report", report];
    tool(&model, &out, &real).succeeds();
    let json = fs::read(Path::new(report).join("quantization.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["layers"].as_array().unwrap().len() + 4, 105, "block 0 has four layers");
    for file in ["quantization.md", "quantization.html"] {
        let text = fs::read_to_string(Path::new(report).join(file)).unwrap();
        assert!(text.contains("blocks.3/attn/qkv") && text.contains("excluded by the caller"));
    }
    let text = fs::read_to_string(out.join(MANIFEST_FILE)).unwrap();
    assert!(text.contains("blocks.0/attn/qkv") && text.contains("precision = \"int8\""), "{text}");
    let (model, out_again) = (model.to_str().unwrap(), path("again"));
    let args = ["quantize", "--model", model, "--images", "1", "--trial-images", "1"];
    let args =
        [&args[..], &["--calibration", data, "--split", "all", "--trial-split", "all"]].concat();
    let args = [&args[..], &["--out", out_again.to_str().unwrap(), "--report", report]].concat();
    let said = run("uniultra-tools", args);
    assert!(said.succeeds().stdout.contains("int8, as written"), "{said:?}");
    assert!(Path::new(report).join("comparison/report.json").is_file());

    let model = Path::new(model);
    tool(&out, &path("twice"), &[]).fails(4, &["expected an f32 pack", "int8"]);
    tool(model, &out, &["--calibration", data, "--split", "all"]).fails(6, &["out"]);
}
