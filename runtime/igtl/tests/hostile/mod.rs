//! What holds for any bytes at all, whoever sends them. It can be the body of a fuzz target.
#![allow(clippy::unwrap_used)] // What breaks a rule fails its test.

mod mend;

use mend::mend;

use uniultra_igtl::{Content, DecodeError, Decoder, Message, Pixels};

/// The bound that [`feed`] gives its decoder.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Memory of a message beside its body's bytes: a list costs more than the bytes that it is read from, but
/// each has a bound.
const LIST_BYTES: usize = 1024 * 1024;

/// Feeds `data` to a decoder and checks every message. The first byte says how the rest is cut into pieces,
/// and, by its lowest bit, whether checksums are put right first; else hardly any body would be read.
///
/// # Panics
/// If a message is larger than it may be, or is not the same after it was encoded and decoded.
pub(crate) fn feed(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let mended = if seed & 1 == 1 { mend(stream) } else { stream.to_vec() };
    let mut decoder = Decoder::new(MAX_BODY_BYTES);
    let (mut rest, mut step) = (mended.as_slice(), usize::from(seed) + 1);
    while !rest.is_empty() {
        step = (step * 31 + 7) % 257;
        let (mut piece, after) = rest.split_at(rest.len().min(step + 1));
        rest = after;
        // A call that gives anything has taken a header, or is the error of one.
        for _ in 0..=2 + piece.len() {
            match decoder.decode(&mut piece) {
                Ok(None) => break,
                Ok(Some(message)) => check(&message),
                Err(error) if error.is_fatal() => {
                    assert_eq!(decoder.decode(&mut piece).unwrap_err(), error);
                    return;
                }
                Err(error) => check_error(&error),
            }
        }
        assert!(piece.is_empty(), "bytes are left");
    }
}

/// Errors go to logs, so they are short and plain.
fn check_error(error: &DecodeError) {
    let text = error.to_string();
    assert!(text.contains("expected") && text.contains("found"), "{text}");
    assert!(text.len() < 400 && !text.contains(char::is_control), "{text}");
}

fn check(message: &Message) {
    assert!(heap_bytes(message) <= 2 * MAX_BODY_BYTES + LIST_BYTES);
    if matches!(message.content, Content::Other { .. }) {
        assert!(message.encode().is_err());
        return;
    }
    let bytes = message.encode().unwrap();
    let mut decoder = Decoder::new(bytes.len());
    let again = decoder.decode(&mut bytes.as_slice()).unwrap().unwrap();
    assert_eq!(again, *message);
    assert!(decoder.is_between_messages());
}

/// An estimate of the memory that a message holds.
fn heap_bytes(message: &Message) -> usize {
    let texts = |texts: &[&String]| texts.iter().map(|text| text.len() + 24).sum::<usize>();
    let cells = |cells: &[Vec<u32>]| cells.iter().map(|cell| 24 + 4 * cell.len()).sum::<usize>();
    let content = match &message.content {
        Content::Image(image) => match &image.pixels {
            Pixels::Gray16(_) | Pixels::Signed16(_) => 2 * image.pixels.count(),
            Pixels::Rgb8(_) => 3 * image.pixels.count(),
            _ => image.pixels.count(),
        },
        Content::Points(points) => {
            points.iter().map(|point| 24 + texts(&[&point.name, &point.group, &point.owner])).sum()
        }
        Content::Text(text) => text.len(),
        Content::Status(status) => texts(&[&status.name, &status.text]),
        Content::Capability(names) => texts(&names.iter().collect::<Vec<_>>()),
        Content::PolyData(data) => {
            12 * data.points.len() + cells(&data.lines) + cells(&data.polygons)
        }
        _ => 0,
    };
    let metadata = message.header.metadata.iter();
    content + metadata.map(|entry| texts(&[&entry.key, &entry.value])).sum::<usize>()
}
