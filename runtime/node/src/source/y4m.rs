//! YUV4MPEG2 streams. The picture is the luma plane: ultrasound is gray.

use super::Feed;
use super::pace::Pace;
use std::io::{Cursor, Read};
use uniultra_core::{Frame, MAX_SIDE_PX, MIN_SIDE_PX, Pixels};
use y4m::{Colorspace, Decoder, Error, Limits};

/// Most bytes of a frame: the largest frame in three full planes.
const MAX_FRAME_BYTES: usize = MAX_SIDE_PX * MAX_SIDE_PX * 3;

/// Longest header: a line of some words.
const MAX_HEADER_BYTES: usize = 1024;

/// Rates of files that are played as they were recorded.
const RATES_HZ: std::ops::RangeInclusive<f32> = 0.1..=240.0;

/// Reads frames until the stream ends: as fast as they come, or, of a file, at the rate in its header.
pub(super) fn read(bytes: &mut dyn Read, feed: &mut Feed, is_file: bool) -> Result<(), String> {
    let header = header(bytes)?;
    let limits = Limits { bytes: MAX_FRAME_BYTES };
    let mut decoder = match Decoder::new_with_limits(Cursor::new(header).chain(bytes), limits) {
        Ok(decoder) => decoder,
        Err(error) => {
            return Err(format!("the header of the YUV4MPEG2 stream is damaged: {error}"));
        }
    };
    let rate = decoder.get_framerate();
    let rate_hz = rate.num as f32 / rate.den.max(1) as f32;
    let mut pace = Some(rate_hz).filter(|hz| is_file && RATES_HZ.contains(hz)).map(Pace::new);
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
        let frame = Frame::new(width, height, Pixels::Gray8(luma)).map_err(|e| e.to_string())?;
        if let Some(pace) = pace.as_mut().filter(|_| !feed.is_patient()) {
            pace.wait();
        }
        feed.put(frame, None);
    }
}

/// The first line, with sides within range: the crate's arithmetic on larger ones wraps.
fn header(bytes: &mut dyn Read) -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && line.len() < MAX_HEADER_BYTES {
        if bytes.read(&mut byte).map_err(|e| e.to_string())? == 0 {
            break;
        }
        line.extend(byte);
    }
    if !line.starts_with(b"YUV4MPEG2 ") || !line.ends_with(b"\n") {
        let start = String::from_utf8_lossy(line.get(..9).unwrap_or(&line));
        return Err(format!("expected a YUV4MPEG2 stream, found one that begins with {start:?}"));
    }
    for word in line.trim_ascii_end().split(|byte| *byte == b' ') {
        let (Some(side @ (b'W' | b'H')), Ok(number)) =
            (word.first(), std::str::from_utf8(word.get(1..).unwrap_or_default()))
        else {
            continue;
        };
        let px: Option<usize> = number.parse().ok();
        if !px.is_some_and(|px| (MIN_SIDE_PX..=MAX_SIDE_PX).contains(&px)) {
            let side = char::from(*side);
            return Err(format!(
                "expected sides of {MIN_SIDE_PX} to {MAX_SIDE_PX} px, found {side}{number}"
            ));
        }
    }
    Ok(line)
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
        let outcome = read(&mut &*bytes, &mut feed, false);
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
            (b"YUV4MPEG2 W999999 H999999 F25:1 Cmono\nFRAME\n".to_vec(), "found W999999"),
            // Sides whose product wraps.
            (
                b"YUV4MPEG2 W12297829382473034411 H1 F25:1 C444\nFRAME\n0000".to_vec(),
                "found W12297829382473034411",
            ),
            (b"YUV4MPEG2 W16 Hx F25:1 Cmono\nFRAME\n".to_vec(), "found Hx"),
            (b"YUV4MPEG2 F25:1 Cmono\nFRAME\n".to_vec(), "damaged"),
            (b"YUV4MPEG2 W8 H8 F25:1 Cmono\nFRAME\n".to_vec(), "found W8"),
        ] {
            let error = read_all(&bytes).0.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
