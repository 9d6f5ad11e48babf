//! `uniultra-tools export` of the trainer's files, the way by which the default model got into
//! `models/`.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::fs;
use uniultra_checkpoint::Checkpoint;
use uniultra_engine::Segmenter;
use uniultra_manifest::{EdgeLayout, Precision, Variant, WeightFormat};
use uniultra_tests::cli::run;
use uniultra_tests::packs::random;

/// Every tensor of image segmentation, object score head included, and none of video.
#[test]
fn a_trained_checkpoint_becomes_a_pack_that_describes_itself() {
    let folder = tempfile::tempdir().unwrap();
    let [file, out] = ["final.safetensors", "uniultra-mini"].map(|name| folder.path().join(name));
    let checkpoint = random("uniultra-mini", 8);
    let recognised = checkpoint.recognise().unwrap();
    assert!(recognised.has_object_score_head && !recognised.has_video);
    fs::write(&file, checkpoint.to_safetensors().unwrap()).unwrap();

    let mut args = vec!["export", "--checkpoint", file.to_str().unwrap()];
    args.extend(["--out", out.to_str().unwrap(), "--image-size", "128", "--weights", "f16"]);
    args.extend(["--model-id", "uniultra-mini", "--model-version", "1.0.0"]);
    args.extend(["--training-data", "simulated frames, and a \"public\" set", "--licence", "MIT"]);
    args.extend(["--keep-checkpoint", "--intended-use", "research; not a medical device"]);
    args.extend(["--metric", "dice_phantom_point=0.91", "--metric", "hd95_phantom_box_px=3e0"]);
    let exported = run("uniultra-tools", args);
    assert!(exported.succeeds().stdout.contains("weights f16"), "{}", exported.stdout);
    assert!(!exported.stderr.contains("no object-score head"), "{}", exported.stderr);

    let segmenter = Segmenter::open(&out).unwrap();
    let manifest = segmenter.manifest();
    let model = &manifest.model;
    assert_eq!((model.id.as_str(), model.version.as_str()), ("uniultra-mini", "1.0.0"));
    assert_eq!((model.variant, model.ch_adapters), (Variant::Mini, true));
    assert_eq!((model.edge_layout, model.image_size), (EdgeLayout::Spatial, 128));
    assert_eq!((model.precision, model.weights), (Precision::F32, WeightFormat::F16));
    assert!(model.object_score && model.simplified);
    assert_eq!(manifest.provenance.training_data, "simulated frames, and a \"public\" set");
    assert_eq!(manifest.provenance.licence, "MIT");
    assert_eq!(manifest.provenance.intended_use, "research; not a medical device");
    let metrics: Vec<_> = manifest.metrics.iter().map(|(name, v)| (name.as_str(), *v)).collect();
    assert_eq!(metrics, [("dice_phantom_point", 0.91), ("hd95_phantom_box_px", 3.0)]);
    assert_eq!(manifest.source.checkpoint_sha256, *Checkpoint::open(&file).unwrap().sha256());

    // The tensors came along, rounded: a pack can be made of them.
    let kept = out.join("weights.safetensors");
    assert!(fs::metadata(&kept).unwrap().len() * 2 < fs::metadata(&file).unwrap().len() + 100_000);
    let again = folder.path().join("again");
    let args = [
        "export",
        "--checkpoint",
        kept.to_str().unwrap(),
        "--out",
        again.to_str().unwrap(),
        "--image-size",
        "128",
    ];
    run("uniultra-tools", args).succeeds();
    let count = |folder| Checkpoint::open(folder).unwrap().names().count();
    assert_eq!(count(&kept), count(&file));
    // A pack that is exported again without them does not keep the old ones.
    let args = [args.as_slice(), &["--force"]].concat();
    fs::copy(&kept, again.join("weights.safetensors")).unwrap();
    run("uniultra-tools", args).succeeds();
    assert!(!again.join("weights.safetensors").exists());
}
