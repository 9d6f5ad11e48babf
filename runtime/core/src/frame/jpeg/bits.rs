//! Bits of entropy-coded data.

use super::Fault;
use super::halves::Halves;
use super::huffman::Table;

/// Reads bits up to the next marker. A stuffed zero byte after 0xFF is left out.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to read.
    at: usize,
    /// The bits read but not taken, in the highest places.
    buffer: u64,
    /// How many there are.
    count: u32,
    /// Where the bits taken are copied to.
    copy: Option<Halves>,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, count: 0, copy: None }
    }

    /// Copies the bits that are taken.
    pub(super) fn with_copy(self, copy: Option<Halves>) -> Self {
        Self { copy, ..self }
    }

    /// Ends the copy and returns it.
    pub(super) fn end_copy(&mut self) -> Option<Halves> {
        self.copy.take()
    }

    /// The bits that follow belong to this component of the scan.
    pub(super) fn choose(&mut self, component: usize, ac: bool) {
        if let Some(copy) = &mut self.copy {
            copy.choose(component, ac);
        }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            self.at += 1;
            if byte == 0xFF {
                if self.bytes.get(self.at) != Some(&0) {
                    // A marker: it stays where it is.
                    self.at -= 1;
                    return;
                }
                self.at += 1;
            }
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Takes `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Fault> {
        if self.count < count {
            self.fill();
        }
        let left = self.count.checked_sub(count).ok_or(Fault::Truncated)?;
        // Two shifts, because one by 64 is not allowed.
        let value = self.buffer >> 1 >> (63 - count);
        if let Some(copy) = &mut self.copy {
            copy.put(value, count);
        }
        self.buffer <<= count;
        self.count = left;
        Ok(value as u32)
    }

    /// Takes a Huffman code and returns its symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        if self.count < 16 {
            self.fill();
        }
        let Some((symbol, length)) = table.lookup((self.buffer >> 48) as u16) else {
            // The bits that fill the last byte form no code.
            let cut = self.count < 16;
            return Err(if cut { Fault::Truncated } else { Fault::Damaged("no such code") });
        };
        self.take(length)?;
        Ok(symbol)
    }

    /// Leaves out the rest of the data before the next marker and returns the marker and the bytes
    /// behind it. Encoders may pad their data.
    pub(super) fn marker(self) -> Result<(u8, &'a [u8]), Fault> {
        let mut rest = self.bytes.get(self.at..).ok_or(Fault::Truncated)?;
        loop {
            let at = rest.iter().position(|&byte| byte == 0xFF).ok_or(Fault::Truncated)?;
            rest = &rest[at + 1..];
            match rest.split_first() {
                None => return Err(Fault::Truncated),
                // A stuffed data byte, or a fill byte: the marker's own 0xFF follows.
                Some((0 | 0xFF, _)) => {}
                Some((&marker, behind)) => return Ok((marker, behind)),
            }
        }
    }
}
