//! Messages with wrong, missing and arbitrary bytes: no panic, nothing over a bound.
#![allow(clippy::unwrap_used)] // What cannot be made fails its test.

mod hostile;
mod known;

use hostile::feed;
use proptest::prelude::*;

/// All known messages in both forms.
fn messages() -> Vec<Vec<u8>> {
    let forms = [false, true].into_iter();
    forms
        .flat_map(|extended| {
            let messages = known::contents().into_iter();
            messages.map(move |content| known::message(content, extended).encode().unwrap())
        })
        .collect()
}

fn feed_with(seed: u8, stream: &[u8]) {
    feed(&[&[seed], stream].concat());
}

#[test]
fn every_single_byte_may_be_wrong() {
    for bytes in messages() {
        for place in 0..bytes.len() {
            let flips = (0..8).map(|bit| 1 << bit).chain([0x7f, 0xff, bytes[place]]);
            for flip in flips {
                let mut wrong = bytes.clone();
                wrong[place] ^= flip;
                feed_with(3, &wrong);
                feed_with(2, &wrong);
            }
        }
    }
}

#[test]
fn every_message_may_end_early_or_late() {
    for bytes in messages() {
        for length in 0..bytes.len() {
            feed_with(5, &bytes[..length]);
            // The body is as short as its header says, but not as its content says.
            let mut short = bytes[..length].to_vec();
            if let Some(body_bytes) = length.checked_sub(58) {
                short[42..50].copy_from_slice(&(body_bytes as u64).to_be_bytes());
                feed_with(7, &short);
                short.push(0);
                feed_with(9, &short);
            }
        }
        let longer = [bytes.as_slice(), &[0; 5]].concat();
        let mut longer = [longer.as_slice(), &bytes].concat();
        longer[42..50].copy_from_slice(&(bytes.len() as u64 - 58 + 5).to_be_bytes());
        feed_with(11, &longer);
    }
}

const TYPES: [&[u8; 12]; 10] = [
    b"IMAGE\0\0\0\0\0\0\0",
    b"POINT\0\0\0\0\0\0\0",
    b"STRING\0\0\0\0\0\0",
    b"STATUS\0\0\0\0\0\0",
    b"TRANSFORM\0\0\0",
    b"CAPABILITY\0\0",
    b"POLYDATA\0\0\0\0",
    b"GET_STATUS\0\0",
    b"GET_CAPABIL\0",
    b"TWELVE_BYTES",
];

/// A header that is right, with any body.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![Just(0_u8), Just(1), Just(2), Just(3), Just(12), any::<u8>()];
    let body = prop::collection::vec(small, 0..400);
    (0..TYPES.len(), 1..=2_u16, body).prop_map(|(kind, version, body)| {
        let mut bytes = version.to_be_bytes().to_vec();
        bytes.extend(TYPES[kind]);
        bytes.extend([0; 28]);
        bytes.extend((body.len() as u64).to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    })
}

/// A known message with some wrong bytes in its body.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let messages = messages();
    let wrong = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    (prop::sample::select(messages), wrong).prop_map(|(mut bytes, wrong)| {
        for (place, value) in wrong {
            if let Some(last) = bytes.len().checked_sub(58).filter(|length| *length > 0) {
                bytes[58 + place.index(last)] = value;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..Default::default() })]

    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..300)) {
        feed(&data);
    }

    #[test]
    fn any_messages(
        seed in any::<u8>(),
        messages in prop::collection::vec(prop_oneof![any_message(), damaged()], 1..5),
    ) {
        feed_with(seed, &messages.concat());
    }
}
