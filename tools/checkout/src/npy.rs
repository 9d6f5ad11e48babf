//! Reads the `.npy` files that programs of the workspace write.

use anyhow::{Context, Result, ensure};
use npyz::{NpyFile, Order};
use std::path::Path;

/// The f32 values of a file, row-major.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    values(&bytes).with_context(|| path.display().to_string())
}

fn values(bytes: &[u8]) -> Result<Vec<f32>> {
    let array = NpyFile::new(bytes).context("expected a .npy file")?;
    let found = array.dtype().descr();
    ensure!(array.order() == Order::C, "expected values in C order, found Fortran order");
    array.into_vec().with_context(|| format!("expected all values as '<f4', found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(major: u8, dtype: &str, fortran: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': (2,), }}\n");
        let length = u16::try_from(header.len()).unwrap();
        let wide = u32::from(length).to_le_bytes();
        let length = if major == 1 { length.to_le_bytes().to_vec() } else { wide.to_vec() };
        [b"\x93NUMPY", &[major, 0][..], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn reads_both_versions() {
        let data = [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat();
        assert_eq!(values(&file(1, "<f4", "False", &data)).unwrap(), [1.5, -2.0]);
        assert_eq!(values(&file(2, "<f4", "False", &data)).unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn refuses_what_is_something_else() {
        let said = |bytes: &[u8]| values(bytes).unwrap_err().to_string();
        assert!(said(b"PK").contains("expected a .npy file"));
        assert!(said(&file(1, "<f8", "False", &[0; 16])).contains("as '<f4', found"));
        assert!(said(&file(1, "<f4", "False", &[0; 7])).contains("expected all values"));
        assert!(said(&file(1, "<f4", "True", &[0; 8])).contains("found Fortran order"));
    }
}
