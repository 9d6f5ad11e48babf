//! Bytes of the OpenIGTLink library for C++ and of pyigtl are read exactly, and this crate writes the same.
//! `tests/fixtures/README.md` says how they were made.
#![allow(clippy::unwrap_used)] // What cannot be read fails its test.

mod known;

use uniultra_igtl::{
    Content, Coordinates, DecodeError, Decoder, Geometry, HeaderVersion, Image, Message, Metadata,
    Pixels, Point, PolyData, Timestamp, Transform, limits,
};

const OLD_PLAIN: &[u8] = include_bytes!("fixtures/cpp-1.11-plain.bin");
const NEW_PLAIN: &[u8] = include_bytes!("fixtures/cpp-3.0-plain.bin");
const NEW_EXTENDED: &[u8] = include_bytes!("fixtures/cpp-3.0-extended.bin");
const PYIGTL: &[u8] = include_bytes!("fixtures/pyigtl-0.3.4.bin");
const OURS_PLAIN: &[u8] = include_bytes!("fixtures/ours-plain.bin");
const OURS_EXTENDED: &[u8] = include_bytes!("fixtures/ours-extended.bin");

/// Reads a whole stream in pieces. Gives what each message became, and its bytes.
fn read(stream: &[u8], piece: usize) -> Vec<(Result<Message, DecodeError>, Vec<u8>)> {
    let mut decoder = Decoder::new(1 << 20);
    let (mut results, mut start, mut taken) = (Vec::new(), 0, 0);
    for mut bytes in stream.chunks(piece) {
        loop {
            let before = bytes.len();
            let result = decoder.decode(&mut bytes).transpose();
            taken += before - bytes.len();
            let Some(result) = result else { break };
            assert!(!result.as_ref().is_err_and(DecodeError::is_fatal), "{result:?}");
            results.push((result, stream[start..taken].to_vec()));
            start = taken;
        }
    }
    assert!(decoder.is_between_messages());
    results
}

/// The type names of the first messages are those of the first contents, with three refused images between.
fn check(stream: &[u8], extended: bool, timestamp: Timestamp, has_get_capability: bool) {
    let mut contents = known::contents();
    let get_capability = contents.pop().unwrap();
    let results = read(stream, 13);
    assert_eq!(results.len(), contents.len() + 4 + usize::from(has_get_capability));
    let refused = results[5..8].iter().map(|(result, _)| result.as_ref().unwrap_err().to_string());
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [
            "IMAGE: slices: expected 1, found 2",
            "IMAGE: part: expected the whole image, [3, 2, 1] at [0, 0, 0], found [2, 1, 1] at [1, 1, 0]",
            "IMAGE: pixel format: expected int8, uint8, int16 or uint16 (2 to 5), or 3 components of \
             uint8, found 1 of type 10",
        ]
    );
    let (end, read) = (contents.len() + 3, results[..5].iter().chain(&results[8..]));
    for ((result, bytes), content) in read.zip(contents) {
        let mut expected = known::message(content, extended);
        expected.header.timestamp = timestamp;
        let found = result.as_ref().unwrap();
        assert_eq!(*found, expected);
        assert_eq!(found.header.version == HeaderVersion::Extended, extended);
        // The peer sends these two in big-endian order, and this crate never does.
        let big_endian = matches!(
            &found.content,
            Content::Image(image) if matches!(
                image.pixels,
                Pixels::Signed8(_) | Pixels::Signed16(_)
            )
        );
        if !big_endian {
            assert_eq!(found.encode().unwrap(), *bytes, "{:?}", found.header);
        }
    }
    let position = results[end].0.as_ref().unwrap();
    assert_eq!(position.header.type_name, "POSITION");
    let body_bytes = results[end].1.len() as u64 - limits::HEADER_BYTES as u64;
    assert_eq!(position.content, Content::Other { body_bytes });
    if has_get_capability {
        let mut expected = known::message(get_capability, extended);
        expected.header.timestamp = timestamp;
        assert_eq!(results.last().unwrap().0.as_ref().unwrap(), &expected);
    }
}

#[test]
fn version_1_of_the_library_is_read_and_written() {
    // It loses some nanoseconds of the quarter of a second.
    check(OLD_PLAIN, false, Timestamp(0x6553_f100_3fff_ffff), true);
}

#[test]
fn version_3_of_the_library_is_read_and_written_in_both_forms() {
    check(NEW_PLAIN, false, Timestamp(0x6553_f100_4000_0000), false);
    check(NEW_EXTENDED, true, Timestamp(0x6553_f100_4000_0000), false);
}

/// pyigtl says where the first pixel is, and sends where the image's centre is: both have to agree.
#[test]
fn pyigtl_is_read_and_written_in_both_forms() {
    let mut messages = read(PYIGTL, 11).into_iter();
    for extended in [false, true] {
        let geometry = Geometry::from_origin(
            [[0.0, 0.5, 0.0], [-0.25, 0.0, 0.0], [0.0, 0.0, 2.0]],
            [10.5, -20.0, 30.0],
            [7, 5],
            Coordinates::Lps,
        );
        assert_eq!(geometry.center, [10.0, -18.5, 30.0]);
        assert_eq!(geometry.origin([7, 5]), [10.5, -20.0, 30.0]);
        let pixels = Pixels::Gray8((0..35).collect());
        let transform = Transform { columns: geometry.steps, translation: geometry.origin([7, 5]) };
        let triangle = vec![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 3.0, 0.5]];
        let polygons = PolyData::filled([triangle.clone()]).polygons;
        let point = Point { owner: String::new(), ..known::points()[0].clone() };
        for content in [
            Content::Image(Image { width: 7, height: 5, pixels, geometry }),
            Content::Text("segment".into()),
            Content::Points(vec![point]),
            Content::Transform(transform),
            Content::PolyData(PolyData { polygons, ..PolyData::closed_lines([triangle]) }),
        ] {
            let mut expected = Message::new("pyigtl", Timestamp(0x6553_f100_4000_0000), content);
            if extended {
                let entry = Metadata { key: "depth".into(), value: "60 mm".into() };
                expected = expected.extended(41, vec![entry]);
            }
            let (found, bytes) = messages.next().unwrap();
            // pyigtl loses a nanosecond of the quarter of a second.
            expected.header.timestamp = found.as_ref().unwrap().header.timestamp;
            assert_eq!(found.unwrap(), expected);
            assert_eq!(expected.encode().unwrap(), bytes);
        }
    }
    assert!(messages.next().is_none());
}

/// What the peers printed for these bytes is next to them; see the README of the fixtures.
#[test]
fn these_bytes_were_read_by_the_peers() {
    for (extended, bytes) in [(false, OURS_PLAIN), (true, OURS_EXTENDED)] {
        let messages =
            known::contents().into_iter().map(|content| known::message(content, extended));
        let written = messages.flat_map(|message| message.encode().unwrap()).collect::<Vec<_>>();
        assert!(written == bytes, "extended: {extended}");
        for piece in [1, 57, 58, 59, 1000, bytes.len()] {
            let found = read(bytes, piece).into_iter().map(|(message, _)| message.unwrap().content);
            assert!(found.eq(known::contents()), "pieces of {piece}");
        }
    }
}
