//! YUV4MPEG2 streams. The picture is the luma plane: ultrasound is gray.

use super::Feed;
use std::io::Read;
use uniultra_core::{Frame, MAX_SIDE_PX, Pixels};
use y4m::{Colorspace, Decoder, Error, Limits};

/// Most bytes of a frame: the largest frame in three full planes.
const MAX_FRAME_BYTES: usize = MAX_SIDE_PX * MAX_SIDE_PX * 3;

/// Reads frames until the stream ends.
pub(super) fn read(bytes: &mut dyn Read, feed: &mut Feed) -> Result<(), String> {
    let limits = Limits { bytes: MAX_FRAME_BYTES };
    let mut decoder = match Decoder::new_with_limits(bytes, limits) {
        Ok(decoder) => decoder,
        Err(error) => return Err(format!("expected a YUV4MPEG2 stream, found none: {error}")),
    };
    let bits = decoder.get_bit_depth();
    if bits != 8 {
        let hint = "-pix_fmt yuv420p or gray (ffmpeg), format=I420 or GRAY8 (GStreamer)";
        return Err(format!("expected samples of 8 bits, found {bits}; use {hint}"));
    }
    let (width, height) = (decoder.get_width(), decoder.get_height());
    let full = is_full_range(decoder.get_colorspace(), decoder.get_raw_params());
    loop {
        let luma = match decoder.read_frame() {
            Ok(frame) => frame.get_y_plane().to_vec(),
            Err(Error::EOF) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let luma = if full { luma } else { luma.into_iter().map(stretched).collect() };
        let frame = Frame::new(width, height, Pixels::Gray8(luma));
        feed.put(frame.map_err(|e| e.to_string())?, None);
    }
}

/// Whether black is 0 and white 255. Gray streams are; others unless they say so have 16 and 235, as video has.
fn is_full_range(colorspace: Colorspace, params: &[u8]) -> bool {
    let says = |word: &[u8]| params.split(|byte| *byte == b' ').any(|param| param == word);
    let gray = matches!(colorspace, Colorspace::Cmono);
    !says(b"XCOLORRANGE=LIMITED") && (gray || says(b"XCOLORRANGE=FULL"))
}

/// A sample of 16 to 235, as one of 0 to 255.
fn stretched(luma: u8) -> u8 {
    let above = u32::from(luma.saturating_sub(16));
    u8::try_from((above * 255 + 109) / 219).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceStatus;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use uniultra_live::FrameSlot;

    fn read_all(bytes: &[u8]) -> (Result<(), String>, Option<Frame>) {
        let slot = Arc::new(FrameSlot::new());
        let status = Arc::new(SourceStatus::new());
        let mut feed = Feed::new(slot.clone(), status, Instant::now(), None);
        let outcome = read(&mut &*bytes, &mut feed);
        (outcome, slot.take(Duration::ZERO).map(|captured| captured.frame))
    }

    fn stream(head: &str, plane: u8, samples: usize) -> Vec<u8> {
        let mut bytes = format!("YUV4MPEG2 W16 H16 F25:1 {head}\nFRAME\n").into_bytes();
        bytes.resize(bytes.len() + samples, plane);
        bytes
    }

    #[test]
    fn video_range_is_stretched_and_full_range_kept() {
        let gray = |head: &str, luma, samples| {
            let (outcome, frame) = read_all(&stream(head, luma, samples));
            outcome.unwrap();
            (frame.unwrap().gray(3, 3).unwrap() * 255.0).round()
        };
        assert_eq!(gray("C420jpeg", 16, 384), 0.0);
        assert_eq!(gray("C420jpeg", 235, 384), 255.0);
        assert_eq!(gray("C420jpeg", 255, 384), 255.0);
        assert_eq!(gray("C420jpeg", 126, 384), 128.0);
        assert_eq!(gray("C420jpeg XCOLORRANGE=FULL", 126, 384), 126.0);
        assert_eq!(gray("Cmono", 16, 256), 16.0);
        assert_eq!(gray("Cmono XCOLORRANGE=LIMITED", 16, 256), 0.0);
    }

    #[test]
    fn what_is_no_such_stream_is_said() {
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\n 0123456789".to_vec(), "YUV4MPEG2"),
            (stream("C420p10", 0, 768), "8 bits, found 10"),
            (b"YUV4MPEG2 W999999 H999999 F25:1 Cmono\nFRAME\n".to_vec(), "YUV4MPEG2"),
            (b"YUV4MPEG2 W8 H8 F25:1 Cmono\nFRAME\n0123456701234567012345670123456701234567012345670123456701234567".to_vec(), "8x8"),
        ] {
            let error = read_all(&bytes).0.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
