//! Reading and writing the fields of a message: big-endian numbers, and texts in a fixed number of bytes.

use crate::Mismatch;

/// Most bytes of a wrong text that an error shows.
const SHOWN_BYTES: usize = 32;

/// The fields that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [u8], Mismatch> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(Mismatch::new(field, bytes_text(count), bytes_text(self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Mismatch> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(Mismatch::new(field, bytes_text(N), bytes_text(self.rest.len())));
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Mismatch> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Mismatch> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Mismatch> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Mismatch> {
        self.array(field).map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, Mismatch> {
        self.array(field).map(i64::from_be_bytes)
    }

    /// `N` numbers, none of them infinite or NaN.
    pub(crate) fn finite<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[f32; N], Mismatch> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = f32::from_be_bytes(self.array(field)?);
        }
        check_finite(field, &values)?;
        Ok(values)
    }

    /// The text in `count` bytes, up to the first zero if there is one.
    pub(crate) fn padded(&mut self, field: &'static str, count: usize) -> Result<String, Mismatch> {
        padded_text(field, self.bytes(field, count)?)
    }

    /// Checks that everything was read.
    pub(crate) fn end(self, field: &'static str) -> Result<(), Mismatch> {
        match self.rest {
            [] => Ok(()),
            more => {
                Err(Mismatch::new(field, "its end", format!("{} more", bytes_text(more.len()))))
            }
        }
    }
}

/// The text up to the first zero. Senders copy a text into a field of fixed size and so may cut a character
/// in two; its first half is left out.
pub(crate) fn padded_text(field: &'static str, bytes: &[u8]) -> Result<String, Mismatch> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
    let whole = match std::str::from_utf8(text) {
        Err(e) if end.is_none() && e.error_len().is_none() => {
            text.get(..e.valid_up_to()).unwrap_or(text)
        }
        _ => text,
    };
    utf8(field, whole)
}

pub(crate) fn utf8(field: &'static str, bytes: &[u8]) -> Result<String, Mismatch> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Mismatch::new(field, "text in UTF-8", shown(bytes))),
    }
}

pub(crate) fn ascii(field: &'static str, bytes: &[u8]) -> Result<String, Mismatch> {
    if !bytes.is_ascii() {
        return Err(Mismatch::new(field, "text in ASCII", shown(bytes)));
    }
    utf8(field, bytes)
}

pub(crate) fn check_finite(field: &'static str, values: &[f32]) -> Result<(), Mismatch> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Mismatch::new(field, "a finite number", value)),
        None => Ok(()),
    }
}

/// Checks a count or size against its bound.
pub(crate) fn check_most(field: &'static str, most: usize, found: usize) -> Result<(), Mismatch> {
    if found > most {
        return Err(Mismatch::new(field, format!("at most {most}"), found));
    }
    Ok(())
}

/// Writes `text` and zeros up to `count` bytes.
pub(crate) fn put_padded(
    out: &mut Vec<u8>,
    field: &'static str,
    text: &str,
    count: usize,
) -> Result<(), Mismatch> {
    if text.len() > count {
        let expected = format!("at most {}", bytes_text(count));
        return Err(Mismatch::new(field, expected, bytes_text(text.len())));
    }
    check_no_zero(field, text)?;
    out.extend_from_slice(text.as_bytes());
    out.resize(out.len() + count - text.len(), 0);
    Ok(())
}

/// A zero ends a text, so none can be in it.
pub(crate) fn check_no_zero(field: &'static str, text: &str) -> Result<(), Mismatch> {
    if text.contains('\0') {
        return Err(Mismatch::new(field, "text without a zero", shown(text.as_bytes())));
    }
    Ok(())
}

pub(crate) fn put_finite(
    out: &mut Vec<u8>,
    field: &'static str,
    values: &[f32],
) -> Result<(), Mismatch> {
    check_finite(field, values)?;
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    Ok(())
}

/// Bytes for an error: escaped, and cut if there are many.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_BYTES) {
        Some(start) => format!("\"{}...\", {}", start.escape_ascii(), bytes_text(bytes.len())),
        None => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn bytes_text(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}
