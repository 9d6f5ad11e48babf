//! Formats of files, by their first bytes. A name says little: error pages and pointers of version
//! control end in `.png`, too.

/// A format that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    Bmp,
    Tiff,
    Pnm,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
        }
    }
}

/// What a file is instead of an image that can be decoded, and what to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) found: &'static str,
    pub(super) advice: &'static str,
}

const EXPORT: &str = "export the frame as PNG with the program that wrote it, or convert it";
const CONVERT: &str = "convert it to PNG";
const FETCH: &str = "fetch the file itself again";
const UNPACK: &str = "unpack it, and name the image inside";
const STILL: &str = "save one frame of it as PNG";

/// Recognises a file by its beginning.
pub(super) fn recognize(bytes: &[u8]) -> Result<Format, Foreign> {
    const SUPPORTED: &[(&[u8], Format)] = &[
        (b"\x89PNG\r\n\x1A\n", Format::Png),
        (b"\xFF\xD8\xFF", Format::Jpeg),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"MM\0+", Format::Tiff),
        (b"BM", Format::Bmp),
    ];
    let begins = |(magic, _): &&(&[u8], Format)| bytes.starts_with(magic);
    if let Some((_, format)) = SUPPORTED.iter().find(begins) {
        return Ok(*format);
    }
    if let [b'P', b'1'..=b'7', space, ..] = bytes
        && (space.is_ascii_whitespace() || *space == b'#')
    {
        return Ok(Format::Pnm);
    }
    Err(foreign(bytes))
}

fn foreign(bytes: &[u8]) -> Foreign {
    let known = |found, advice| Foreign { found, advice };
    if bytes.is_empty() {
        return known("no data", FETCH);
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return known("nothing but zero bytes", FETCH);
    }
    let at = |offset: usize, magic: &[u8]| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let found = BINARY.iter().find(|(offset, magic, ..)| at(*offset, magic));
    if let Some((_, _, found, advice)) = found {
        return known(found, advice);
    }
    text(bytes).unwrap_or(known("something else", "check that this is the right file"))
}

/// Offset, bytes there, what has them, what to do. The first that fits counts.
const BINARY: &[(usize, &[u8], &str, &str)] = &[
    (128, b"DICM", "a DICOM file", EXPORT),
    // Without the preamble: the first element of the first groups.
    (0, b"\x02\0\0\0UL", "a DICOM file without its preamble", EXPORT),
    (0, b"\x08\0\x05\0", "a DICOM file without its preamble", EXPORT),
    (0, b"\x08\0\x08\0", "a DICOM file without its preamble", EXPORT),
    (344, b"n+1\0", "a NIfTI file", EXPORT),
    (344, b"ni1\0", "the header of a NIfTI file", EXPORT),
    (4, b"n+2\0", "a NIfTI-2 file", EXPORT),
    (4, b"ni2\0", "the header of a NIfTI-2 file", EXPORT),
    (0, b"\x5C\x01\0\0", "the header of an Analyze file", EXPORT),
    (0, b"\0\0\x01\x5C", "the header of an Analyze file", EXPORT),
    (0, b"NRRD", "an NRRD file", EXPORT),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", "write it as 8-bit or 16-bit gray PNG"),
    (0, b"\x89HDF", "an HDF5 file", EXPORT),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", EXPORT),
    (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 image", CONVERT),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 image", CONVERT),
    (0, b"\0\0\0\x0CJXL ", "a JPEG XL image", CONVERT),
    (0, b"\xFF\x0A", "a JPEG XL image", CONVERT),
    (4, b"ftypavi", "an AVIF image", CONVERT),
    (4, b"ftyphe", "a HEIC image", CONVERT),
    (4, b"ftypmif1", "a HEIF image", CONVERT),
    (4, b"ftyp", "a video", STILL),
    (8, b"WEBP", "a WebP image", CONVERT),
    (8, b"AVI ", "a video", STILL),
    (0, b"\x1A\x45\xDF\xA3", "a video", STILL),
    (0, b"\0\0\x01\xBA", "a video", STILL),
    (0, b"GIF8", "a GIF image", CONVERT),
    (0, b"8BPS", "a Photoshop file", CONVERT),
    (0, b"\x76\x2F\x31\x01", "an OpenEXR image", CONVERT),
    (0, b"\0\0\x01\0", "an icon", CONVERT),
    (0, b"%PDF", "a PDF document", "export the picture in it as PNG"),
    (0, b"\x1F\x8B", "a gzip archive", UNPACK),
    (0, b"PK\x03\x04", "a ZIP archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xFD7zXZ\0", "an xz archive", UNPACK),
    (0, b"\x28\xB5\x2F\xFD", "a Zstandard archive", UNPACK),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
];

/// What a text is.
fn text(bytes: &[u8]) -> Option<Foreign> {
    const LFS: &str = "fetch the file itself with `git lfs pull`";
    const ANNEX: &str = "fetch the file itself with `git annex get`";
    const HEADER: &[(&str, &str, &str)] = &[
        ("version https://git-lfs", "a Git LFS pointer", LFS),
        ("/annex/objects/", "a git-annex pointer", ANNEX),
        ("<!doctype html", "an HTML page", FETCH),
        ("<html", "an HTML page", FETCH),
        ("<head", "an HTML page", FETCH),
        ("<svg", "an SVG drawing", CONVERT),
        ("<?xml", "an XML document", FETCH),
        ("{", "JSON text", FETCH),
        ("data:image/", "an image as text (a data URL)", "decode its Base64 to a file"),
    ];
    let head = &bytes[..bytes.len().min(1024)];
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = head.trim_ascii_start().to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    // The keys of a MetaImage header come in any order, but the size is always there.
    let has = |key| head.lines().any(|line| line.trim_start().starts_with(key));
    if has("ndims") && has("dimsize") {
        return Some(Foreign { found: "a MetaImage file (.mha, .mhd)", advice: EXPORT });
    }
    let known = HEADER.iter().find(|(start, ..)| head.starts_with(start));
    known.map(|&(_, found, advice)| Foreign { found, advice })
}
