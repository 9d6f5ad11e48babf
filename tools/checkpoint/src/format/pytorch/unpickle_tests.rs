//! Pickles as PyTorch writes them, and as it does not.

use super::*;

fn refused(pickle: &[u8]) -> String {
    unpickle(pickle).unwrap_err().to_string()
}

fn text(text: &str) -> Object {
    Object::Text(text.into())
}

#[test]
fn reads_a_small_dict() {
    // {"a": (1, None)}
    let found = unpickle(b"\x80\x02}q\0X\x01\0\0\0aK\x01N\x86s.").unwrap();
    let value = Object::Tuple(vec![Object::Int(1), Object::None]);
    assert_eq!(found, Object::Dict(vec![(text("a"), value)]));
}

#[test]
fn reads_integers_of_every_width() {
    // (255, 65535, -2, 0, -1, 40000, -(1 << 63), 1 << 62)
    let pickle = b"\x80\x02(K\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\0\x8a\x01\xff\
        \x8a\x03\x40\x9c\0\x8a\x08\0\0\0\0\0\0\0\x80\x8a\x08\0\0\0\0\0\0\0\x40t.";
    let expected = [255, 65535, -2, 0, -1, 40000, i64::MIN, 1 << 62].map(Object::Int);
    assert_eq!(unpickle(pickle).unwrap(), Object::Tuple(expected.to_vec()));
}

#[test]
fn keeps_the_order_of_tuples_and_of_entries() {
    // ({1: 2, 3: 4}, 5, 6), the entries by SETITEMS
    let found = unpickle(b"\x80\x02}(K\x01K\x02K\x03K\x04uK\x05K\x06\x87.").unwrap();
    let int = Object::Int;
    let dict = Object::Dict(vec![(int(1), int(2)), (int(3), int(4))]);
    assert_eq!(found, Object::Tuple(vec![dict, int(5), int(6)]));
}

#[test]
fn an_ordered_dict_keeps_its_entries_and_not_its_attributes() {
    // OrderedDict(), then ["a"] = None, then __dict__ with "b"
    let pickle = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0aNs\
        }X\x01\0\0\0bNsb.";
    assert_eq!(unpickle(pickle).unwrap(), Object::Dict(vec![(text("a"), Object::None)]));
}

#[test]
fn reads_again_what_the_memo_holds() {
    // ("a", "a"), the second from the memo
    let found = unpickle(b"\x80\x02X\x01\0\0\0aq\x07h\x07\x86.").unwrap();
    assert_eq!(found, Object::Tuple(vec![text("a"), text("a")]));
}

#[test]
fn refuses_containers_of_the_wrong_kind() {
    assert!(refused(b"\x80\x02}Na.").contains("expected a list, found a dict"));
    assert!(refused(b"\x80\x02]NNs.").contains("expected a dict"));
    assert!(refused(b"\x80\x02}(Nu.").contains("a value is missing"));
}

#[test]
fn refuses_text_that_is_not_utf8() {
    assert!(refused(b"\x80\x02X\x01\0\0\0\xff.").contains("a text: invalid utf-8"));
}

#[test]
fn refuses_objects_that_a_state_dict_does_not_name() {
    for global in ["os\nsystem", "builtins\neval", "torch\nload", "torch\nos.Storage"] {
        let pickle = [b"\x80\x02c", global.as_bytes(), b"\n."].concat();
        assert!(matches!(unpickle(&pickle), Err(CheckpointError::ForbiddenGlobal(_))), "{global}");
    }
}

#[test]
fn refuses_declared_lengths_beyond_the_file() {
    assert!(refused(b"\x80\x02X\xff\xff\xff\xffab.").contains("ends early"));
    assert!(refused(b"\x80\x02\x8a\xff\x01.").contains("255 bytes"));
}

#[test]
fn refuses_what_grows_or_nests_without_end() {
    // Each round doubles the tuple by way of the memo.
    let mut doubling = b"\x80\x02)q\0".to_vec();
    for _ in 0..40 {
        doubling.extend(b"h\0\x86q\0");
    }
    assert!(refused(&doubling).contains("nested") || refused(&doubling).contains("expands"));
    // The same breadth first: appending a list's copy to itself adds no depth at first.
    let mut wide = b"\x80\x02]K\x01aq\0".to_vec();
    for round in 0..28 {
        wide.extend(b"]");
        for _ in 0..8 {
            wide.extend([b'h', round, b'a']);
        }
        wide.extend([b'q', round + 1]);
    }
    assert!(refused(&wide).contains("expands"));
    let deep = [b"\x80\x02)".as_slice(), &[0x85; 100_000], b"."].concat();
    assert!(refused(&deep).contains("nested deeper"));
}

#[test]
fn refuses_stacks_that_do_not_balance() {
    for pickle in [b"\x80\x02.".as_slice(), b"\x80\x02\x86.", b"\x80\x02N(\x85.", b"u.", b"h\x05."]
    {
        let message = refused(pickle);
        assert!(message.contains("missing") || message.contains("memo"), "{message}");
    }
}

#[test]
fn refuses_unknown_opcodes_and_protocols() {
    assert!(refused(b"\x80\x04N.").contains("protocol"));
    // DICT, which PyTorch does not write.
    assert!(refused(b"\x80\x02(d.").contains("0x64"));
    assert!(refused(b"").contains("ends early"));
}
