//! What the decoder refuses, by name, and how it goes on.
#![allow(clippy::unwrap_used)] // What cannot be made fails its test.

mod known;
#[path = "hostile/mend.rs"]
mod mend;

use mend::mend;
use uniultra_igtl::{Content, Decoder, Message, Timestamp, limits};

fn text(text: &str) -> Message {
    Message::new("Probe", Timestamp::UNUSED, Content::Text(text.into()))
}

fn bytes_of(content: Content, extended: bool) -> Vec<u8> {
    known::message(content, extended).encode().unwrap()
}

/// The bytes with others from `place` on, and a right checksum.
fn changed(bytes: &[u8], place: usize, change: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place..place + change.len()].copy_from_slice(change);
    mend(&bytes)
}

/// The error of a first message that is refused, and whether it was fatal; if not, a second was read.
fn refused(bytes: &[u8]) -> (String, bool) {
    let stream = [bytes, &text("next").encode().unwrap()].concat();
    let (mut decoder, mut rest) = (Decoder::new(1 << 20), stream.as_slice());
    let error = decoder.decode(&mut rest).unwrap_err();
    if !error.is_fatal() {
        assert_eq!(decoder.decode(&mut rest).unwrap().unwrap(), text("next"));
        assert!(decoder.is_between_messages() && rest.is_empty());
    }
    (error.to_string(), error.is_fatal())
}

#[test]
fn a_header_that_cannot_be_trusted_is_fatal() {
    let bytes = text("segment").encode().unwrap();
    let fatal = |place: usize, change: &[u8]| refused(&changed(&bytes, place, change));
    for (number, found) in [(0_u16, "0"), (3, "3"), (0x4745, "18245")] {
        let expected = format!("header: version: expected 1 or 2, found {found}");
        assert_eq!(fatal(0, &number.to_be_bytes()), (expected, true));
    }
    let (error, is_fatal) = fatal(2, b"ST\x1bRING");
    assert_eq!(error, "header: type: expected a name in ASCII, found \"ST\\x1bRING\"");
    assert!(is_fatal);
    assert_eq!(fatal(2, b"\xff").0, "header: type: expected text in UTF-8, found \"\\xffTRING\"");
    assert!(fatal(2, "ä".as_bytes()).1);
    assert!(fatal(2, &[0; 12]).1);
    let (error, is_fatal) = fatal(42, &(1_u64 << 20 | 1).to_be_bytes());
    assert_eq!(error, "header: body size: expected at most 1048576, found 1048577");
    assert!(is_fatal);
    assert!(fatal(42, &[0xff; 8]).1);
}

#[test]
fn a_wrong_checksum_is_named_and_the_next_message_is_read() {
    let mut bytes = text("segment").encode().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let (error, is_fatal) = refused(&bytes);
    assert!(error.starts_with("STRING: expected a body with checksum ") && !is_fatal, "{error}");
    bytes[50..58].copy_from_slice(&7_u64.to_be_bytes());
    assert!(refused(&bytes).0.contains("checksum 0000000000000007, found "));
    // That of a body that is skipped counts too.
    bytes[2..8].copy_from_slice(b"THINGS");
    assert!(refused(&bytes).0.starts_with("THINGS: expected a body with checksum"));
}

#[test]
fn names_and_texts_of_others_are_checked() {
    let bytes = text("segment").encode().unwrap();
    let (error, is_fatal) = refused(&changed(&bytes, 14, b"Pro\nbe"));
    assert_eq!(error, "STRING: device name: expected ASCII, found \"Pro\\nbe\"");
    assert!(!is_fatal);
    let (error, _) = refused(&changed(&bytes, 58, &[0, 4]));
    assert_eq!(error, "STRING: encoding: expected 3 (US-ASCII) or 106 (UTF-8), found 4");
    let (error, _) = refused(&changed(&bytes, 62, &[0xe9]));
    assert_eq!(error, "STRING: text: expected text in ASCII, found \"\\xe9egment\"");
    let (error, _) = refused(&changed(&bytes, 60, &[0, 8]));
    assert_eq!(error, "STRING: text: expected 8 bytes, found 7 bytes");
    let (error, _) = refused(&changed(&bytes, 60, &[0, 6]));
    assert_eq!(error, "STRING: text: expected its end, found 1 byte more");
}

