//! Reads the `.npy` files that lanes write: f32, little-endian, in C order.

use anyhow::{Context, Result, ensure};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The values of a file, row-major.
pub(crate) fn read(path: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    values(&bytes).with_context(|| format!("{}", path.display()))
}

fn values(bytes: &[u8]) -> Result<Vec<f32>> {
    let rest = bytes.strip_prefix(MAGIC).context("expected a .npy file")?;
    // The header's length has two bytes in version 1 and four in versions 2 and 3.
    let ([major, _], rest) = rest.split_first_chunk().context("expected a version")?;
    let (length, rest) = if *major == 1 {
        let (length, rest) = rest.split_first_chunk().context("expected a header's length")?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk().context("expected a header's length")?;
        (usize::try_from(u32::from_le_bytes(*length))?, rest)
    };
    let (header, data) = rest.split_at_checked(length).context("expected a whole header")?;
    let header = String::from_utf8_lossy(header);
    let fits = header.contains("'<f4'") && header.contains("'fortran_order': False");
    ensure!(fits, "expected '<f4' in C order, found {}", header.trim());
    let (numbers, rest) = data.as_chunks::<4>();
    ensure!(rest.is_empty(), "expected whole values, found {} bytes more", rest.len());
    Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(major: u8, dtype: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': (2,), }}\n");
        let length = u16::try_from(header.len()).unwrap();
        let wide = u32::from(length).to_le_bytes();
        let length = if major == 1 { length.to_le_bytes().to_vec() } else { wide.to_vec() };
        [MAGIC, &[major, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn reads_both_versions() {
        let data = [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat();
        assert_eq!(values(&file(1, "<f4", &data)).unwrap(), [1.5, -2.0]);
        assert_eq!(values(&file(2, "<f4", &data)).unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn refuses_what_is_something_else() {
        let said = |bytes: &[u8]| values(bytes).unwrap_err().to_string();
        assert!(said(b"PK").contains("expected a .npy file"));
        assert!(said(&file(1, "<f8", &[0; 16])).contains("expected '<f4' in C order, found"));
        assert!(said(&file(1, "<f4", &[0; 7])).contains("3 bytes more"));
        let whole = file(1, "<f4", &[]);
        assert!(said(&whole[..whole.len() - 1]).contains("a whole header"));
    }
}
