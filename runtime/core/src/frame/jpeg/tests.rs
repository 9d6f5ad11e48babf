//! Tables, bits and scans by hand. Whole files are in `runtime/core/tests/jpeg.rs`.

use super::Fault;
use super::bits::Bits;
use super::huffman::{Table, Tables};
use super::standard;

/// Two codes of 2 bits, one of 3, one of 11: 00, 01, 100, and 101 with eight zeros.
fn table() -> Table {
    let mut counts = [0; 16];
    (counts[1], counts[2], counts[10]) = (2, 1, 1);
    let bytes = [&counts[..], &[7, 8, 9, 10, 42]].concat();
    let (table, rest) = Table::read(&bytes).unwrap();
    assert_eq!(rest, [42]);
    table
}

#[test]
fn codes_are_found_whatever_their_length() {
    let table = table();
    for (bits, wanted) in [
        (0b0011_1111_1111_1111, Some((7, 2))),
        (0b0100_0000_0000_0000, Some((8, 2))),
        (0b1000_0000_0000_0001, Some((9, 3))),
        (0b1010_0000_0000_0000, Some((10, 11))),
        (0b1010_0000_0001_1111, Some((10, 11))),
        (0b1010_0000_0010_0000, None),
        (0xFFFF, None),
    ] {
        assert_eq!(table.lookup(bits), wanted, "{bits:016b}");
    }
}

#[test]
fn impossible_tables_are_refused() {
    let refused = |counts: [u8; 16]| Table::read(&[&counts[..], &[0; 400]].concat()).is_err();
    let with = |length: usize, count: u8| {
        let mut counts = [0; 16];
        counts[length - 1] = count;
        counts
    };
    assert!(!refused(with(1, 1)) && refused(with(1, 2)), "the code of ones is reserved");
    assert!(!refused(with(3, 7)) && refused(with(3, 8)));
    assert!(!refused(with(16, 255)));
    assert!(refused([255; 16]));
    assert!(Table::read(&[0; 15]).is_err());
    assert!(Table::read(&[1; 16]).is_err(), "no symbols");
}

#[test]
fn the_standard_tables_are_a_segment() {
    let [0xFF, 0xC4, high, low, content @ ..] = &standard::TABLES[..] else { panic!("no DHT") };
    assert_eq!(usize::from(u16::from_be_bytes([*high, *low])), content.len() + 2);
    let mut tables = Tables::default();
    tables.read(content).unwrap();
    for number in [0, 1] {
        assert!(tables.dc(number).is_ok() && tables.ac(number).is_ok());
    }
    // The end of a block: 1010 for luminance, 00 for chrominance.
    assert_eq!(tables.ac(0).unwrap().lookup(0b1010 << 12), Some((0, 4)));
    assert_eq!(tables.ac(1).unwrap().lookup(0), Some((0, 2)));
    assert!(tables.dc(2).is_err() && tables.ac(15).is_err());
}

#[test]
fn bits_end_at_a_marker() {
    let mut bits = Bits::new(&[0b1010_0101, 0xFF, 0x00, 0x12, 0xFF, 0xFF, 0xD9, 0x55]);
    assert_eq!(bits.take(0).unwrap(), 0);
    assert_eq!(bits.take(3).unwrap(), 0b101);
    assert_eq!(bits.take(16).unwrap(), 0b0010_1111_1111_1000);
    assert_eq!(bits.take(5).unwrap(), 0b1_0010);
    assert!(matches!(bits.take(1), Err(Fault::Truncated)));
    assert_eq!(bits.marker().unwrap(), (0xD9, &[0x55][..]));
    for end in [&[][..], &[0xFF], &[0x12, 0xFF, 0xFF], &[0xFF, 0x00]] {
        assert!(matches!(Bits::new(end).marker(), Err(Fault::Truncated)));
    }
}

#[test]
fn filling_is_no_code() {
    let table = table();
    // Two codes, then the ones that fill the byte.
    let mut bits = Bits::new(&[0b0010_0111, 0xFF, 0xD9]);
    assert_eq!(bits.symbol(&table).unwrap(), 7);
    assert_eq!(bits.symbol(&table).unwrap(), 9);
    assert!(matches!(bits.symbol(&table), Err(Fault::Truncated)));
    let mut damaged = Bits::new(&[0xFF, 0, 0xFF, 0, 0xFF, 0]);
    assert!(matches!(damaged.symbol(&table), Err(Fault::Damaged(_))));
}