#[test]
fn a_body_that_is_too_long_for_its_type_is_skipped() {
    let mut bytes = text("segment").encode().unwrap();
    bytes[2..14].copy_from_slice(b"GET_STATUS\0\0");
    assert_eq!(refused(&bytes).0, "GET_STATUS: body size: expected at most 0, found 11");
    bytes.resize(58 + limits::MAX_POINTS * 136 + 1, 0);
    bytes[2..14].copy_from_slice(b"POINT\0\0\0\0\0\0\0");
    bytes[42..50].copy_from_slice(&(1024_u64 * 136 + 1).to_be_bytes());
    assert_eq!(refused(&bytes).0, "POINT: body size: expected at most 139264, found 139265");
}

#[test]
fn images_are_refused_by_name() {
    let bytes = bytes_of(known::contents().swap_remove(0), false);
    let error = |place: usize, change: &[u8]| refused(&changed(&bytes, 58 + place, change)).0;
    assert_eq!(error(0, &[0, 2]), "IMAGE: image version: expected 1, found 2");
    assert!(error(2, &[4]).ends_with("found 4 of type 3"));
    assert_eq!(error(4, &[0]), "IMAGE: byte order: expected 1 (big) or 2 (little), found 0");
    assert_eq!(error(5, &[3]), "IMAGE: coordinates: expected 1 (RAS) or 2 (LPS), found 3");
    assert_eq!(error(6, &[0, 0]), "IMAGE: width: expected 1 to 8192, found 0");
    assert_eq!(error(8, &[0x20, 1]), "IMAGE: height: expected 1 to 8192, found 8193");
    assert_eq!(error(10, &[0, 0]), "IMAGE: slices: expected 1, found 0");
    let nan = f32::NAN.to_be_bytes();
    assert_eq!(error(12, &nan), "IMAGE: matrix: expected a finite number, found NaN");
    assert_eq!(error(16, &[0; 4]), "IMAGE: spacing: expected 1e-6 to 1000 mm, found 0e0 mm");
    let part = "IMAGE: part: expected the whole image, [3, 2, 1] at [0, 0, 0], found [3, 2, 1] at [1, 0, 0]";
    assert_eq!(error(60, &[0, 1]), part);
    let sizes = [0, 200, 0, 200, 0, 1];
    let large = changed(&changed(&bytes, 58 + 6, &sizes), 58 + 66, &sizes);
    assert_eq!(refused(&large).0, "IMAGE: pixels: expected 40000 bytes, found 6 bytes");
}

#[test]
fn either_byte_order_gives_the_same_pixels() {
    for index in [2, 3] {
        let content = known::contents().swap_remove(index);
        let mut bytes = bytes_of(content.clone(), false);
        bytes[58 + 4] = 1;
        bytes[58 + 72..].as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
        let message = Decoder::new(1000).decode(&mut mend(&bytes).as_slice()).unwrap().unwrap();
        assert_eq!(message.content, content);
    }
}

