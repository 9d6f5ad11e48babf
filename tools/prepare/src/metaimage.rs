//! MetaImage (`.mha`, `.mhd` with `.raw`): lines of `Key = value`, then samples, plain or packed by
//! zlib.

use crate::volume::{Header, Sample, Volume, VolumeError, bytes_of, refuse};
use std::io::Read;
use std::path::Path;

/// Longest header, and most lines of it.
const MAX_HEADER: usize = 64 << 10;

/// What the lines say.
#[derive(Debug)]
struct Lines {
    header: Header,
    is_packed: bool,
    /// The file of the samples; `None` if they follow the header.
    file: Option<String>,
    /// Where the header ends.
    end: usize,
}

/// Reads one picture. `folder` is where a file of samples may be.
pub(crate) fn read(bytes: &[u8], folder: Option<&Path>) -> Result<Volume, VolumeError> {
    let lines = parse(bytes)?;
    let wanted = lines.header.bytes()?;
    let outside = match (&lines.file, folder) {
        (None, _) => None,
        (Some(name), Some(folder)) if is_plain(name) => Some(bytes_of(&folder.join(name))?),
        (Some(name), _) => return Err(refuse("samples in this file or a file beside it", name)),
    };
    let stored = match &outside {
        Some(stored) => stored.as_slice(),
        None => bytes.get(lines.end..).unwrap_or_default(),
    };
    if !lines.is_packed {
        return lines.header.volume(stored);
    }
    let mut samples = Vec::new();
    // A damaged stream ends where it is; too few samples are refused.
    let _ = flate2::read::ZlibDecoder::new(stored).take(wanted as u64).read_to_end(&mut samples);
    lines.header.volume(&samples)
}

/// Whether a name is one of a file beside the header.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '%'))
}

fn parse(bytes: &[u8]) -> Result<Lines, VolumeError> {
    let text = bytes.get(..bytes.len().min(MAX_HEADER)).unwrap_or_default();
    let (mut sides, mut spacing) = (Vec::new(), Vec::new());
    let (mut channels, mut sample) = (1, None);
    let (mut is_big_endian, mut is_packed) = (false, false);
    let mut end = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        let line = std::str::from_utf8(line).ok().and_then(|line| line.split_once('='));
        let Some((key, value)) = line.map(|(key, value)| (key.trim(), value.trim())) else {
            return Err(refuse("a MetaImage: lines of `Key = value`", "other bytes"));
        };
        match key {
            "DimSize" => sides = numbers::<usize>(key, value)?,
            "ElementSpacing" => spacing = numbers::<f64>(key, value)?,
            "ElementNumberOfChannels" => channels = one(key, value)?,
            "ElementByteOrderMSB" | "BinaryDataByteOrderMSB" => is_big_endian = is_true(value),
            "CompressedData" => is_packed = is_true(value),
            "HeaderSize" if value != "0" => {
                return Err(refuse(
                    "samples that begin after the header",
                    format!("HeaderSize {value}"),
                ));
            }
            "BinaryData" if !is_true(value) => return Err(refuse("binary samples", "text")),
            "ElementType" => sample = Some(kind(value)?),
            "ElementDataFile" => {
                let [width, height, further @ ..] = sides.as_slice() else {
                    return Err(refuse("DimSize of 2 or 3 numbers", sides.len()));
                };
                let planes = match further {
                    [] => 1,
                    [planes] => *planes,
                    _ => return Err(refuse("DimSize of 2 or 3 numbers", sides.len())),
                };
                let Some(sample) = sample else { return Err(refuse("an ElementType", "none")) };
                let spacing_mm = match spacing.as_slice() {
                    [x, y, ..] => Some([x.abs(), y.abs()]),
                    _ => None,
                };
                let header = Header {
                    width: *width,
                    height: *height,
                    planes,
                    channels,
                    sample,
                    is_big_endian,
                    scale: [1.0, 0.0],
                    spacing_mm,
                };
                let file = (!value.eq_ignore_ascii_case("LOCAL")).then(|| value.to_string());
                return Ok(Lines { header, is_packed, file, end });
            }
            _ => {}
        }
    }
    Err(refuse(format!("ElementDataFile in the first {MAX_HEADER} bytes"), "none"))
}

