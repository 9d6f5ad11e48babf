//! Writes a sequential scan again as progressive scans: one of DC coefficients and one of AC
//! coefficients for each component.
//!
//! zune-jpeg 0.5.15 returns garbage for sequential files with several scans
//! (github.com/etemesi254/zune-image/issues/422), but it decodes progressive ones right. Both use the
//! same codes, so only the order of the bits changes.

/// Bits of entropy-coded data.
#[derive(Debug, Default)]
pub(super) struct Half {
    bytes: Vec<u8>,
    /// The bits that do not fill a byte yet, in the lowest places.
    buffer: u64,
    count: u32,
}

impl Half {
    /// Appends the lowest `count` bits, at most 16.
    fn put(&mut self, bits: u64, count: u32) {
        self.buffer = self.buffer << count | bits;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.buffer >> self.count) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
    }

    /// Fills the last byte with ones.
    fn fill(&mut self) {
        if self.count > 0 {
            let missing = 8 - self.count;
            self.put((1 << missing) - 1, missing);
        }
    }
}

/// The data of the new scans: DC and AC of the first component, of the second, and so on.
#[derive(Debug, Default)]
pub(super) struct Halves {
    halves: Vec<Half>,
    current: usize,
}

impl Halves {
    pub(super) fn new(components: usize) -> Self {
        Self { halves: (0..2 * components).map(|_| Half::default()).collect(), current: 0 }
    }

    /// What follows belongs to this component of the scan.
    pub(super) fn choose(&mut self, component: usize, ac: bool) {
        self.current = 2 * component + usize::from(ac);
    }

    /// Appends bits to the chosen half.
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        if let Some(half) = self.halves.get_mut(self.current) {
            half.put(bits, count);
        }
    }

    /// Appends a restart marker to each.
    pub(super) fn restart(&mut self, marker: u8) {
        for half in &mut self.halves {
            half.fill();
            half.bytes.extend([0xFF, marker]);
        }
    }

    /// The finished data.
    pub(super) fn finish(self) -> impl Iterator<Item = Vec<u8>> {
        self.halves.into_iter().map(|mut half| {
            half.fill();
            half.bytes
        })
    }
}
