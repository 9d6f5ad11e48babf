//! Frames as scanners hand them over, and encoded ones.

use crate::failure::{CError, Failure, UNIULTRA_ERROR_BUFFER, guarded};
use crate::handle::Table;
use crate::segmenter::{CSegmenter, give, segmenter};
use crate::sized::{CStruct, read, slice, write};
use std::sync::Arc;
use uniultra::{EncodedFrame, Frame, FrameError, MAX_SIDE_PX, PixelSpacing, Pixels};

/// A byte a pixel, black 0 to white 255.
pub const UNIULTRA_GRAY8: u32 = 1;
/// Three bytes a pixel: red, green, blue.
pub const UNIULTRA_RGB8: u32 = 2;

/// Handle of an encoded frame. All zero names none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CEncoded {
    /// Not an address; means nothing outside this process.
    pub id: u64,
}

/// A frame in the caller's memory; it is copied. Set the structure to zero, then struct_size, then the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CFrame {
    /// sizeof(uniultra_frame).
    pub struct_size: u32,
    /// UNIULTRA_GRAY8 or UNIULTRA_RGB8.
    pub format: u32,
    /// Columns, 16 to 8192.
    pub width: u32,
    /// Rows, 16 to 8192.
    pub height: u32,
    /// The top left pixel; rows follow from top to bottom.
    pub pixels: *const u8,
    /// Bytes that may be read at pixels: at least (height - 1) * stride_bytes and the last row.
    pub pixels_bytes: usize,
    /// Bytes from a row to the next, at least those of a row.
    pub stride_bytes: usize,
    /// When the frame was taken, in a unit and from an epoch of the caller's. Not used: it comes back with
    /// every prediction.
    pub timestamp: i64,
    /// Side of a square pixel in micrometres, 1 to 10000; 0 if it is not known, and then nothing is in
    /// millimetres.
    pub um_per_pixel: f32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: numbers and a pointer.
unsafe impl CStruct for CFrame {
    const NAME: &'static str = "uniultra_frame";
}

/// An encoded frame.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CEncodedInfo {
    /// sizeof(uniultra_encoded_info).
    pub struct_size: u32,
    /// Columns of the source frame.
    pub width: u32,
    /// Rows of the source frame.
    pub height: u32,
    /// Side of a pixel in micrometres; 0 if it is not known.
    pub um_per_pixel: f32,
    /// The source frame's.
    pub timestamp: i64,
    /// Time that resizing took, in milliseconds.
    pub preprocess_ms: f32,
    /// Time that the image encoder took, in milliseconds.
    pub encode_ms: f32,
}

// SAFETY: numbers only.
unsafe impl CStruct for CEncodedInfo {
    const NAME: &'static str = "uniultra_encoded_info";
}

/// What a handle of a frame stands for.
pub(crate) struct Encoded {
    pub(crate) frame: EncodedFrame,
    pub(crate) tag: Tag,
}

/// What is known of a frame beside its pixels; predictions keep it.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    pub(crate) timestamp: i64,
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) um_per_pixel: f32,
}

static FRAMES: Table<Encoded> = Table::new(2, "encoded frame");

/// The encoded frame of a handle.
pub(crate) fn encoded(handle: CEncoded) -> Result<Arc<Encoded>, Failure> {
    FRAMES.get(handle.id)
}

/// Runs the image encoder on a frame: the long part, once a frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_encode(
    segmenter: CSegmenter,
    frame: *const CFrame,
    out: *mut CEncoded,
    error: *mut CError,
) -> i32 {
    let body = || {
        // SAFETY: the header's rules.
        unsafe {
            give(out, "out", CEncoded { id: 0 })?;
            let segmenter = self::segmenter(segmenter)?;
            let (frame, tag) = frame_of(&read(frame)?)?;
            let frame = segmenter.encode(&frame)?;
            give(out, "out", CEncoded { id: FRAMES.insert(Encoded { frame, tag })? })
        }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// What is known of an encoded frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_encoded_describe(
    encoded: CEncoded,
    out: *mut CEncodedInfo,
    error: *mut CError,
) -> i32 {
    let body = || {
        let encoded = self::encoded(encoded)?;
        let Encoded { frame, tag } = &*encoded;
        let info = CEncodedInfo {
            struct_size: size_of::<CEncodedInfo>() as u32,
            width: frame.width() as u32,
            height: frame.height() as u32,
            um_per_pixel: tag.um_per_pixel,
            timestamp: tag.timestamp,
            preprocess_ms: frame.preprocess_ms(),
            encode_ms: frame.encode_ms(),
        };
        // SAFETY: the header's rules.
        unsafe { write(out, info) }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Frees an encoded frame. Its predictions stay valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_encoded_free(encoded: CEncoded, error: *mut CError) -> i32 {
    // SAFETY: the header's rules.
    unsafe { guarded(error, || FRAMES.remove(encoded.id)) }
}

/// # Safety
/// `frame.pixels` is null or points to `frame.pixels_bytes` bytes.
unsafe fn frame_of(frame: &CFrame) -> Result<(Frame, Tag), Failure> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    // Before any size is computed from them.
    if width.max(height) > MAX_SIDE_PX || width.min(height) == 0 {
        return Err(FrameError::Size { width, height }.into());
    }
    let channels = match frame.format {
        UNIULTRA_GRAY8 => 1,
        UNIULTRA_RGB8 => 3,
        other => {
            return Err(Failure::argument(format!(
                "format: expected UNIULTRA_GRAY8 or UNIULTRA_RGB8, found {other}"
            )));
        }
    };
    let row = width * channels;
    let stride = frame.stride_bytes;
    if stride < row {
        return Err(Failure::argument(format!(
            "stride_bytes: expected at least {row} for a row, found {stride}"
        )));
    }
    let needed = stride.checked_mul(height - 1).and_then(|bytes| bytes.checked_add(row));
    if needed.is_none_or(|needed| needed > frame.pixels_bytes) {
        return Err(Failure::new(
            UNIULTRA_ERROR_BUFFER,
            format!(
                "pixels_bytes: expected at least {height} rows of {row} bytes, {stride} apart, \
                 found {}",
                frame.pixels_bytes
            ),
        ));
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice(frame.pixels, frame.pixels_bytes, "pixels")? };
    let mut samples = Vec::with_capacity(row * height);
    for line in bytes.chunks(stride).take(height) {
        samples.extend_from_slice(&line[..row]);
    }
    let pixels = if channels == 1 { Pixels::Gray8(samples) } else { Pixels::Rgb8(samples) };
    let um_per_pixel = frame.um_per_pixel;
    let spacing = match um_per_pixel {
        0.0 => None,
        um => Some(PixelSpacing::new(um / 1000.0)?),
    };
    let tag = Tag { timestamp: frame.timestamp, spacing, um_per_pixel };
    Ok((Frame::new(width, height, pixels)?, tag))
}
