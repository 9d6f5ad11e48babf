//! Logits as `.npy` files, NumPy's array format.

mod header;

use crate::{Format, SinkError, write_atomically};
use half::f16;
use header::{Element, Float, Header, HeaderError};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use uniultra_core::{MaskPrompt, Prediction, PromptError};

/// Largest side of a mask prompt that is read: a quarter of the largest model input, 2048.
pub const MAX_MASK_PROMPT_SIDE: usize = 512;

/// Writes the network's logits of all four mask tokens, `[4, S/4, S/4]` float32 in C order.
///
/// # Errors
/// [`SinkError::Write`]; [`SinkError::Name`] if the name ends in another format.
pub fn write_logits(path: &Path, prediction: &Prediction) -> Result<(), SinkError> {
    Format::Npy.check_name(path)?;
    write_atomically(path, |w| encode_logits(w, prediction))
}

/// As [`write_logits`], to a stream.
///
/// # Errors
/// Those of `writer`.
pub fn encode_logits(writer: &mut dyn Write, prediction: &Prediction) -> io::Result<()> {
    let side = prediction.side();
    let masks = prediction.logits().len() / (side * side).max(1);
    encode_array(writer, &[masks, side, side], prediction.logits())
}

fn encode_array(writer: &mut dyn Write, shape: &[usize], values: &[f32]) -> io::Result<()> {
    writer.write_all(&header::write_f32(shape))?;
    values.iter().try_for_each(|value| writer.write_all(&value.to_le_bytes()))
}

/// Reads a mask prompt: logits `[side, side]`, or plane `index` of `[M, side, side]`. Further
/// leading dimensions of 1 are ignored. The values may be float32, float16 or float64. Memory is
/// allocated for one plane only, and only if the file is as large as its header says.
///
/// Whether the side fits the model is checked when the prompt is used.
///
/// # Errors
/// [`SinkError::Read`] if the file cannot be read, [`SinkError::Npy`] if it is not such an array,
/// if it has several masks and `index` is `None`, or if a value is NaN or infinite.
pub fn read_mask_prompt(path: &Path, index: Option<usize>) -> Result<MaskPrompt, SinkError> {
    let read_error = |e| SinkError::read(path, e);
    // Checked before opening: opening a pipe that nobody writes to would block for ever.
    let data = std::fs::metadata(path).map_err(read_error)?;
    if !data.is_file() {
        return Err(SinkError::npy(path, "a file", "a folder or device"));
    }
    let mut reader = BufReader::new(File::open(path).map_err(read_error)?);
    let header = header::read(&mut reader).map_err(|e| match e {
        HeaderError::Io(e) => read_error(e),
        HeaderError::Content { expected, found } => SinkError::npy(path, expected, found),
    })?;
    let (planes, side) = layout(path, &header.shape)?;
    let plane = choose_plane(path, planes, index)?;
    let plane_bytes = side * side * header.element.bytes();
    let total = planes
        .checked_mul(plane_bytes)
        .and_then(|bytes| bytes.checked_add(header.bytes))
        .map(|bytes| bytes as u64);
    if total != Some(data.len()) {
        let expected = total.map_or("fewer masks".to_string(), |total| {
            format!("{total} bytes for shape {:?}", header.shape)
        });
        return Err(SinkError::npy(path, expected, format!("{} bytes", data.len())));
    }
    let mut bytes = vec![0; plane_bytes];
    let start = (header.bytes + plane * plane_bytes) as u64;
    let read = reader.seek(SeekFrom::Start(start)).and_then(|_| reader.read_exact(&mut bytes));
    read.map_err(read_error)?;
    MaskPrompt::new(decode(&bytes, &header), side).map_err(|e| match e {
        PromptError::NotFinite { found, .. } => SinkError::npy(path, "finite logits", found),
        other => SinkError::npy(path, "logits of a square mask", other),
    })
}

/// The number of masks, and their side.
fn layout(path: &Path, shape: &[usize]) -> Result<(usize, usize), SinkError> {
    let extra = shape.len().saturating_sub(3);
    let [planes, height, width] = match shape.split_at(extra) {
        (ones, &[planes, height, width]) if ones.iter().all(|&dim| dim == 1) => {
            [planes, height, width]
        }
        (_, &[height, width]) => [1, height, width],
        _ => {
            return Err(SinkError::npy(
                path,
                "shape [side, side] or [M, side, side]",
                format!("{shape:?}"),
            ));
        }
    };
    if height != width || planes == 0 || !(1..=MAX_MASK_PROMPT_SIDE).contains(&width) {
        let expected = format!("square masks with a side of 1 to {MAX_MASK_PROMPT_SIDE}");
        return Err(SinkError::npy(path, expected, format!("shape {shape:?}")));
    }
    Ok((planes, width))
}

fn choose_plane(path: &Path, planes: usize, index: Option<usize>) -> Result<usize, SinkError> {
    match index {
        None if planes > 1 => Err(SinkError::npy(
            path,
            "one mask, or an index that says which",
            format!("{planes} masks and no index"),
        )),
        Some(index) if index >= planes => Err(SinkError::npy(
            path,
            format!("a mask index below {planes}"),
            format!("index {index}"),
        )),
        index => Ok(index.unwrap_or(0)),
    }
}

fn decode(bytes: &[u8], header: &Header) -> Vec<f32> {
    let Element { float, big_endian } = header.element;
    match float {
        Float::F16 => elements(bytes, big_endian, |b| f16::from_le_bytes(b).to_f32()),
        Float::F32 => elements(bytes, big_endian, f32::from_le_bytes),
        Float::F64 => elements(bytes, big_endian, |b| f64::from_le_bytes(b) as f32),
    }
}

