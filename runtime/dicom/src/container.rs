//! A file's preamble and file meta information, and its data set, inflated if it is deflated.

use crate::data_set::{DataSet, Parsed, parse};
use crate::error::Mismatch;
use crate::limits::{MAX_FILE_BYTES, MAX_INFLATED_BYTES};
use crate::{ReadError, TransferSyntax, tag};
use flate2::read::DeflateDecoder;
use std::io::Read;

/// Bytes in front of the letters `DICM`; they may hold anything.
const PREAMBLE_BYTES: usize = 128;
const LETTERS: &[u8] = b"DICM";
const META_GROUP: u16 = 0x0002;

/// A file taken apart.
pub(crate) struct Container {
    /// What the places of the pixel data count in: the file, or the inflated data set.
    pub(crate) bytes: Vec<u8>,
    pub(crate) syntax: TransferSyntax,
    pub(crate) parsed: Parsed,
}

impl Container {
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, ReadError> {
        check_file_size(bytes.len() as u64)?;
        let start = PREAMBLE_BYTES + LETTERS.len();
        if bytes.get(PREAMBLE_BYTES..start) != Some(LETTERS) {
            let found = match bytes.get(PREAMBLE_BYTES..start) {
                Some(letters) => format!("\"{}\"", letters.escape_ascii()),
                None => format!("{} bytes in all", bytes.len()),
            };
            let mismatch = Mismatch::new("file", "the letters DICM", found);
            return Err(ReadError::Structure { offset: PREAMBLE_BYTES, mismatch });
        }
        let meta = parse(&bytes, start, true, Some(META_GROUP))?;
        let uid = meta.data_set.required_uid(tag::TRANSFER_SYNTAX_UID, "transfer syntax")?;
        let syntax = TransferSyntax::from_uid(&uid)?;
        let (bytes, start) = match syntax {
            TransferSyntax::Deflated => {
                (inflated(bytes.get(meta.end..).unwrap_or_default(), meta.end)?, 0)
            }
            _ => (bytes, meta.end),
        };
        let parsed = parse(&bytes, start, syntax.has_explicit_vr(), None)?;
        Ok(Self { bytes, syntax, parsed })
    }

    pub(crate) fn data_set(&self) -> &DataSet {
        &self.parsed.data_set
    }
}

pub(crate) fn check_file_size(bytes: u64) -> Result<(), ReadError> {
    if bytes > MAX_FILE_BYTES {
        let expected = format!("at most {MAX_FILE_BYTES} bytes");
        return Err(ReadError::Limit(Mismatch::new("file", expected, format!("{bytes} bytes"))));
    }
    Ok(())
}

fn inflated(deflated: &[u8], offset: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let mut decoder = DeflateDecoder::new(deflated).take(MAX_INFLATED_BYTES + 1);
    if let Err(error) = decoder.read_to_end(&mut bytes) {
        let mismatch = Mismatch::new("data set", "deflated data", error);
        return Err(ReadError::Structure { offset, mismatch });
    }
    if bytes.len() as u64 > MAX_INFLATED_BYTES {
        let expected = format!("at most {MAX_INFLATED_BYTES} bytes");
        return Err(ReadError::Limit(Mismatch::new("inflated data set", expected, "more")));
    }
    Ok(bytes)
}