/// The bytes of an extended message without metadata.
fn extended(type_name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 2];
    bytes.extend(type_name.as_bytes());
    bytes.resize(42, 0);
    bytes.extend((content.len() as u64 + 12).to_be_bytes());
    bytes.resize(58, 0);
    bytes.extend([0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    bytes.extend(content);
    mend(&bytes)
}

/// There the body's size does not tell that of the content.
#[test]
fn bounds_hold_in_the_extended_form() {
    let names = |count| extended("CAPABILITY", &b"TWELVE_BYTES".repeat(count));
    assert!(Decoder::new(10_000).decode(&mut names(256).as_slice()).is_ok());
    assert_eq!(refused(&names(257)).0, "CAPABILITY: type names: expected at most 256, found 257");
    let status = extended("STATUS", &[&[0; 30][..], &[b'x'; 4097]].concat());
    assert_eq!(refused(&status).0, "STATUS: text: expected at most 4096, found 4097");
    let points = extended("POINT", &[0; 136 * 1025]);
    assert_eq!(refused(&points).0, "POINT: points: expected at most 1024, found 1025");
    let points = extended("POINT", &[0; 137]);
    assert_eq!(refused(&points).0, "POINT: name: expected 64 bytes, found 1 byte");
    assert_eq!(
        refused(&extended("GET_STATUS", &[0])).0,
        "GET_STATUS: content: expected its end, found 1 byte more"
    );

    let line = |indices: u32| {
        let sizes = [1, 0, 0, 1, 4 * (indices + 1), 0, 0, 0, 0, 0, 0, 0, 0, indices];
        let mut content = sizes.map(u32::to_be_bytes).as_flattened().to_vec();
        content.resize(content.len() + 4 * indices as usize, 0);
        extended("POLYDATA", &content)
    };
    let most = limits::MAX_POLY_INDICES as u32;
    assert!(Decoder::new(1 << 20).decode(&mut line(most).as_slice()).unwrap().is_some());
    let (error, _) = refused(&line(most + 1));
    assert_eq!(error, "POLYDATA: lines: expected at most 278532, found 278536");
}

#[test]
fn outlines_are_refused_by_name() {
    let bytes = bytes_of(known::contents().swap_remove(11), false);
    let error =
        |place: usize, change: u32| refused(&changed(&bytes, 58 + place, &change.to_be_bytes())).0;
    assert_eq!(error(0, 65537), "POLYDATA: points: expected at most 65536, found 65537");
    assert_eq!(error(0, 5), "POLYDATA: bytes of points and cells: expected 116, found 104");
    assert_eq!(error(4, 1), "POLYDATA: vertices: expected at most 0, found 1");
    assert_eq!(error(36, 1), "POLYDATA: attributes: expected at most 0, found 1");
    assert_eq!(error(12, u32::MAX), "POLYDATA: lines: expected at most 4096, found 4294967295");
    assert_eq!(error(12, 1), "POLYDATA: lines: expected its end, found 12 bytes more");
    assert_eq!(error(92, 4), "POLYDATA: lines: expected indices of 4 points, found 4");
    assert_eq!(error(112, 1), "POLYDATA: lines: expected at least 2 points, found 1");
    assert_eq!(error(112, u32::MAX), "POLYDATA: lines: expected 17179869180 bytes, found 8 bytes");
}

#[test]
fn additions_of_the_extended_form_are_bounded() {
    let bytes = bytes_of(Content::Text("segment".into()), true);
    let error = |place: usize, change: &[u8]| refused(&changed(&bytes, 58 + place, change)).0;
    assert_eq!(
        error(0, &[0, 11]),
        "STRING: extended header's size: expected at least 12, found 11"
    );
    assert_eq!(
        error(4, &[0, 1, 0, 0]),
        "STRING: bytes of metadata: expected at most 65536, found 65554"
    );
    assert_eq!(
        error(4, &[0, 0, 1, 0]),
        "STRING: bytes of metadata: expected at most 50, found 274"
    );
    // The content has 11 bytes; the metadata's index starts behind it.
    assert_eq!(error(23, &[0, 129]), "STRING: number of metadata: expected at most 128, found 129");
    assert_eq!(
        error(23, &[0, 1]),
        "STRING: metadata's index: expected its end, found 8 bytes more"
    );
    assert_eq!(error(27, &[0, 4]), "STRING: encoding of a value: expected 3 or 106, found 4");
    assert_eq!(error(29, &[1, 0, 0, 0]), "STRING: value: expected 16777216 bytes, found 16 bytes");
    // A longer header is that of a later version: what it adds is left out.
    let mut longer = [&bytes[..70], &[9; 3], &bytes[70..]].concat();
    longer[58..60].copy_from_slice(&[0, 15]);
    let body_bytes = longer.len() as u64 - 58;
    longer[42..50].copy_from_slice(&body_bytes.to_be_bytes());
    let message = Decoder::new(1000).decode(&mut mend(&longer).as_slice()).unwrap().unwrap();
    assert_eq!(message, known::message(Content::Text("segment".into()), true));
}

#[test]
fn a_text_may_fill_its_field_and_be_cut_within_a_character() {
    let points = known::points()[..1].to_vec();
    let bytes = bytes_of(Content::Points(points), false);
    let letters = "x".repeat(63);
    for (sent, read) in
        [(format!("{letters}y"), format!("{letters}y")), (format!("{letters}ä"), letters)]
    {
        let cut = changed(&bytes, 58, &sent.as_bytes()[..64]);
        let message = Decoder::new(1000).decode(&mut cut.as_slice()).unwrap().unwrap();
        let Content::Points(points) = message.content else { panic!("{message:?}") };
        assert_eq!(points[0].name, read);
    }
    // What a zero ends was not cut.
    assert!(refused(&changed(&bytes, 58, b"x\xc3\0")).0.ends_with("in UTF-8, found \"x\\xc3\""));
    let broken = changed(&bytes, 58, b"\xc3x");
    assert!(
        refused(&broken).0.starts_with("POINT: name: expected text in UTF-8, found \"\\xc3xst")
    );
}
