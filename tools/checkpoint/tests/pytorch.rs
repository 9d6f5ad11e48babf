//! PyTorch's files as they come, and as they must not come. See `fixtures/make.py`.

// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use uniultra_checkpoint::{Checkpoint, CheckpointError, Format};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(&fixture(name)).unwrap()
}

/// What is wrong with a fixture, after a look at the whole message.
fn fault(name: &str, expected: &str) -> CheckpointError {
    let error = Checkpoint::open(&fixture(name)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(name), "the file is not named: {message}");
    assert!(message.contains(expected), "`{expected}` is not in: {message}");
    match error {
        CheckpointError::InFile { fault, .. } => *fault,
        other => other,
    }
}

/// The fixtures' values at places of a storage.
fn ramp(places: impl IntoIterator<Item = u8>) -> Vec<f32> {
    places.into_iter().map(|k| 0.25 * f32::from(k) - 3.0).collect()
}

#[test]
fn metas_and_uniultras_forms_give_the_same_names_and_values() {
    for name in ["meta.pt", "uniultra.pt"] {
        let checkpoint = open(name);
        assert_eq!(checkpoint.format(), Some(Format::PyTorch));
        assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["layer.bias", "layer.weight"]);
        assert_eq!(checkpoint.tensor("layer.weight", &[2, 3]).unwrap().data(), ramp(0..6));
        assert_eq!(checkpoint.tensor("layer.bias", &[2]).unwrap().data(), ramp(0..2));
        assert!(checkpoint.ignored().is_empty(), "{:?}", checkpoint.ignored());
    }
}

#[test]
fn files_of_before_1_6_are_read() {
    for name in ["legacy2.pt", "legacy4.pt"] {
        let checkpoint = open(name);
        assert_eq!(checkpoint.format(), Some(Format::LegacyPyTorch));
        assert_eq!(checkpoint.tensor("layer.weight", &[2, 3]).unwrap().data(), ramp(0..6));
        assert_eq!(checkpoint.tensor("layer.bias", &[2]).unwrap().data(), ramp(0..2));
        assert_eq!(checkpoint.ignored(), ["layer.count"], "{name}");
    }
}

#[test]
fn every_protocol_and_what_training_programs_add_is_read() {
    for name in ["protocol2.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt"] {
        let checkpoint = open(name);
        assert_eq!(
            checkpoint.names().collect::<Vec<_>>(),
            ["layer.bias", "layer.weight"],
            "{name}"
        );
        assert_eq!(checkpoint.tensor("layer.weight", &[2, 3]).unwrap().data(), ramp(0..6));
        assert_eq!(checkpoint.tensor("layer.bias", &[2]).unwrap().data(), ramp(0..2));
        let ignored = ["args", "epoch", "layer.count", "optimizer", "seeds", "when"];
        assert_eq!(checkpoint.ignored(), ignored, "{name}");
    }
}

#[test]
fn every_type_and_every_view_is_read() {
    let checkpoint = open("plain.pt");
    for float in ["f16", "bf16", "f32", "f64"] {
        assert_eq!(checkpoint.tensor(float, &[2, 3]).unwrap().data(), ramp(0..6), "{float}");
    }
    assert_eq!(checkpoint.tensor("whole", &[4, 6]).unwrap().data(), ramp(0..24));
    assert_eq!(checkpoint.tensor("part", &[3]).unwrap().data(), ramp(20..23));
    let transposed = (0..6).flat_map(|row| (0..4).map(move |column| row + 6 * column));
    assert_eq!(checkpoint.tensor("transposed", &[6, 4]).unwrap().data(), ramp(transposed));
    assert_eq!(checkpoint.tensor("scalar", &[]).unwrap().data(), ramp(0..1));
    assert!(checkpoint.tensor("empty", &[0, 4]).unwrap().data().is_empty());
    assert_eq!(checkpoint.ignored(), ["epoch", "notes"]);
}

#[test]
fn missing_tensors_and_wrong_shapes_are_refused_by_name() {
    let checkpoint = open("meta.pt");
    let message = checkpoint.tensor("layer.gain", &[2]).unwrap_err().to_string();
    assert_eq!(message, "tensor `layer.gain`: expected, not found");
    let message = checkpoint.tensor("layer.bias", &[1, 2]).unwrap_err().to_string();
    assert_eq!(message, "tensor `layer.bias`: expected shape [1, 2], found [2]");
}

#[test]
fn a_command_is_named_and_not_run() {
    let error = fault("command.pt", "posix.system");
    assert!(matches!(error, CheckpointError::ForbiddenGlobal(_)), "{error}");
    assert!(error.hint().is_some());
    assert!(!Path::new("executed").exists() && !fixture("executed").exists());
}

#[test]
fn tensors_without_usable_values_are_refused_by_whoever_needs_them() {
    for (name, shape, expected) in [
        ("nan.pt", &[2, 2][..], "tensor `t`: expected finite values, found NaN at element [1, 1]"),
        ("overflow.pt", &[1], "tensor `t`: expected finite values, found inf at element [0]"),
        ("integers.pt", &[2], "expected type F32, F16, BF16 or F64, found torch.LongStorage"),
    ] {
        let checkpoint = open(name);
        assert!(checkpoint.contains("t") && checkpoint.names().count() == 0, "{name}");
        let message = checkpoint.tensor("t", shape).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(open("integers.pt").ignored(), ["t"]);
}

#[test]
fn a_compressed_archive_is_read() {
    let values = open("compressed.pt");
    assert_eq!(values.tensor("t", &[64]).unwrap().data(), ramp(0..64));
}

#[test]
fn views_outside_their_storage_are_refused() {
    fault("outside.pt", "tensor `t`: expected a view into 6 elements, found offset 1");
    fault(
        "expanded.pt",
        "expected at most the 1 elements of its storage, found shape [1073741824]",
    );
    fault("short.pt", "expected 6 elements of 4 bytes in storage 0, found 23 bytes");
}

#[test]
fn other_contents_are_refused() {
    assert!(matches!(fault("other.pkl", "of another program"), CheckpointError::OtherPickle));
    for name in ["big_endian.pt", "legacy_big_endian.pt"] {
        fault(name, "expected byte order `little`, found `big`");
    }
    fault("legacy_part.pt", "tensor `t`: expected a storage of its own");
    fault("list.pt", "expected a dictionary of tensors, found a list");
    fault("empty.pt", "expected a dictionary of tensors, found an empty dictionary");
    let twice =
        fault("twice.pt", "tensor `t`: expected once, found twice: as `t` and as `model.t`");
    assert!(matches!(twice, CheckpointError::Duplicate { .. }));
}
