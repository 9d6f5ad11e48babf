//! Damaged and hostile files: any answer but a panic, an endless loop or a huge allocation.

// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use uniultra_checkpoint::Checkpoint;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(path).unwrap()
}

/// The archive's entries, by name.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..zip.len())
        .map(|place| {
            let mut entry = zip.by_index(place).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().to_string(), bytes)
        })
        .collect()
}

/// An archive with right checksums around whatever is in it.
fn pack(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Sets, inserts or removes bytes at places given as fractions of the length.
fn damage(bytes: &mut Vec<u8>, changes: &[(u8, f64, u8)]) {
    for &(action, place, value) in changes {
        let at = (place * bytes.len() as f64) as usize;
        match action {
            0 => bytes.insert(at.min(bytes.len()), value),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(u8, f64, u8)>> {
    // Truncation only now and then, or nothing else would be seen.
    let action = prop_oneof![4 => Just(0_u8), 4 => Just(1), 1 => Just(2), 16 => Just(3)];
    // Pickle opcodes and the edges of integers go deeper than random bytes.
    let special = prop::sample::select(
        b"\0\x01\x7f\x80\xff()RNQ]}abcdehjqrstuKMJGX.\x81\x85\x86\x87\x8a".to_vec(),
    );
    let value = prop_oneof![any::<u8>(), special];
    prop::collection::vec((action, 0.0..1.0_f64, value), 1..6)
}

fn archives() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec!["meta.pt", "uniultra.pt", "plain.pt"]).prop_map(fixture)
}

fn files() -> impl Strategy<Value = Vec<u8>> {
    let legacy = prop::sample::select(vec!["legacy2.pt", "legacy4.pt"]).prop_map(fixture);
    prop_oneof![archives(), legacy]
}

/// Whatever was let through must be whole.
fn examine(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes(bytes) else { return };
    for (name, tensor) in checkpoint.tensors() {
        assert_eq!(tensor.shape().iter().product::<usize>(), tensor.data().len(), "{name}");
        assert!(tensor.data().iter().all(|value| value.is_finite()), "{name}");
    }
    let _ = checkpoint.recognise();
}

#[test]
fn unharmed_archives_survive_the_repacking_that_these_tests_do() {
    for name in ["meta.pt", "uniultra.pt", "plain.pt"] {
        let bytes = pack(&entries(&fixture(name)));
        let (again, before) = (
            Checkpoint::from_bytes(&bytes).unwrap(),
            Checkpoint::from_bytes(&fixture(name)).unwrap(),
        );
        assert!(again.tensors().eq(before.tensors()), "{name}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for name in ["meta.pt", "legacy2.pt", "legacy4.pt"] {
        let whole = fixture(name);
        for length in 0..whole.len() {
            assert!(Checkpoint::from_bytes(&whole[..length]).is_err(), "{name}: {length}");
        }
    }
}

#[test]
fn a_legacy_file_that_contradicts_itself_is_refused() {
    let whole = fixture("legacy2.pt");
    let refused = |bytes: &[u8], expected: &str| {
        let message = Checkpoint::from_bytes(bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "`{expected}` is not in: {message}");
    };
    let replaced = |old: &[u8], new: &[u8]| {
        let place = whole.windows(old.len()).position(|window| window == old).unwrap();
        [&whole[..place], new, &whole[place + old.len()..]].concat()
    };
    refused(&[whole.as_slice(), b"more"].concat(), "expected the end, found 4 more bytes");
    refused(&replaced(b"M\xe9\x03.", b"M\xea\x03."), "expected version 1001, found 1002");
    refused(&replaced(b"HalfStorage", b"TinyStorage"), "storage `1`: expected a known type");
    // The list of keys is the last pickle.
    let list = whole.windows(4).rposition(|window| window == b"\x80\x02]q").unwrap();
    let key = list + whole[list..].iter().position(|byte| *byte == b'1').unwrap();
    for (byte, expected) in [(b'7', "storage `7`: expected a tensor"), (b'0', "found twice")] {
        let mut bytes = whole.clone();
        bytes[key] = byte;
        refused(&bytes, expected);
    }
    // The size of the first storage, which has six elements.
    let size = whole.windows(8).position(|window| window == [6, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    for (place, value) in [(size, 7), (size + 7, 0x7f), (size + 7, 0xff)] {
        let mut bytes = whole.clone();
        bytes[place] = value;
        refused(&bytes, "storage `");
    }
}

/// The length of the header, 640 bytes, has the first bytes of a pickle.
#[test]
fn safetensors_may_begin_like_a_pickle() {
    let small = Checkpoint::from_bytes(&fixture("meta.pt")).unwrap();
    let bytes = small.to_safetensors().unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let (header, tensors) = bytes[8..].split_at(length);
    let padding = vec![b' '; 640 - length];
    let bytes = [&640_u64.to_le_bytes()[..], header, &padding, tensors].concat();
    let again = Checkpoint::from_bytes(&bytes).unwrap();
    assert!(again.tensors().eq(small.tensors()));
}

#[test]
fn a_flipped_bit_in_a_storage_is_found_by_its_checksum() {
    let whole = fixture("meta.pt");
    let value = (-3.0_f32 + 0.25).to_le_bytes();
    let place = whole.windows(4).position(|window| window == value).unwrap();
    for bit in 0..32 {
        let mut damaged = whole.clone();
        damaged[place + bit / 8] ^= 1 << (bit % 8);
        let message = Checkpoint::from_bytes(&damaged).unwrap_err().to_string();
        assert!(message.contains("data/"), "{message}");
    }
}

#[test]
fn an_absent_storage_is_named() {
    let mut content = entries(&fixture("meta.pt"));
    content.retain(|(name, _)| !name.ends_with("data/1"));
    let message = Checkpoint::from_bytes(&pack(&content)).unwrap_err().to_string();
    assert!(message.contains("entry `meta/data/1`: expected, not found"), "{message}");
}

#[test]
fn an_archive_without_pickle_or_with_two_is_refused() {
    let mut content = entries(&fixture("meta.pt"));
    let twin = content[0].1.clone();
    content.push(("other/data.pkl".into(), twin));
    let message = Checkpoint::from_bytes(&pack(&content)).unwrap_err().to_string();
    assert!(message.contains("one entry `data.pkl`, found 2"), "{message}");
    content.retain(|(name, _)| !name.ends_with("data.pkl"));
    let message = Checkpoint::from_bytes(&pack(&content)).unwrap_err().to_string();
    assert!(message.contains("entry `data.pkl`, found a zip archive with `meta/"), "{message}");
}

#[test]
fn many_views_of_one_storage_do_not_fill_the_memory() {
    // 60 views of one storage of 1 MiB: 15 M elements claimed by a file of 1 MB.
    let elements = 1_u32 << 18;
    let mut pickle = b"\x80\x02}(".to_vec();
    for view in 0..60_u8 {
        pickle.extend(b"X\x02\0\0\0");
        pickle.extend([b'a' + view / 26, b'a' + view % 26]);
        pickle.extend(
            b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n",
        );
        pickle.extend(b"X\x01\0\0\x000X\x03\0\0\0cpuJ");
        pickle.extend(elements.to_le_bytes());
        pickle.extend(b"tQK\0J");
        pickle.extend(elements.to_le_bytes());
        pickle.extend(b"\x85K\x01\x85\x89NtR");
    }
    pickle.extend(b"u.");
    let storage = vec![0; 4 * elements as usize];
    let bytes = pack(&[("a/data.pkl".into(), pickle), ("a/data/0".into(), storage)]);
    let message = Checkpoint::from_bytes(&bytes).unwrap_err().to_string();
    assert!(message.contains("15728640 elements"), "{message}");
}

#[test]
fn a_file_that_unpacks_to_far_more_is_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in [("a/data.pkl", b"\x80\x02}.".to_vec()), ("a/data/0", vec![0; 1 << 24])] {
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 15, "{}", bytes.len());
    let message = Checkpoint::from_bytes(&bytes).unwrap_err().to_string();
    assert!(message.contains("64 times the file"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn damaged_files_do_not_panic(mut bytes in files(), changes in changes()) {
        damage(&mut bytes, &changes);
        examine(&bytes);
    }

    #[test]
    fn damaged_pickles_do_not_panic(bytes in archives(), changes in changes()) {
        let mut content = entries(&bytes);
        damage(&mut content[0].1, &changes);
        examine(&pack(&content));
    }

    #[test]
    fn damaged_safetensors_do_not_panic(changes in changes()) {
        let plain = Checkpoint::from_bytes(&fixture("plain.pt")).unwrap();
        let mut bytes = plain.to_safetensors().unwrap();
        // Damage the header, where the structure is.
        let header = bytes.len() - plain.tensors().map(|(_, t)| 4 * t.data().len()).sum::<usize>();
        let tail = bytes.split_off(header);
        damage(&mut bytes, &changes);
        bytes.extend(tail);
        examine(&bytes);
    }

    #[test]
    fn noise_does_not_panic(start in prop::sample::select(vec![b"PK\x03\x04".to_vec(), b"\x02\0\0\0\0\0\0\0{".to_vec(), vec![]]), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        examine(&[start, noise].concat());
    }
}
