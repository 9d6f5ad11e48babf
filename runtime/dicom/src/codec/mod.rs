//! Decoders of compressed frames. Each gets the frame's bytes and the format that the data set states.

mod bits;
mod header;
mod jpeg;
mod jpeg2000;
mod jpeg_lossless;
mod jpeg_ls;
mod native;
mod rle;

use crate::error::Mismatch;
use crate::pixels::{Photometric, PixelFormat, Samples, inverted, to_pixels};
use crate::{ReadError, TransferSyntax};
use uniultra_core::{Frame, FrameError};

/// Why a frame could not be decoded.
pub(crate) enum CodecError {
    Mismatch(Mismatch),
    Frame(FrameError),
}

impl From<Mismatch> for CodecError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

impl From<FrameError> for CodecError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// Decodes frame `index` from its bytes.
pub(crate) fn decode(
    bytes: &[u8],
    syntax: TransferSyntax,
    format: &PixelFormat,
    index: usize,
) -> Result<Frame, ReadError> {
    frame(bytes, syntax, format).map_err(|error| match error {
        CodecError::Mismatch(mismatch) => ReadError::Pixels { index, mismatch },
        CodecError::Frame(source) => ReadError::Frame { index, source },
    })
}

fn frame(bytes: &[u8], syntax: TransferSyntax, format: &PixelFormat) -> Result<Frame, CodecError> {
    use TransferSyntax as T;
    let samples = match syntax {
        T::ImplicitLittleEndian | T::ExplicitLittleEndian | T::Deflated => {
            native::decode(bytes, format)
        }
        T::Rle => rle::decode(bytes, format)?,
        T::JpegBaseline | T::JpegExtended => {
            let frame = jpeg::decode(bytes, format)?;
            if format.photometric != Photometric::Monochrome1 {
                return Ok(frame);
            }
            let pixels = inverted(frame.pixels().clone());
            return Ok(Frame::new(format.width_px, format.height_px, pixels)?);
        }
        T::JpegLossless | T::JpegLosslessFirstOrder => jpeg_lossless::decode(bytes, format)?,
        T::JpegLs | T::JpegLsNearLossless => jpeg_ls::decode(bytes, format)?,
        T::Jpeg2000Lossless | T::Jpeg2000 => jpeg2000::decode(bytes, format)?,
    };
    Ok(Frame::new(format.width_px, format.height_px, to_pixels(samples, format))?)
}

/// One value for each sample, from values of up to 16 bits.
fn samples(values: Vec<u16>, format: &PixelFormat) -> Samples {
    match format.bytes_per_sample {
        1 => Samples::Bytes(values.into_iter().map(|value| value as u8).collect()),
        _ => Samples::Words(values),
    }
}
