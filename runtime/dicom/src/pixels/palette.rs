//! Palettes: a table for each of red, green and blue.

use crate::ReadError;
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::tag::{self, Tag};

/// Entries of a table: a number of 16 bits, where 0 stands for 65536.
const MAX_ENTRIES: usize = 1 << 16;

const TABLES: [(&str, Tag, Tag); 3] = [
    ("red palette", tag::RED_PALETTE_DESCRIPTOR, tag::RED_PALETTE_DATA),
    ("green palette", tag::GREEN_PALETTE_DESCRIPTOR, tag::GREEN_PALETTE_DATA),
    ("blue palette", tag::BLUE_PALETTE_DESCRIPTOR, tag::BLUE_PALETTE_DATA),
];

/// The colours of an image whose samples are indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    /// The sample that the first entry is for.
    first: u16,
    /// Red, green and blue; at least one entry.
    entries: Vec<[u16; 3]>,
    /// 8 or 16.
    bits: u16,
}

impl Palette {
    pub(crate) fn read(set: &DataSet) -> Result<Self, ReadError> {
        if set.contains(tag::SEGMENTED_RED_PALETTE_DATA) && !set.contains(tag::RED_PALETTE_DATA) {
            let mismatch = Mismatch::new("palette", "a plain table", "a segmented one");
            return Err(ReadError::Unsupported(mismatch));
        }
        let mut common = None;
        let mut entries = Vec::new();
        for (channel, (name, descriptor_tag, data_tag)) in TABLES.into_iter().enumerate() {
            let descriptor = Descriptor::read(set, name, descriptor_tag)?;
            if *common.get_or_insert(descriptor) != descriptor {
                return Err(wrong(name, "the size of the red palette", format!("{descriptor:?}")));
            }
            let values = descriptor.values(name, set.bytes(data_tag).unwrap_or_default())?;
            entries.resize(values.len(), [0; 3]);
            for (entry, value) in entries.iter_mut().zip(values) {
                if let Some(place) = entry.get_mut(channel) {
                    *place = value;
                }
            }
        }
        let Some(Descriptor { first, bits, .. }) = common else {
            return Err(wrong("palette", "three tables", "none"));
        };
        Ok(Self { first, entries, bits })
    }

    /// 8 or 16.
    pub(crate) fn bits(&self) -> u16 {
        self.bits
    }

    /// The colour of a sample. Samples in front of the table have its first colour, those behind it its last.
    pub(crate) fn colour(&self, sample: u16) -> [u16; 3] {
        let at = usize::from(sample.saturating_sub(self.first));
        self.entries.get(at).or(self.entries.last()).copied().unwrap_or_default()
    }
}

/// Size and depth of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Descriptor {
    entries: usize,
    first: u16,
    bits: u16,
}

impl Descriptor {
    fn read(set: &DataSet, name: &str, tag: Tag) -> Result<Self, ReadError> {
        let bytes = set.bytes(tag).unwrap_or_default();
        let words: Vec<u16> =
            bytes.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
        let [entries, first, bits] = words[..] else {
            return Err(wrong(name, "a descriptor of 3 numbers", format!("{} bytes", bytes.len())));
        };
        if !matches!(bits, 8 | 16) {
            return Err(wrong(name, "8 or 16 bits", bits));
        }
        let entries = if entries == 0 { MAX_ENTRIES } else { usize::from(entries) };
        Ok(Self { entries, first, bits })
    }

    /// Entries of 8 bits stand two in a word, or one in a word as older files have them.
    fn values(self, name: &str, data: &[u8]) -> Result<Vec<u16>, ReadError> {
        let even = self.entries.next_multiple_of(2);
        if self.bits == 8 && (data.len() == self.entries || data.len() == even) {
            return Ok(data.iter().take(self.entries).map(|byte| u16::from(*byte)).collect());
        }
        if data.len() != 2 * self.entries {
            return Err(wrong(
                name,
                format!("{} entries of {} bits", self.entries, self.bits),
                format!("{} bytes", data.len()),
            ));
        }
        let values: Vec<u16> =
            data.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
        match values.iter().max() {
            Some(most) if self.bits == 8 && *most > u16::from(u8::MAX) => {
                Err(wrong(name, "entries up to 255", most))
            }
            _ => Ok(values),
        }
    }
}

fn wrong(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Element(Mismatch::new(name, expected, found))
}
