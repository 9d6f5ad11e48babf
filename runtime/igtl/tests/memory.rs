//! Memory stays bounded, whatever a header promises. One test, so that nobody else allocates meanwhile.
#![allow(clippy::unwrap_used)] // What cannot be made fails its test.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use uniultra_igtl::{
    Content, Coordinates, Decoder, Geometry, Image, Message, Pixels, Timestamp, limits,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1024 * 1024;

/// All bytes that were ever asked for since the region began: never less than the most at one time.
fn asked_for(region: &Region<'_, System>) -> usize {
    region.change().bytes_allocated
}

fn header(type_name: &str, body_bytes: u64) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    bytes.extend(type_name.as_bytes());
    bytes.resize(42, 0);
    bytes.extend(body_bytes.to_be_bytes());
    bytes.resize(limits::HEADER_BYTES, 0);
    bytes
}

#[test]
fn memory_follows_the_bytes_that_came() {
    let refused = header("IMAGE", 8 * MIB as u64 + 1);
    let promised = header("IMAGE", 8 * MIB as u64);
    let unknown = header("UNKNOWN", 8 * MIB as u64);
    let too_long = header("STATUS", 8 * MIB as u64);
    let body = vec![0; MIB];

    let region = Region::new(ALLOCATOR);
    let mut decoder = Decoder::new(8 * MIB);
    assert!(decoder.decode(&mut refused.as_slice()).unwrap_err().is_fatal());
    assert!(asked_for(&region) < 1024, "{}", asked_for(&region));

    // A header alone, however much it promises, costs nothing.
    let region = Region::new(ALLOCATOR);
    let mut decoder = Decoder::new(8 * MIB);
    assert_eq!(decoder.decode(&mut promised.as_slice()), Ok(None));
    assert_eq!(decoder.decode(&mut &body[..1000]), Ok(None));
    assert!(asked_for(&region) < 4096, "{}", asked_for(&region));

    // Neither does a body that is skipped.
    for (header, errors) in [(unknown, 0), (too_long, 1)] {
        let region = Region::new(ALLOCATOR);
        let mut decoder = Decoder::new(8 * MIB);
        let mut results = vec![decoder.decode(&mut header.as_slice())];
        results.extend((0..8).map(|_| decoder.decode(&mut body.as_slice())));
        let found = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(found, errors, "{results:?}");
        assert!(decoder.is_between_messages());
        assert!(asked_for(&region) < 8192, "{}", asked_for(&region));
    }

    // A whole message costs its body, and its pixels.
    let geometry = Geometry::flat([1.0; 2], [2048, 1024], Coordinates::Lps);
    let pixels = Pixels::Gray8(vec![1; 2 * MIB]);
    let image = Content::Image(Image { width: 2048, height: 1024, pixels, geometry });
    let bytes = Message::new("", Timestamp::UNUSED, image).encode().unwrap();
    let region = Region::new(ALLOCATOR);
    let mut decoder = Decoder::new(8 * MIB);
    let mut count = 0;
    for mut piece in bytes.chunks(4000) {
        count += usize::from(decoder.decode(&mut piece).unwrap().is_some());
    }
    assert_eq!(count, 1);
    let most = 2 * (2 * MIB + 72) + 4096;
    assert!(asked_for(&region) <= most, "{} of {most}", asked_for(&region));
}
