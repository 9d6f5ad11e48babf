//! How an image is to be turned, so that it is seen as a viewer shows it.

use image::metadata::Orientation;

/// The orientation that an EXIF block states. A block that is missing or damaged states none: it
/// must not cost the frame.
pub(super) fn read_exif(block: Option<&[u8]>) -> Orientation {
    // Some programs keep JPEG's prefix in PNG.
    let block = block.map(|block| block.strip_prefix(b"Exif\0\0").unwrap_or(block));
    block.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// The EXIF block of a PNG file, which may be before or behind the pixels.
pub(super) fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE_BYTES: usize = 8;
    let mut rest = bytes.get(SIGNATURE_BYTES..)?;
    loop {
        let (length, behind) = rest.split_first_chunk()?;
        let (kind, behind) = behind.split_first_chunk::<4>()?;
        let (content, behind) =
            behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if kind == b"eXIf" {
            return Some(content);
        }
        // The checksum.
        rest = behind.get(4..)?;
    }
}
