//! The recipes of runtime/README.md for ffmpeg and GStreamer, where these are installed.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use crate::node::Node;
use std::process::{Command, Stdio};
use uniultra_tests::cli::root;

fn is_there(program: &str) -> bool {
    let found =
        Command::new(program).arg("-version").stderr(Stdio::null()).stdout(Stdio::null()).status();
    let there = found.is_ok();
    if !there {
        eprintln!("SKIPPED: no {program}");
    }
    there
}

/// Starts a node that reads what `writer` writes.
fn read_from(writer: &mut Command) -> Node {
    let mut writer = writer.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = writer.stdout.take().unwrap();
    let node = Node::start_with(&["--source", "y4m:-"], output.into());
    node.wait_for("the end of the stream", |state| state["source"]["state"] == "ended");
    assert!(writer.wait().unwrap().success());
    node
}

/// The demo's frames, still in JPEG, through ffmpeg: they arrive as the demo shows them.
#[test]
fn ffmpeg_s_stream_is_read_with_its_grays() {
    if !is_there("ffmpeg") {
        return;
    }
    let cine = root().join("runtime/node/demo/cine.jpegs");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-loglevel", "error", "-f", "mjpeg", "-r", "20", "-i"]).arg(cine);
    ffmpeg.args(["-f", "yuv4mpegpipe", "-pix_fmt", "gray", "-"]);
    let node = read_from(&mut ffmpeg);
    let state = node.state();
    assert_eq!((&state["width"], &state["height"]), (&384.into(), &288.into()));
    assert_eq!((&state["frame"], &state["source"]["errors"]), (&47.into(), &0.into()));
    let read = image::load_from_memory(&node.get("/api/frame.png").body).unwrap().into_luma8();

    let bytes = std::fs::read(root().join("runtime/node/demo/cine.jpegs")).unwrap();
    let last = bytes.windows(3).rposition(|three| three == [0xff, 0xd8, 0xff]).unwrap();
    let shown = image::load_from_memory(&bytes[last..]).unwrap().into_luma8();
    let differ = read.as_raw().iter().zip(shown.as_raw()).filter(|(a, b)| a.abs_diff(**b) > 2);
    // Two decoders round differently, a few levels at most.
    assert!(differ.count() < 100);
}

/// GStreamer's bars in video range: the white one arrives as 255, black as 0.
#[test]
fn gstreamer_s_stream_is_read_with_its_range_stretched() {
    if !is_there("gst-launch-1.0") {
        return;
    }
    let mut gst = Command::new("gst-launch-1.0");
    gst.args(["-q", "videotestsrc", "num-buffers=5", "pattern=smpte", "!"]);
    gst.args([
        "video/x-raw,format=I420,width=320,height=240,framerate=20/1",
        "!",
        "y4menc",
        "!",
        "fdsink",
    ]);
    let node = read_from(&mut gst);
    let read = image::load_from_memory(&node.get("/api/frame.png").body).unwrap().into_luma8();
    assert_eq!(read.dimensions(), (320, 240));
    let levels = read.as_raw().iter();
    assert_eq!(levels.clone().min(), Some(&0));
    assert!(levels.max() >= Some(&250));
}
