//! The header of a `.npy` file (NumPy Enhancement Proposal 1, format versions 1 to 3).
//!
//! This project has its own parser because the available ones evaluate any Python literal: nested
//! brackets cost them exponential time, and a huge shape overflows. This one accepts only the three
//! keys that NumPy writes, reads at most [`MAX_HEADER_BYTES`], and cannot recurse.

use std::io::{self, Read};

/// Longest header text that is read. NumPy writes 118 bytes for every shape used here.
const MAX_HEADER_BYTES: usize = 1024;

/// Most dimensions that are read.
const MAX_DIMS: usize = 8;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The data starts at a multiple of this many bytes, so that it can be mapped into memory.
const ALIGNMENT: usize = 64;

/// Element type and byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) float: Float,
    pub(super) big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Float {
    F16,
    F32,
    F64,
}

impl Element {
    fn parse(descr: &str) -> Option<Self> {
        let (order, float) = descr.split_at_checked(1)?;
        let big_endian = match order {
            "<" => false,
            ">" => true,
            _ => return None,
        };
        let float = match float {
            "f2" => Float::F16,
            "f4" => Float::F32,
            "f8" => Float::F64,
            _ => return None,
        };
        Some(Self { float, big_endian })
    }

    pub(super) fn bytes(self) -> usize {
        match self.float {
            Float::F16 => 2,
            Float::F32 => 4,
            Float::F64 => 8,
        }
    }
}

/// A parsed header. `bytes` is its length, which is where the data starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: usize,
}

/// Why a header was refused: what was expected and what was found.
#[derive(Debug)]
pub(super) enum HeaderError {
    Io(io::Error),
    Content { expected: &'static str, found: String },
}

fn content<T>(expected: &'static str, found: impl Into<String>) -> Result<T, HeaderError> {
    Err(HeaderError::Content { expected, found: found.into() })
}

/// Reads and parses the header at the start of a file.
pub(super) fn read(reader: &mut impl Read) -> Result<Header, HeaderError> {
    let start: [u8; 8] = read_array(reader)?;
    let [magic @ .., major, minor] = &start;
    if magic != MAGIC {
        return content("a NumPy .npy file", "another kind of file");
    }
    let (prefix, length) = match (major, minor) {
        (1, 0) => (10, u32::from(u16::from_le_bytes(read_array(reader)?))),
        (2 | 3, 0) => (12, u32::from_le_bytes(read_array(reader)?)),
        _ => return content("format version 1.0, 2.0 or 3.0", format!("{major}.{minor}")),
    };
    let length = length as usize;
    if length > MAX_HEADER_BYTES {
        return content("a header of at most 1024 bytes", format!("{length} bytes"));
    }
    let mut text = vec![0; length];
    read_exact(reader, &mut text)?;
    let (element, shape) = match std::str::from_utf8(&text) {
        Ok(text) => parse(text)?,
        Err(_) => return content("a header in UTF-8", "other bytes"),
    };
    Ok(Header { element, shape, bytes: prefix + length })
}

fn read_array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], HeaderError> {
    let mut bytes = [0; N];
    read_exact(reader, &mut bytes)?;
    Ok(bytes)
}

