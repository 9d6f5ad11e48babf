//! Files of the right and of the wrong kind, and the weights that were handed to the project.

// Helpers of tests fail like tests do, and a skipped test says so.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::Path;
use uniultra_checkpoint::{Checkpoint, CheckpointError, Component, Format, Tensor};

/// A safetensors file of one tensor `t`, shape [2, 2].
fn one_tensor(dtype: Dtype, data: &[u8]) -> Vec<u8> {
    let view = TensorView::new(dtype, vec![2, 2], data).unwrap();
    safetensors::serialize([("t", view)], None).unwrap()
}

fn refused(bytes: &[u8]) -> CheckpointError {
    Checkpoint::from_bytes(bytes).unwrap_err()
}

#[test]
fn every_safetensors_type_is_read() {
    let values = [1.0_f32, -0.5, 0.25, 96.0];
    let f16 = values.map(half::f16::from_f32).map(half::f16::to_le_bytes).concat();
    let bf16 = values.map(half::bf16::from_f32).map(half::bf16::to_le_bytes).concat();
    let f32 = values.map(f32::to_le_bytes).concat();
    let f64 = values.map(|v| f64::from(v).to_le_bytes()).concat();
    for (dtype, data) in
        [(Dtype::F16, f16), (Dtype::BF16, bf16), (Dtype::F32, f32), (Dtype::F64, f64)]
    {
        let checkpoint = Checkpoint::from_bytes(&one_tensor(dtype, &data)).unwrap();
        assert_eq!(checkpoint.format(), Some(Format::Safetensors));
        assert_eq!(checkpoint.tensor("t", &[2, 2]).unwrap().data(), values, "{dtype:?}");
    }
}

#[test]
fn safetensors_of_other_types_or_values_are_refused_by_whoever_needs_them() {
    let message = |bytes: &[u8]| {
        let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
        checkpoint.tensor("t", &[2, 2]).unwrap_err().to_string()
    };
    let found = message(&one_tensor(Dtype::I32, &[0; 16]));
    assert_eq!(found, "tensor `t`: expected type F32, F16, BF16 or F64, found I32");
    let data = [0.0, f32::INFINITY, 0.0, f32::NAN].map(f32::to_le_bytes).concat();
    let found = message(&one_tensor(Dtype::F32, &data));
    assert_eq!(found, "tensor `t`: expected finite values, found inf at element [0, 1]");
}

#[test]
fn a_file_that_ends_early_is_corrupt_and_never_read_in_part() {
    let whole = one_tensor(Dtype::F32, &[0; 16]);
    for length in 9..whole.len() {
        let error = refused(&whole[..length]);
        assert!(matches!(error, CheckpointError::Corrupt { .. }), "{length}: {error}");
    }
    let longer = [whole.as_slice(), b"tail"].concat();
    assert!(matches!(refused(&longer), CheckpointError::Corrupt { .. }));
}

#[test]
fn a_declared_size_is_not_believed() {
    // A header of 2^40 bytes, and a tensor of 2^40 elements in a small file.
    let header = [&(1_u64 << 40).to_le_bytes(), b"{}".as_slice()].concat();
    assert!(matches!(refused(&header), CheckpointError::Corrupt { .. }));
    let json = br#"{"t":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let claim = [&(json.len() as u64).to_le_bytes(), json.as_slice()].concat();
    assert!(matches!(refused(&claim), CheckpointError::Corrupt { .. }));
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("weights.pt");
    std::fs::write(&renamed, one_tensor(Dtype::F32, &[0; 16])).unwrap();
    assert!(Checkpoint::open(&renamed).unwrap().contains("t"));

    for (content, expected) in [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), "starting with \"\\x89PNG"),
        (b"version https://git-lfs.github.com/spec/v1", "starting with \"version https:"),
        (b"", "found an empty file"),
    ] {
        std::fs::write(&renamed, content).unwrap();
        let message = Checkpoint::open(&renamed).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("weights.pt"), "{message}");
    }
}

#[test]
fn folders_and_absent_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Checkpoint::open(folder.path()).unwrap_err();
    assert!(matches!(error.fault(), CheckpointError::NotAFile("a folder")), "{error}");
    let error = Checkpoint::open(&folder.path().join("absent.pt")).unwrap_err();
    assert!(matches!(error.fault(), CheckpointError::Read(_)), "{error}");
}

#[test]
fn what_is_written_reads_back() {
    let data = (0..6_u8).map(f32::from).collect();
    let tensors = BTreeMap::from([
        ("a".to_string(), Tensor::new(vec![2, 3], data).unwrap()),
        ("b".to_string(), Tensor::new(vec![], vec![-1.5]).unwrap()),
    ]);
    let checkpoint = Checkpoint::from_tensors(tensors);
    let again = Checkpoint::from_bytes(&checkpoint.to_safetensors().unwrap()).unwrap();
    assert!(again.tensors().eq(checkpoint.tensors()));
    // One is the hash of a file, the other of tensors.
    assert_ne!(again.sha256(), checkpoint.sha256());
}

#[test]
fn halves_read_back_rounded_and_refuse_what_does_not_fit() {
    let with = |data: Vec<f32>| {
        let tensor = Tensor::new(vec![data.len()], data).unwrap();
        Checkpoint::from_tensors(BTreeMap::from([("a".to_string(), tensor)]))
    };
    let fits = with(vec![0.1, -2.5, 65504.0]);
    let again = Checkpoint::from_bytes(&fits.to_f16_safetensors().unwrap()).unwrap();
    // 0.1 in 11 bits: 1638 / 2^14.
    assert_eq!(again.tensor("a", &[3]).unwrap().data(), [1638.0 / 16384.0, -2.5, 65504.0]);
    assert!(fits.to_f16_safetensors().unwrap().len() < fits.to_safetensors().unwrap().len());
    let error = with(vec![1.0, 7e4]).to_f16_safetensors().unwrap_err().to_string();
    assert!(error.contains("`a`") && error.contains("65504") && error.contains("70000"), "{error}");
}

#[test]
fn sam2_tiny_is_recognised_whole_but_for_video_and_object_score() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/weights/sam2_hiera_tiny.fp16.safetensors");
    if !path.exists() {
        eprintln!("skipped: no ../shared");
        return;
    }
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.names().count(), 305);
    let found = checkpoint.recognise().unwrap();
    assert_eq!(found.architecture.name(), "sam2-tiny");
    assert_eq!(found.missing, [""; 0]);
    assert_eq!(found.unexpected, [""; 0]);
    assert!(!found.has_object_score_head && !found.has_video);
    let absent =
        found.architecture.parameters().into_iter().filter(|p| !checkpoint.contains(&p.name));
    let absent: std::collections::BTreeSet<_> = absent.map(|p| p.component).collect();
    assert!(absent.into_iter().eq([
        Component::ObjectScoreHead,
        Component::MemoryAttention,
        Component::MemoryEncoder,
        Component::ObjPtrProj,
        Component::SmallTables,
    ]));
}