fn is_true(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value == "1"
}

fn kind(value: &str) -> Result<Sample, VolumeError> {
    Ok(match value {
        "MET_UCHAR" => Sample::U8,
        "MET_CHAR" => Sample::I8,
        "MET_USHORT" => Sample::U16,
        "MET_SHORT" => Sample::I16,
        "MET_UINT" => Sample::U32,
        "MET_INT" => Sample::I32,
        "MET_FLOAT" => Sample::F32,
        "MET_DOUBLE" => Sample::F64,
        other => return Err(refuse("an ElementType of whole numbers or floats", other)),
    })
}

fn numbers<T: std::str::FromStr>(key: &str, value: &str) -> Result<Vec<T>, VolumeError> {
    let numbers: Result<Vec<T>, _> = value.split_whitespace().take(8).map(str::parse).collect();
    numbers.map_err(|_| refuse(format!("numbers after {key}"), format!("{value:?}")))
}

fn one(key: &str, value: &str) -> Result<usize, VolumeError> {
    value.parse().map_err(|_| refuse(format!("a number after {key}"), format!("{value:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(more: &str, samples: &[u8]) -> Vec<u8> {
        let header = format!(
            "ObjectType = Image\nNDims = 2\nBinaryData = True\nDimSize = 3 2\n{more}\
             ElementSpacing = 0.5 0.25\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
        );
        [header.as_bytes(), samples].concat()
    }

    #[test]
    fn samples_are_read_plain_and_packed() {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&[1, 2, 3, 4, 5, 6]).unwrap();
        let packed = packer.finish().unwrap();
        for bytes in [file("", &[1, 2, 3, 4, 5, 6]), file("CompressedData = True\n", &packed)] {
            let volume = Volume::from_bytes(&bytes).unwrap();
            assert_eq!(volume.labels(), Some([1, 2, 3, 4, 5, 6].as_slice()));
            let spacing = volume.pixel_spacing().unwrap();
            assert_eq!((spacing.x_mm(), spacing.y_mm()), (0.5, 0.25));
        }
        let cut = file("CompressedData = True\n", &packed[..packed.len() - 6]);
        assert!(matches!(
            Volume::from_bytes(&cut),
            Err(VolumeError::Truncated { expected: 6, .. })
        ));
    }

    #[test]
    fn three_planes_are_colours() {
        let planes = file("DimSize = 1 2 3\n", &[1, 2, 3, 4, 5, 6]);
        assert!(Volume::from_bytes(&planes).unwrap().labels().is_none());
        let channels = file("DimSize = 2 1\nElementNumberOfChannels = 3\n", &[1, 2, 3, 4, 5, 6]);
        assert_eq!(Volume::from_bytes(&channels).unwrap().width(), 2);
    }

    #[test]
    fn samples_in_another_file_lie_beside_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let header = "DimSize = 2 1\nElementType = MET_USHORT\nElementByteOrderMSB = True\nElementDataFile = a.raw\n";
        let path = folder.path().join("a.mhd");
        std::fs::write(&path, header).unwrap();
        assert!(matches!(Volume::open(&path), Err(VolumeError::Read(_))));
        std::fs::write(folder.path().join("a.raw"), [0, 9, 0, 8]).unwrap();
        assert_eq!(Volume::open(&path).unwrap().labels(), Some([9, 8].as_slice()));
        for name in ["../a.raw", "/etc/passwd", "a%d.raw 1 2 1", ""] {
            std::fs::write(&path, header.replace("a.raw", name)).unwrap();
            let message = Volume::open(&path).unwrap_err().to_string();
            assert!(message.contains("beside it"), "{message}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for (bytes, words) in [
            (b"\x89PNG\r\n\x1a\n".to_vec(), "MetaImage"),
            (Vec::new(), "ElementDataFile"),
            (file("DimSize = many\n", &[]), "DimSize"),
            (file("DimSize = 1 2 3 4\n", &[]), "2 or 3"),
            (file("DimSize = 99999 99999\n", &[]), "pixels a side"),
            (file("BinaryData = False\n", &[]), "binary"),
            (file("HeaderSize = -1\n", &[]), "HeaderSize"),
            (file("", &[1, 2]), "6 bytes"),
        ] {
            let message = Volume::from_bytes(&bytes).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
