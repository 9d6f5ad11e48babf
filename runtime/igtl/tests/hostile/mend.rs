//! Right checksums for changed bytes.
#![allow(clippy::unwrap_used)] // Slices have the lengths that were asked for.

use crc::{CRC_64_ECMA_182, Crc};
use uniultra_igtl::limits;

static CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_ECMA_182);

/// Puts right the checksum of every body that is whole.
pub(crate) fn mend(stream: &[u8]) -> Vec<u8> {
    let mut mended = stream.to_vec();
    let mut start = 0;
    while let Some(header) = stream.get(start..start + limits::HEADER_BYTES) {
        let size = u64::from_be_bytes(header[42..50].try_into().unwrap());
        let body_start = start + limits::HEADER_BYTES;
        let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(body_start);
        let Some(body) = stream.get(body_start..end) else { break };
        let checksum = CHECKSUM.checksum(body);
        mended[start + 50..body_start].copy_from_slice(&checksum.to_be_bytes());
        start = end;
    }
    mended
}
