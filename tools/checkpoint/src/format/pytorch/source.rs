//! The pickle's bytes, taken from the front.

use super::corrupt;
use crate::CheckpointError;

/// What is left of a pickle. No declared length is believed before the bytes are seen.
#[derive(Debug, Default)]
pub(super) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let (&head, rest) = self.0.split_first_chunk().ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, CheckpointError> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, CheckpointError> {
        self.take().map(u32::from_le_bytes)
    }

    /// A length of one, four or eight bytes, and as many bytes as it says.
    pub(super) fn counted(&mut self, length_bytes: u8) -> Result<&'a [u8], CheckpointError> {
        let length = match length_bytes {
            1 => u64::from(self.byte()?),
            4 => u64::from(self.u32()?),
            _ => u64::from_le_bytes(self.take()?),
        };
        self.slice(usize::try_from(length).map_err(|_| ends_early())?)
    }

    /// A text with its length before it.
    pub(super) fn text(&mut self, length_bytes: u8) -> Result<String, CheckpointError> {
        utf8(self.counted(length_bytes)?).map(ToString::to_string)
    }

    /// A text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a str, CheckpointError> {
        let end = self.0.iter().position(|&byte| byte == b'\n').ok_or_else(ends_early)?;
        let line = self.slice(end)?;
        self.slice(1)?;
        utf8(line)
    }

    /// A little-endian integer in two's complement with its length in bytes before it. `None` if it
    /// does not fit 64 bits: seeds of random generators are longer, and nothing needs them.
    pub(super) fn long(&mut self, length_bytes: u8) -> Result<Option<i64>, CheckpointError> {
        let digits = self.counted(length_bytes)?;
        let negative = digits.last().is_some_and(|&byte| byte >= 0x80);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        if digits.len() > bytes.len() {
            return Ok(None);
        }
        for (byte, &digit) in bytes.iter_mut().zip(digits) {
            *byte = digit;
        }
        Ok(Some(i64::from_le_bytes(bytes)))
    }

    fn slice(&mut self, count: usize) -> Result<&'a [u8], CheckpointError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(head)
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, CheckpointError> {
    std::str::from_utf8(bytes).map_err(|error| corrupt(format!("pickle: a text: {error}")))
}

fn ends_early() -> CheckpointError {
    corrupt("pickle: ends early")
}
