//! Reads bits of an entropy-coded JPEG segment, the most significant first.

use crate::error::Mismatch;

/// How a byte after 0xFF is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stuffing {
    /// A zero byte follows each 0xFF of the data (JPEG).
    Byte,
    /// The first bit after each 0xFF of the data is a zero (JPEG-LS).
    Bit,
}

/// Bits up to the next marker.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    stuffing: Stuffing,
    buffer: u64,
    available: u32,
    after_ff: bool,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8], stuffing: Stuffing) -> Self {
        Self { bytes, at: 0, stuffing, buffer: 0, available: 0, after_ff: false }
    }

    /// Fills the buffer to at least 16 bits, or up to the marker.
    fn fill(&mut self) {
        while self.available <= 48 {
            let Some(byte) = self.bytes.get(self.at).copied() else { return };
            let next = self.bytes.get(self.at + 1).copied();
            let (width, step) = match (self.stuffing, byte, next) {
                (Stuffing::Byte, 0xFF, Some(0)) => (8, 2),
                (Stuffing::Byte, 0xFF, _) => return,
                (Stuffing::Bit, 0xFF, Some(0x80..)) => return,
                (Stuffing::Bit, ..) if self.after_ff => (7, 1),
                _ => (8, 1),
            };
            self.after_ff = self.stuffing == Stuffing::Bit && byte == 0xFF;
            self.buffer = (self.buffer << width) | u64::from(byte);
            self.available += width;
            self.at += step;
        }
    }

    /// The next `count` bits, at most 16.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, Mismatch> {
        if self.available < count {
            self.fill();
        }
        if self.available < count {
            return Err(Mismatch::new("JPEG scan", "more data", "its end"));
        }
        self.available -= count;
        Ok(((self.buffer >> self.available) & ((1 << count) - 1)) as u32)
    }

    /// What lies behind the bits: the next marker. At most 7 bits before it may be left.
    pub(super) fn finish(mut self) -> &'a [u8] {
        // Whole bytes that were taken in advance are given back only at a marker, where none are left.
        self.fill();
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Bits that are left in front of the next marker, as far as they were looked at.
    pub(super) fn left(&mut self) -> u32 {
        self.fill();
        self.available
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_is_left_out() {
        let mut reader = BitReader::new(&[0xFF, 0x00, 0xA5, 0xFF, 0xD9], Stuffing::Byte);
        assert_eq!(
            [reader.bits(12).ok(), reader.bits(4).ok(), reader.bits(1).ok()],
            [Some(0xFFA), Some(5), None]
        );
        assert_eq!(reader.finish(), [0xFF, 0xD9]);
        let mut reader = BitReader::new(&[0xFF, 0x7F, 0xFF, 0xD9], Stuffing::Bit);
        assert_eq!([reader.bits(15).ok(), reader.bits(1).ok()], [Some(0x7FFF), None]);
    }
}
