//! Content of `STRING`: one text.

use crate::Mismatch;
use crate::fields::{Fields, ascii, check_most, utf8};
use crate::limits::MAX_TEXT_BYTES;

/// The number of US-ASCII among the registered character sets of the Internet (MIBenum).
pub(crate) const ASCII: u16 = 3;

/// The number of UTF-8.
pub(crate) const UTF8: u16 = 106;

/// ASCII if the text allows it: receivers are only asked to understand that.
pub(crate) fn encoding_of(text: &str) -> u16 {
    if text.is_ascii() { ASCII } else { UTF8 }
}

pub(crate) fn read(content: &[u8]) -> Result<String, Mismatch> {
    let mut fields = Fields::new(content);
    let encoding = fields.u16("encoding")?;
    let length = usize::from(fields.u16("length")?);
    let text = fields.bytes("text", length)?;
    fields.end("text")?;
    match encoding {
        ASCII => ascii("text", text),
        UTF8 => utf8("text", text),
        other => Err(Mismatch::new("encoding", "3 (US-ASCII) or 106 (UTF-8)", other)),
    }
}

pub(crate) fn write(out: &mut Vec<u8>, text: &str) -> Result<(), Mismatch> {
    check_most("length", MAX_TEXT_BYTES, text.len())?;
    out.extend(encoding_of(text).to_be_bytes());
    // Fits: `MAX_TEXT_BYTES` is the largest of its type.
    out.extend((text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
