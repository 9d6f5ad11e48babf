//! Bad input on the command line: a clear message, the documented exit code, no panic, no file
//! left.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its figures go to its output"
)]

use std::fs;
use std::path::Path;
use tempfile::TempDir;
use uniultra_export::ExportOptions;
use uniultra_manifest::{Manifest, sha256_hex};
use uniultra_tests::cli::{Run, run, sample_frame};
use uniultra_tests::packs::{ScratchPack, random};

/// A small pack of random weights: these tests ask for errors, not for masks.
fn pack() -> ScratchPack {
    let options = ExportOptions { image_size: 64, ..ExportOptions::default() };
    ScratchPack::export(&random("uniultra-mini", 1), &options)
}

fn segment(frame: &Path, model: &Path, rest: &[&str]) -> Run {
    let mut args = vec!["segment".into(), frame.as_os_str().to_owned()];
    args.extend(["--model".into(), model.as_os_str().to_owned()]);
    args.extend(rest.iter().map(Into::into));
    run("uniultra", args)
}

fn scratch(name: &str, bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn prompts_that_mean_nothing() {
    let pack = pack();
    let refused = |args: &[&str], code: i32, words: &[&str]| {
        segment(&sample_frame(), &pack.folder(), args).fails(code, words);
    };
    refused(&[], 3, &["prompt", "hint:"]);
    refused(&["--point", "100000,3"], 3, &["100000"]);
    refused(&["--point", "-5,3"], 3, &["-5"]);
    refused(&["--point", "NaN,3"], 3, &["NaN"]);
    refused(&["--point", "3,inf"], 3, &["inf"]);
    refused(&["--box", "50,50,20,80"], 3, &["50"]);
    refused(&["--point", "20,20,0"], 3, &["only negative points", "hint:", "--point X,Y"]);
    refused(&["--point", "1,2,7"], 2, &["1,2,7"]);
    refused(&["--point", "banana"], 2, &["banana"]);
    let many: Vec<&str> = std::iter::repeat_n(["--point", "20,20"], 33).flatten().collect();
    refused(&many, 3, &["32"]);
}

#[test]
fn frames_that_are_none() {
    let pack = pack();
    let refused = |name: &str, bytes: &[u8], words: &[&str]| {
        let (_folder, path) = scratch(name, bytes);
        segment(&path, &pack.folder(), &["--point", "20,20"]).fails(3, words);
    };
    let whole = fs::read(sample_frame()).unwrap();
    refused("empty.png", &[], &[]);
    refused("text.png", b"not an image at all", &[]);
    refused("truncated.png", &whole[..whole.len() / 2], &[]);
    refused("zero.pgm", b"P5\n0 0\n255\n", &[]);
    refused(
        "tiny.pgm",
        b"P5\n8 8\n255\n0123456789012345678901234567890123456789012345678901234567890123",
        &["16", "8"],
    );
    // 100 megapixels declared, none delivered: refused from the header.
    refused("huge.pgm", b"P5\n10000 10000\n255\n", &["8192", "10000"]);
    segment(Path::new("/nonexistent/frame.png"), &pack.folder(), &["--point", "20,20"])
        .fails(3, &["/nonexistent/frame.png"]);
}

/// Rewrites a file of the pack and, if `honest`, its hash and size in model.toml.
fn tamper(pack: &ScratchPack, file: &str, honest: bool, change: impl FnOnce(&mut Vec<u8>)) {
    let path = pack.folder().join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    if honest {
        let mut manifest: Manifest = pack.pack.manifest.clone();
        let network = match file {
            "image_encoder.onnx" => &mut manifest.image_encoder,
            _ => &mut manifest.mask_decoder,
        };
        network.bytes = bytes.len() as u64;
        network.sha256 = sha256_hex(&bytes);
        fs::write(pack.folder().join("model.toml"), manifest.to_toml().unwrap()).unwrap();
    }
}

#[test]
fn packs_that_are_not_what_they_say() {
    let refused = |change: &dyn Fn(&ScratchPack), words: &[&str]| {
        let pack = pack();
        change(&pack);
        segment(&sample_frame(), &pack.folder(), &["--point", "20,20"]).fails(4, words);
        run("uniultra", ["info".as_ref(), "--model".as_ref(), pack.folder().as_os_str()])
            .fails(4, words);
    };
    refused(
        &|pack| tamper(pack, "mask_decoder.onnx", false, |bytes| bytes[1000] ^= 1),
        &["mask_decoder.onnx", "SHA-256"],
    );
    refused(
        &|pack| tamper(pack, "image_encoder.onnx", false, |bytes| bytes.truncate(5000)),
        &["image_encoder.onnx", "bytes", "5000"],
    );
    refused(
        &|pack| fs::remove_file(pack.folder().join("mask_decoder.onnx")).unwrap(),
        &["mask_decoder.onnx"],
    );
    refused(&|pack| fs::remove_file(pack.folder().join("model.toml")).unwrap(), &["model.toml"]);
    let edit = |pack: &ScratchPack, from: &str, to: &str| {
        let path = pack.folder().join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    refused(&|pack| edit(pack, "image_size = 64", "image_size = 96"), &["shape", "96"]);
    refused(&|pack| edit(pack, "[model]", "[model]\ncolour = 1"), &["colour"]);
    refused(
        &|pack| edit(pack, "schema_version = 1", "schema_version = 9"),
        &["schema_version", "9"],
    );
    refused(
        &|pack| edit(pack, "\"image_encoder.onnx\"", "\"../image_encoder.onnx\""),
        &["image_encoder.file"],
    );
}

/// Hashes that fit, content that does not: the graph itself is refused.
#[test]
fn packs_that_are_honest_about_nonsense() {
    let refused = |file: &'static str, change: &dyn Fn(&mut Vec<u8>), words: &[&str]| {
        let pack = pack();
        tamper(&pack, file, true, change);
        segment(&sample_frame(), &pack.folder(), &["--point", "20,20"]).fails(4, words);
    };
    refused("image_encoder.onnx", &|bytes| bytes.truncate(5000), &["image_encoder.onnx"]);
    refused(
        "mask_decoder.onnx",
        &|bytes| *bytes = b"not a protobuf".to_vec(),
        &["mask_decoder.onnx"],
    );
    refused("mask_decoder.onnx", &|bytes| bytes.clear(), &["mask_decoder.onnx"]);
    // The decoder's graph in the encoder's place.
    refused(
        "image_encoder.onnx",
        &|bytes| *bytes = pack().pack.mask_decoder,
        &["image_encoder.onnx", "expected"],
    );
}

#[test]
fn outputs_that_cannot_be_written() {
    let pack = pack();
    let (folder, file) = scratch("a-file", b"");
    let below = |name: &str| file.join(name).to_str().unwrap().to_string();
    let existing = fs::read_dir(folder.path()).unwrap().count();
    for (option, name) in [
        ("--out-mask", "mask.png"),
        ("--overlay", "overlay.png"),
        ("--logits", "logits.npy"),
        ("--json", "report.json"),
    ] {
        segment(&sample_frame(), &pack.folder(), &["--point", "20,20", option, &below(name)])
            .fails(6, &[name]);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), existing, "nothing is left behind");
}