fn read_exact(reader: &mut impl Read, bytes: &mut [u8]) -> Result<(), HeaderError> {
    reader.read_exact(bytes).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => HeaderError::Content {
            expected: "a NumPy .npy file",
            found: "a file that ends within its header".to_string(),
        },
        _ => HeaderError::Io(e),
    })
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (4, 256, 256), }`.
fn parse(text: &str) -> Result<(Element, Vec<usize>), HeaderError> {
    const DICT: &str = "a header with the keys descr, fortran_order and shape";
    let malformed = || content(DICT, format!("`{}`", text.trim_end()));
    let mut cursor = Cursor(text);
    let (mut element, mut shape, mut c_order) = (None, None, None);
    if !cursor.eat('{') {
        return malformed();
    }
    while !cursor.eat('}') {
        let Some(key) = cursor.quoted() else { return malformed() };
        if !cursor.eat(':') {
            return malformed();
        }
        match key {
            "descr" => {
                let Some(descr) = cursor.quoted() else { return malformed() };
                let Some(parsed) = Element::parse(descr) else {
                    return content("float16, float32 or float64 elements", format!("`{descr}`"));
                };
                element = Some(parsed);
            }
            "fortran_order" => match cursor.word() {
                "False" => c_order = Some(true),
                "True" => c_order = Some(false),
                _ => return malformed(),
            },
            "shape" => match cursor.shape() {
                Some(parsed) => shape = Some(parsed),
                None => return malformed(),
            },
            _ => return malformed(),
        }
        if !cursor.eat(',') && !cursor.0.trim_start().starts_with('}') {
            return malformed();
        }
    }
    match (element, shape, c_order) {
        (Some(_), Some(_), Some(false)) => content("C order", "Fortran order"),
        (Some(element), Some(shape), Some(true)) if cursor.0.trim().is_empty() => {
            Ok((element, shape))
        }
        _ => malformed(),
    }
}

/// The rest of the text.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn eat(&mut self, token: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = if self.eat('\'') {
            '\''
        } else if self.eat('"') {
            '"'
        } else {
            return None;
        };
        let (inside, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(inside)
    }

    fn word(&mut self) -> &'a str {
        let text = self.0.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        word
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        if !self.eat('(') {
            return None;
        }
        while !self.eat(')') {
            if shape.len() == MAX_DIMS {
                return None;
            }
            shape.push(self.word().parse().ok()?);
            if !self.eat(',') && !self.0.trim_start().starts_with(')') {
                return None;
            }
        }
        Some(shape)
    }
}

/// The header of a little-endian float32 array in C order, padded as NumPy does.
pub(super) fn write_f32(shape: &[usize]) -> Vec<u8> {
    let mut dims: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
    if shape.len() > 1 {
        dims.truncate(dims.len() - 2);
    }
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dims.trim_end());
    let prefix = MAGIC.len() + 4;
    let padded = (prefix + text.len() + 1).next_multiple_of(ALIGNMENT) - prefix;
    text.extend(std::iter::repeat_n(' ', padded - 1 - text.len()));
    text.push('\n');
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    // At most a few hundred characters: a shape has a handful of dimensions.
    header.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(text.bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_aligned() {
        for shape in [&[][..], &[7], &[256, 256], &[4, 256, 256], &[1, 1, 8, 8]] {
            let bytes = write_f32(shape);
            assert!(bytes.len().is_multiple_of(ALIGNMENT));
            let header = read(&mut bytes.as_slice()).unwrap();
            assert_eq!((header.shape.as_slice(), header.bytes), (shape, bytes.len()));
            assert_eq!(header.element, Element { float: Float::F32, big_endian: false });
        }
    }

    #[test]
    fn other_headers_are_refused_in_words() {
        let dict = |text: &str| {
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text.bytes());
            bytes
        };
        let nested = "(".repeat(900);
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\n....".to_vec(), "a NumPy .npy file"),
            (b"\x93NUM".to_vec(), "a NumPy .npy file"),
            (b"\x93NUMPY\x07\x00".to_vec(), "format version"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "at most 1024 bytes"),
            (dict("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2)}"), "float32"),
            (dict("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}"), "float32"),
            (dict("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}"), "C order"),
            (dict("{'descr': '<f4', 'fortran_order': False}"), "the keys"),
            (dict("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2)}"), "the keys"),
            (dict("{'shape': (99999999999999999999999, 2)}"), "the keys"),
            (dict(&nested), "the keys"),
            (dict(""), "the keys"),
        ] {
            match read(&mut bytes.as_slice()) {
                Err(HeaderError::Content { expected: said, .. }) => {
                    assert!(said.contains(expected), "{said} / {expected}");
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
