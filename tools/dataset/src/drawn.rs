//! Masks drawn in text, for tests.

use uniultra_core::Mask;

/// A mask drawn in text: `#` is object.
pub(crate) fn mask_of(rows: &[&str]) -> Mask {
    let data = rows.iter().flat_map(|row| row.bytes().map(|b| u8::from(b == b'#'))).collect();
    Mask::from_binary(rows[0].len(), rows.len(), data).unwrap()
}
