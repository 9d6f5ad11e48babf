//! The additions of the extended form: a message id in front of the content, keys and values behind it.

use crate::Mismatch;
use crate::fields::{Fields, ascii, check_most, utf8};
use crate::limits::{MAX_METADATA, MAX_METADATA_BYTES};
use crate::text::{ASCII, UTF8, encoding_of};

/// Bytes of the extended header. Later versions of the protocol may make it longer.
const EXTENDED_HEADER_BYTES: u16 = 12;

/// Bytes that count the entries.
const COUNT_BYTES: usize = 2;

/// Bytes that give the sizes of an entry.
const ENTRY_BYTES: usize = 8;

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The key, at most 65535 bytes.
    pub key: String,
    /// The value, in ASCII or UTF-8.
    pub value: String,
}

/// A body in the extended form, in its parts.
pub(crate) struct Extended<'a> {
    pub(crate) message_id: u32,
    pub(crate) content: &'a [u8],
    pub(crate) metadata: Vec<Metadata>,
}

impl<'a> Extended<'a> {
    /// Takes the body apart.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(body);
        let extended_bytes = fields.u16("extended header's size")?;
        if extended_bytes < EXTENDED_HEADER_BYTES {
            let expected = format!("at least {EXTENDED_HEADER_BYTES}");
            return Err(Mismatch::new("extended header's size", expected, extended_bytes));
        }
        let index_bytes = usize::from(fields.u16("size of the metadata's index")?);
        let text_bytes = usize::try_from(fields.u32("size of the metadata")?).unwrap_or(usize::MAX);
        let message_id = fields.u32("message id")?;
        fields.bytes("extended header", usize::from(extended_bytes - EXTENDED_HEADER_BYTES))?;

        let metadata_bytes = index_bytes.saturating_add(text_bytes);
        check_most("bytes of metadata", MAX_METADATA_BYTES, metadata_bytes)?;
        let Some(content_bytes) = fields.remaining().checked_sub(metadata_bytes) else {
            let expected = format!("at most {}", fields.remaining());
            return Err(Mismatch::new("bytes of metadata", expected, metadata_bytes));
        };
        let content = fields.bytes("content", content_bytes)?;
        let index = fields.bytes("metadata's index", index_bytes)?;
        let texts = fields.bytes("metadata", text_bytes)?;
        Ok(Self { message_id, content, metadata: read_metadata(index, texts)? })
    }
}

fn read_metadata(index: &[u8], texts: &[u8]) -> Result<Vec<Metadata>, Mismatch> {
    let (mut index, mut texts) = (Fields::new(index), Fields::new(texts));
    // Some senders leave out the count when there is nothing to count.
    let count = match index.remaining() {
        0 => 0,
        _ => usize::from(index.u16("number of metadata")?),
    };
    check_most("number of metadata", MAX_METADATA, count)?;
    let mut metadata = Vec::with_capacity(count);
    for _ in 0..count {
        let key_bytes = usize::from(index.u16("size of a key")?);
        let encoding = index.u16("encoding of a value")?;
        let value_bytes = usize::try_from(index.u32("size of a value")?).unwrap_or(usize::MAX);
        let key = utf8("key", texts.bytes("key", key_bytes)?)?;
        let value = texts.bytes("value", value_bytes)?;
        let value = match encoding {
            ASCII => ascii("value", value)?,
            UTF8 => utf8("value", value)?,
            other => return Err(Mismatch::new("encoding of a value", "3 or 106", other)),
        };
        metadata.push(Metadata { key, value });
    }
    index.end("metadata's index")?;
    texts.end("metadata")?;
    Ok(metadata)
}

/// Writes the extended header. The metadata follows the content; see [`write_metadata`].
pub(crate) fn write_header(
    out: &mut Vec<u8>,
    message_id: u32,
    metadata: &[Metadata],
) -> Result<(), Mismatch> {
    check_most("number of metadata", MAX_METADATA, metadata.len())?;
    let index_bytes = COUNT_BYTES + ENTRY_BYTES * metadata.len();
    let text_bytes = metadata
        .iter()
        .fold(0_usize, |sum, entry| sum.saturating_add(entry.key.len() + entry.value.len()));
    check_most("bytes of metadata", MAX_METADATA_BYTES, text_bytes.saturating_add(index_bytes))?;
    out.extend(EXTENDED_HEADER_BYTES.to_be_bytes());
    // Both fit: they are at most `MAX_METADATA_BYTES` together, and the index is much shorter.
    out.extend((index_bytes as u16).to_be_bytes());
    out.extend((text_bytes as u32).to_be_bytes());
    out.extend(message_id.to_be_bytes());
    Ok(())
}

pub(crate) fn write_metadata(out: &mut Vec<u8>, metadata: &[Metadata]) -> Result<(), Mismatch> {
    out.extend((metadata.len() as u16).to_be_bytes());
    for Metadata { key, value } in metadata {
        let Ok(key_bytes) = u16::try_from(key.len()) else {
            return Err(Mismatch::new("size of a key", "at most 65535", key.len()));
        };
        out.extend(key_bytes.to_be_bytes());
        out.extend(encoding_of(value).to_be_bytes());
        out.extend((value.len() as u32).to_be_bytes());
    }
    for Metadata { key, value } in metadata {
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    Ok(())
}
