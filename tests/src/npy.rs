//! `.npy` files of f32 values: what passes between our runtime and Python.

use npyz::WriterBuilder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The values of a file, row-major.
///
/// # Errors
/// An I/O error, also where the file is not `.npy` or its values are not f32; it names the file.
pub fn read(path: &Path) -> io::Result<Vec<f32>> {
    let values = || npyz::NpyFile::new(File::open(path)?)?.into_vec();
    values().map_err(|error| named(path, &error))
}

/// Writes `values`, row-major, as an array of `shape`.
///
/// # Errors
/// An I/O error, also where the number of values is not that of the shape; it names the file.
pub fn write(path: &Path, shape: &[usize], values: &[f32]) -> io::Result<()> {
    let all = || {
        let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        let mut file = BufWriter::new(File::create(path)?);
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut writer = options.writer(&mut file).begin_nd()?;
        writer.extend(values)?;
        writer.finish()?;
        file.flush()
    };
    all().map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
