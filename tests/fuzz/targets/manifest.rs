//! A hostile `model.toml`: refused, or accepted and then stable under writing and reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uniultra_manifest::Manifest;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        let written = manifest.to_toml().expect("a parsed manifest is valid");
        assert_eq!(Manifest::parse(&written).expect("what was written parses"), manifest);
    }
});
