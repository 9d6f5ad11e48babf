//! A hostile board profile: refused, or accepted and then consistent, and stable under writing and
//! reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_manifest::Board;

fuzz_target!(|text: &str| {
    if let Ok(board) = Board::parse(text) {
        assert!(board.pins().iter().all(|&cpu| board.cores_of(cpu).is_some()));
        let written = board.to_toml().expect("a parsed profile is valid");
        assert_eq!(Board::parse(&written).expect("what was written parses"), board);
    }
});
