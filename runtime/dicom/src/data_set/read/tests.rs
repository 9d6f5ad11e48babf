//! Data sets written by hand, byte by byte.

use super::*;

fn message(bytes: &[u8], explicit: bool) -> String {
    parse(bytes, 0, explicit, None).unwrap_err().to_string()
}

#[test]
fn lengths_are_compared_with_what_is_there() {
    let name = b"\x10\x00\x10\x00PN\x04\x00Abc ";
    assert!(parse(name, 0, true, None).unwrap().data_set.contains(tag::PATIENT_NAME));
    let expected = "DICOM file: byte 0: (0010,0010): expected at most 3 bytes, found 4 bytes";
    assert_eq!(message(&name[..11], true), expected);
    assert_eq!(
        message(&name[..7], true),
        "DICOM file: byte 6: data element: expected 2 more bytes, found 1"
    );

    // Four gigabytes in a file of 12 bytes.
    let huge = b"\xE0\x7F\x10\x00OW\0\0\xFE\xFF\xFF\xFF";
    let expected =
        "DICOM file: byte 0: (7FE0,0010): expected at most 0 bytes, found 4294967294 bytes";
    assert_eq!(message(huge, true), expected);
}

#[test]
fn items_with_and_without_lengths_are_the_same() {
    let rows = b"\x28\x00\x10\x00US\x02\x00\x10\x00".as_slice();
    let start = b"\x18\x00\x11\x60SQ\0\0".as_slice();
    let given = [start, b"\x12\0\0\0\xFE\xFF\x00\xE0\x0A\0\0\0", rows].concat();
    let ends = b"\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0";
    let open = [start, b"\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF", rows, ends].concat();
    let sets = [given, open.clone()].map(|bytes| parse(&bytes, 0, true, None).unwrap().data_set);
    assert_eq!(sets[0], sets[1]);
    let [item] = sets[0].items(tag::SEQUENCE_OF_ULTRASOUND_REGIONS) else { panic!("one item") };
    assert_eq!(item.u16(tag::ROWS, "rows").unwrap(), Some(16));
    assert!(message(&open[..open.len() - 8], true).contains("expected 2 more bytes, found 0"));
}

#[test]
fn unknown_elements_are_walked_and_left_out() {
    // A private sequence with implicit representations inside, as archives write them.
    let private = b"\x09\x00\x10\x10UN\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\x0A\0\0\0\
        \x09\x00\x11\x10\x02\0\0\0ab\xFE\xFF\xDD\xE0\0\0\0\0"
        .as_slice();
    let rows = b"\x28\x00\x10\x00US\x02\x00\x10\x00".as_slice();
    let set = parse(&[private, rows].concat(), 0, true, None).unwrap().data_set;
    assert_eq!(set.iter().count(), 1);
}

#[test]
fn nesting_has_a_bound() {
    let deep = b"\x18\x00\x11\x60\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".repeat(1000);
    assert_eq!(
        message(&deep, false),
        "DICOM file: nesting of sequences: expected at most 16, found more"
    );
}

#[test]
fn a_walk_can_stop_at_the_end_of_a_group() {
    let uid = b"\x02\x00\x10\x00UI\x06\x001.2.3\0".as_slice();
    let next = b"\x08\x00\x05\x00\x00\0\0\0".as_slice();
    let parsed = parse(&[uid, next].concat(), 0, true, Some(2)).unwrap();
    // The next element has an implicit representation, which is not looked at yet.
    assert_eq!((parsed.end, parsed.data_set.iter().count()), (uid.len(), 1));
}
