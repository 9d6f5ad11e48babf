//! Pickles as PyTorch writes them, and as it does not.

use super::*;

/// What a pickle describes, in Python's notation.
fn read(pickle: &[u8]) -> String {
    let pickle = unpickle(pickle).unwrap();
    show(&pickle.objects, pickle.root)
}

fn show(objects: &Objects, id: Id) -> String {
    let all = |ids: &[Id]| ids.iter().map(|id| show(objects, *id)).collect::<Vec<_>>().join(", ");
    match objects.get(id) {
        Object::Int(value) => value.to_string(),
        Object::Text(text) => format!("'{text}'"),
        Object::Tuple(members) => format!("({})", all(members)),
        Object::List(items) => format!("[{}]", all(items)),
        Object::Dict(items) => {
            let entry = |(key, value): &(Id, Id)| all(&[*key, *value]).replacen(", ", ": ", 1);
            format!("{{{}}}", items.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Object::Call { callable, args } => {
            format!("{}{}", show(objects, *callable), show(objects, *args))
        }
        Object::Global(global) => format!("{global:?}"),
        other => other.kind().to_string(),
    }
}

fn refused(pickle: &[u8]) -> String {
    match unpickle(pickle) {
        Ok(pickle) => panic!("{}", show(&pickle.objects, pickle.root)),
        Err(error) => error.to_string(),
    }
}

#[test]
fn reads_a_small_dict() {
    assert_eq!(read(b"\x80\x02}q\0X\x01\0\0\0aK\x01N\x86s."), "{'a': (1, None)}");
}

#[test]
fn reads_integers_of_every_width() {
    let pickle = b"\x80\x02(K\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\0\x8a\x01\xff\
        \x8a\x03\x40\x9c\0\x8a\x08\0\0\0\0\0\0\0\x80\x8a\x08\0\0\0\0\0\0\0\x40\
        \x8b\x02\0\0\0\x01\x02t.";
    let expected = format!("(255, 65535, -2, 0, -1, 40000, {}, {}, 513)", i64::MIN, 1_i64 << 62);
    assert_eq!(read(pickle), expected);
    // The seed of a random generator.
    assert_eq!(read(b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01."), "a long integer");
}

#[test]
fn keeps_the_order_of_tuples_and_of_entries() {
    // The entries by SETITEMS.
    assert_eq!(read(b"\x80\x02}(K\x01K\x02K\x03K\x04uK\x05K\x06\x87."), "({1: 2, 3: 4}, 5, 6)");
}

#[test]
fn reads_what_later_protocols_write() {
    // Protocol 4: a frame, short texts, memoized, a class by STACK_GLOBAL.
    let pickle = b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94\
        \x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94u.";
    assert_eq!(read(pickle), "{'a': 1, 'b': {}}");
    // Protocol 5: bytes, a bytearray, a set and a frozen set, which nothing needs.
    let pickle = b"\x80\x05(C\x02ab\x96\x01\0\0\0\0\0\0\0x\x8f(K\x01\x90(K\x02\x91t.";
    assert_eq!(read(pickle), "(bytes, bytes, a set, a set)");
    // Long texts and bytes, whose lengths have eight bytes.
    let pickle = b"\x80\x04\x8d\x02\0\0\0\0\0\0\0ab\x8e\x01\0\0\0\0\0\0\0x\x86.";
    assert_eq!(read(pickle), "('ab', bytes)");
}

#[test]
fn reads_what_python_2_wrote() {
    let pickle = b"\x80\x02(U\x01aT\x02\0\0\0bcK\x03lK\x01(K\x02K\x03d\x87.";
    assert_eq!(read(pickle), "(['a', 'bc', 3], 1, {2: 3})");
    // OrderedDict([['a', 1], ['b', 2]])
    let pickle = b"\x80\x02ccollections\nOrderedDict\n]((U\x01aK\x01l(U\x01bK\x02le\x85R.";
    assert_eq!(read(pickle), "{'a': 1, 'b': 2}");
}

#[test]
fn an_ordered_dict_keeps_its_entries_and_not_its_attributes() {
    // OrderedDict(), then ["a"] = None, then __dict__ with "b"
    let pickle = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0aNs\
        }X\x01\0\0\0bNsb.";
    assert_eq!(read(pickle), "{'a': None}");
}

#[test]
fn reads_again_what_the_memo_holds() {
    // ("a", "a"), the second from the memo
    assert_eq!(read(b"\x80\x02X\x01\0\0\0aq\x07h\x07\x86."), "('a', 'a')");
    // A dict is memoized while it is empty, filled, and used again.
    assert_eq!(read(b"\x80\x02}q\x01K\x01K\x02sh\x01\x86."), "({1: 2}, {1: 2})");
}

#[test]
fn settings_of_training_programs_are_passed_over() {
    for class in [
        "argparse\nNamespace",
        "pathlib\nPosixPath",
        "numpy.core.multiarray\nscalar",
        "omegaconf.dictconfig\nDictConfig",
        "torch\nSize",
        "datetime\ndatetime",
    ] {
        let pickle = [b"\x80\x02c", class.as_bytes(), b"\n)\x81}K\x01K\x02sb."].concat();
        assert_eq!(read(&pickle), "Beside()", "{class}");
    }
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
    for global in [
        "os\nsystem",
        "builtins\neval",
        "builtins\ngetattr",
        "torch\nload",
        "torch\nos.Storage",
        "torch.storage\n_load_from_bytes",
        "pathlib\nos",
        "lightning\nrun",
    ] {
        let pickle = [b"\x80\x02c", global.as_bytes(), b"\n."].concat();
        assert!(matches!(unpickle(&pickle), Err(CheckpointError::ForbiddenGlobal(_))), "{global}");
        let (module, name) = global.split_once('\n').unwrap();
        let text =
            |text: &str| [&[0x8c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let pickle = [b"\x80\x04".as_slice(), &text(module), &text(name), b"\x93."].concat();
        assert!(matches!(unpickle(&pickle), Err(CheckpointError::ForbiddenGlobal(_))), "{global}");
    }
}

#[test]
fn refuses_declared_lengths_beyond_the_file() {
    assert!(refused(b"\x80\x02X\xff\xff\xff\xffab.").contains("ends early"));
    assert!(refused(b"\x80\x02\x8a\xff\x01.").contains("ends early"));
    assert!(refused(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.").contains("ends early"));
}

#[test]
fn what_refers_to_itself_takes_no_memory() {
    // Each round doubles the tuple by way of the memo, 40 times.
    let mut doubling = b"\x80\x02)q\0".to_vec();
    for _ in 0..40 {
        doubling.extend(b"h\0h\0\x86q\0");
    }
    doubling.push(b'.');
    assert_eq!(unpickle(&doubling).unwrap().objects.len(), 41);
    // A hundred thousand levels, and a dict that holds itself.
    let deep = [b"\x80\x02)".as_slice(), &[0x85; 100_000], b"."].concat();
    assert_eq!(unpickle(&deep).unwrap().objects.len(), 100_001);
    assert_eq!(unpickle(b"\x80\x02}q\0K\x01h\0s.").unwrap().objects.len(), 2);
}

#[test]
fn refuses_what_grows_without_end() {
    let many = [b"\x80\x02".as_slice(), &vec![b'N'; MAX_OBJECTS + 1], b"."].concat();
    assert!(refused(&many).contains("more than"));
    for opcode in [b'2', b'('] {
        let many = [b"\x80\x02N".as_slice(), &vec![opcode; MAX_OBJECTS + 1], b"."].concat();
        assert!(refused(&many).contains("more than"));
    }
    // A list of a thousand pairs becomes a dict four thousand times.
    let mut copies = b"\x80\x02ccollections\nOrderedDict\nq\x01](".to_vec();
    copies.extend(b"NN\x86".repeat(1000));
    copies.extend(b"e\x85q\x02");
    copies.extend(b"h\x01h\x02R".repeat(4000));
    copies.push(b'.');
    assert!(refused(&copies).contains("more than"));
}

#[test]
fn refuses_stacks_that_do_not_balance() {
    for pickle in [
        b"\x80\x02.".as_slice(),
        b"\x80\x02\x86.",
        b"\x80\x02N(\x85.",
        b"u.",
        b"h\x05.",
        b"2.",
        b"q\0.",
    ] {
        let message = refused(pickle);
        assert!(message.contains("missing") || message.contains("memo"), "{message}");
    }
}

#[test]
fn refuses_unknown_opcodes_and_protocols() {
    assert!(refused(b"\x80\x06N.").contains("protocol 2 to 5, found 6"));
    // INST, which only protocols 0 and 1 have.
    assert!(refused(b"\x80\x02(i.").contains("0x69"));
    assert!(refused(b"").contains("ends early"));
}