#[test]
fn checkpoints_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let whole = random("uniultra-mini", 1).to_safetensors().unwrap();
    let out = folder.path().join("pack");
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        for command in ["inspect", "export"] {
            let mut args = vec![command.as_ref()];
            if command == "export" {
                args.extend(["--out".as_ref(), out.as_os_str(), "--checkpoint".as_ref()]);
            }
            args.push(path.as_os_str());
            run("uniultra-tools", args).fails(3, &[name]);
            assert!(!out.exists(), "{name}: no pack is begun");
        }
    };
    refused("empty.safetensors", &[]);
    refused("truncated.safetensors", &whole[..whole.len() / 2]);
    refused("renamed.pt", b"\x89PNG\r\n\x1a\n0000");
    let mut corrupt = whole.clone();
    corrupt[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    refused("corrupt.safetensors", &corrupt);
}

#[test]
fn exports_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("mini.safetensors");
    fs::write(&checkpoint, random("uniultra-mini", 1).to_safetensors().unwrap()).unwrap();
    let export = |out: &Path, rest: &[&str]| {
        let mut args = vec!["export".as_ref(), "--checkpoint".as_ref(), checkpoint.as_os_str()];
        args.extend(["--out".as_ref(), out.as_os_str()]);
        args.extend(rest.iter().map(std::ffi::OsStr::new));
        run("uniultra-tools", args)
    };
    let out = folder.path().join("pack");
    export(&out, &["--image-size", "100"]).fails(3, &["image_size", "100"]);
    export(&out, &["--image-size", "32"]).fails(3, &["image_size"]);
    export(&out, &["--model-id", "Not An Id"]).fails(3, &["model.id"]);
    export(&out, &["--weights", "f8"]).fails(2, &["f8", "f32 or f16"]);
    export(&out, &["--metric", "dice"]).fails(2, &["NAME=VALUE"]);
    export(&out, &["--metric", "dice=NaN"]).fails(2, &["finite", "NaN"]);
    export(&out, &["--metric", "d=1", "--metric", "d=2"]).fails(3, &["metric", "`d` twice"]);
    export(&checkpoint.join("below-a-file"), &["--image-size", "64"]).fails(6, &["below-a-file"]);
    assert!(!out.exists());

    export(&out, &["--image-size", "64"]).succeeds();
    export(&out, &["--image-size", "64"]).fails(6, &["--force"]);
    fs::write(out.join("README.md"), "a model card").unwrap();
    export(&out, &["--image-size", "96", "--force"]).succeeds();
    assert_eq!(fs::read_to_string(out.join("README.md")).unwrap(), "a model card");
    assert!(fs::read_to_string(out.join("model.toml")).unwrap().contains("image_size = 96"));
    fs::write(folder.path().join("note.txt"), "mine").unwrap();
    export(folder.path(), &["--image-size", "64", "--force"]).fails(6, &["--force"]);
    assert!(
        folder.path().join("note.txt").is_file(),
        "a folder that is not a pack is never replaced"
    );
}