fn elements<const N: usize>(
    bytes: &[u8],
    big_endian: bool,
    decode: impl Fn([u8; N]) -> f32,
) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let value = |&(mut chunk): &[u8; N]| {
        if big_endian {
            chunk.reverse();
        }
        decode(chunk)
    };
    chunks.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::PathBuf;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| i as f32 * 0.5 - 3.0).collect()
    }

    fn written(folder: &Path, shape: &[usize]) -> PathBuf {
        let path = folder.join("array.npy");
        let values = values(shape.iter().product());
        write_atomically(&path, |w| encode_array(w, shape, &values)).unwrap();
        path
    }

    #[test]
    fn reads_every_documented_shape() {
        let folder = tempfile::tempdir().unwrap();
        for (shape, index, first) in [
            (&[4, 4][..], None, 0),
            (&[1, 4, 4], None, 0),
            (&[1, 1, 4, 4], None, 0),
            (&[1, 1, 4, 4], Some(0), 0),
            (&[3, 4, 4], Some(2), 32),
            (&[1, 3, 4, 4], Some(1), 16),
        ] {
            let path = written(folder.path(), shape);
            let prompt = read_mask_prompt(&path, index).unwrap();
            assert_eq!(prompt.side(), 4);
            assert_eq!(prompt.logits(), &values(48)[first..first + 16], "{shape:?}");
        }
    }

    #[test]
    fn refuses_other_shapes_and_indices() {
        let folder = tempfile::tempdir().unwrap();
        for (shape, index, said) in [
            (&[3, 4, 4][..], None, "3 masks and no index"),
            (&[3, 4, 4], Some(3), "index 3"),
            (&[4, 4], Some(1), "index 1"),
            (&[4, 5], None, "shape [4, 5]"),
            (&[0, 4, 4], None, "shape [0, 4, 4]"),
            (&[0, 0], None, "shape [0, 0]"),
            (&[16], None, "[16]"),
            (&[], None, "[]"),
            (&[2, 1, 4, 4], Some(0), "[2, 1, 4, 4]"),
            (&[513, 513], None, "shape [513, 513]"),
        ] {
            let path = written(folder.path(), shape);
            let error = read_mask_prompt(&path, index).unwrap_err();
            assert!(!error.is_output());
            let message = error.to_string();
            assert!(message.contains(said) && message.contains("array.npy"), "{message}");
        }
    }

    #[test]
    fn reads_half_and_double_precision_of_either_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        let source = values(4);
        let mut cases: Vec<(&str, Vec<u8>)> = Vec::new();
        cases.push(("<f2", source.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect()));
        cases.push((">f4", source.iter().flat_map(|v| v.to_be_bytes()).collect()));
        cases.push(("<f8", source.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect()));
        for (descr, data) in cases {
            let mut bytes = header::write_f32(&[2, 2]);
            let at = bytes.windows(3).position(|w| w == b"<f4").unwrap();
            bytes[at..at + 3].copy_from_slice(descr.as_bytes());
            bytes.extend(data);
            let path = folder.path().join("array.npy");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read_mask_prompt(&path, None).unwrap().logits(), source, "{descr}");
        }
    }

    #[test]
    fn refuses_nan_short_long_and_huge() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("array.npy");
        let with = |shape: &[usize], data: &[f32]| {
            let mut bytes = header::write_f32(shape);
            bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
            std::fs::write(&path, bytes).unwrap();
            read_mask_prompt(&path, Some(0)).unwrap_err().to_string()
        };
        assert!(with(&[1, 2], &values(2)).contains("square"));
        assert!(with(&[2, 2], &[0.0, f32::NAN, 0.0, 0.0]).contains("finite logits, found NaN"));
        assert!(with(&[2, 2], &values(3)).contains("bytes for shape [2, 2]"));
        assert!(with(&[2, 2], &values(5)).contains("bytes for shape [2, 2]"));
        assert!(with(&[usize::MAX, 512, 512], &values(5)).contains("fewer masks"));
        assert!(with(&[1 << 40, 512, 512], &values(5)).contains("bytes for shape"));
        assert!(with(&[usize::MAX, usize::MAX], &values(5)).contains("square masks with a side"));
        assert!(read_mask_prompt(folder.path(), None).is_err());
        assert!(read_mask_prompt(&folder.path().join("absent.npy"), None).is_err());
    }

    #[test]
    fn another_implementation_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &[4, 8, 8]);
        let array = npyz::NpyFile::new(File::open(path).unwrap()).unwrap();
        assert_eq!(array.shape(), [4, 8, 8]);
        assert_eq!(array.order(), npyz::Order::C);
        assert_eq!(array.into_vec::<f32>().unwrap(), values(256));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Any bytes anywhere give a prompt or an error, never a panic.
        #[test]
        fn mutated_files_never_panic(
            edits in proptest::collection::vec((0usize..400, any::<u8>()), 1..24),
            cut in 0usize..400,
        ) {
            let mut bytes = header::write_f32(&[4, 4, 4]);
            bytes.extend(values(64).iter().flat_map(|v| v.to_le_bytes()));
            for (at, byte) in edits {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
            }
            if cut % 4 == 0 {
                bytes.truncate(cut);
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("array.npy");
            std::fs::write(&path, bytes).unwrap();
            if let Ok(prompt) = read_mask_prompt(&path, Some(1)) {
                prop_assert!(prompt.logits().iter().all(|v| v.is_finite()));
            }
        }
    }
}
