//! The checksum of bodies: CRC-64 with the polynomial of ECMA-182, most significant bit first, from zero.

use crc::{CRC_64_ECMA_182, Crc};

/// A static, so that its table is in the program once.
static TABLE: Crc<u64> = Crc::<u64>::new(&CRC_64_ECMA_182);

/// Extends a checksum by more bytes. Start with 0.
pub(crate) fn extend(checksum: u64, bytes: &[u8]) -> u64 {
    let mut digest = TABLE.digest_with_initial(checksum);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value_and_any_split() {
        let bytes = b"123456789";
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            assert_eq!(extend(extend(0, first), second), 0x6c40_df5f_0b49_7347);
        }
        assert_eq!(extend(0, &[]), 0);
    }
}
