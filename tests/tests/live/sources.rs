//! Frames from folders, streams, FIFOs and sockets.

use crate::node::Node;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use uniultra_tests::cli::{root, run};

/// A header whose sides' product wraps in 64 bits.
const WRAPPING: &[u8] = b"YUV4MPEG2 W12297829382473034411 H1 F25:1 Ip A1:1 C444\nFRAME\n0123456789";

/// A disc of 30 px radius, brighter than the rest.
pub(crate) fn disc(width: usize, height: usize) -> Vec<u8> {
    let inside = |i: usize| {
        let (dx, dy) = ((i % width) as f32 - 80.0, (i / width) as f32 - 70.0);
        dx * dx + dy * dy < 900.0
    };
    (0..width * height).map(|i| if inside(i) { 200 } else { 40 + (i * 7919 % 23) as u8 }).collect()
}

fn y4m(width: usize, height: usize, frames: usize) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F20:1 Cmono\n").into_bytes();
    for _ in 0..frames {
        bytes.extend(b"FRAME\n");
        bytes.extend(disc(width, height));
    }
    bytes
}

#[test]
fn a_stream_on_stdin_is_read_to_its_end_and_what_is_left_can_be_prompted() {
    let mut node =
        Node::start_with(&["--source", "y4m:-", "--pixel-spacing", "0.1"], Stdio::piped());
    let mut stdin = node.process.stdin.take().unwrap();
    stdin.write_all(&y4m(160, 140, 3)).unwrap();
    drop(stdin);
    let state = node.wait_for("the end", |state| state["source"]["state"] == "ended");
    assert_eq!((&state["width"], &state["frame"]), (&160.into(), &2.into()));
    assert_eq!(state["pixel_spacing_mm"], serde_json::json!([0.1, 0.1]));
    crate::demo::tap(&node, None, [80.0, 70.0], true).json();
    let state = node.wait_for("an outline", |state| crate::demo::is_tracking(state, 1));
    assert!(state["objects"][0]["area_px"].as_u64().unwrap() > 500, "{state}");
}

#[test]
fn a_socket_takes_one_writer_after_the_other_also_with_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.sock");
    let source = format!("unix:{}", path.display());
    let node = Node::start(&["--source", &source]);
    let send = |bytes: &[u8]| UnixStream::connect(&path).unwrap().write_all(bytes).unwrap();
    send(&y4m(160, 140, 2));
    node.wait_for("two frames", |state| {
        state["frame"] == 1 && state["source"]["state"] == "waiting"
    });
    send(b"GIF89a, which is no stream of frames");
    node.wait_for("an error", |state| state["source"]["errors"] == 1);
    send(WRAPPING);
    node.wait_for("another error", |state| state["source"]["errors"] == 2);
    send(&y4m(64, 48, 2));
    let state = node.wait_for("two small frames", |state| state["frame"] == 3);
    assert_eq!((&state["width"], &state["height"]), (&64.into(), &48.into()));
}

#[test]
fn a_fifo_is_opened_again_and_raw_frames_need_no_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let node = Node::start(&["--source", &format!("raw:gray8,160x140@{}", path.display())]);
    for last in [0, 1] {
        File::options().write(true).open(&path).unwrap().write_all(&disc(160, 140)).unwrap();
        node.wait_for("a frame", |state| state["width"] == 160 && state["frame"] == last);
    }
    File::options().write(true).open(&path).unwrap().write_all(&[7; 1000]).unwrap();
    node.wait_for("half a frame", |state| state["source"]["errors"] == 1);
}

#[test]
fn a_fifo_that_was_made_anew_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let make = || assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    make();
    let node = Node::start(&["--source", &format!("raw:gray8,160x140@{}", path.display())]);
    for last in [0, 1] {
        // The node waits for a writer of the old one.
        node.wait_for("a writer to be missing", |state| state["source"]["state"] == "waiting");
        fs::remove_file(&path).unwrap();
        make();
        File::options().write(true).open(&path).unwrap().write_all(&disc(160, 140)).unwrap();
        node.wait_for("a frame", |state| state["width"] == 160 && state["frame"] == last);
    }
}

#[test]
fn a_silent_writer_keeps_the_next_one_out_for_seconds_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.sock");
    let node = Node::start(&["--source", &format!("unix:{}", path.display())]);
    let mut silent = UnixStream::connect(&path).unwrap();
    silent.write_all(&y4m(160, 140, 1)).unwrap();
    node.wait_for("its frame", |state| state["width"] == 160 && state["frame"] == 0);
    UnixStream::connect(&path).unwrap().write_all(&y4m(64, 48, 1)).unwrap();
    let state = node.wait_for("the other's frame", |state| state["frame"] == 1);
    assert_eq!((&state["width"], &state["source"]["errors"]), (&64.into(), &1.into()));
}

#[test]
fn a_socket_s_file_goes_with_its_node_and_a_used_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.sock");
    let source = format!("unix:{}", path.display());
    let mut node = Node::start(&["--source", &source]);
    let second = ["live", "--http", "127.0.0.1:0", "--source", &source];
    run("uniultra", second).fails(3, &["a program listens to", "frames.sock"]);
    // A killed run leaves its file, and the next one replaces it.
    node.end("-KILL");
    assert!(path.exists());
    let mut node = Node::start(&["--source", &source]);
    UnixStream::connect(&path).unwrap().write_all(&y4m(64, 48, 1)).unwrap();
    node.wait_for("a frame", |state| state["width"] == 64);
    assert!(node.end("-TERM").0.success());
    assert!(!path.exists());
    fs::write(&path, "kept").unwrap();
    run("uniultra", second).fails(3, &["a file that is no socket"]);
    assert_eq!(fs::read(&path).unwrap(), b"kept");
}

fn folder_of_frames(folder: &Path) -> String {
    let sample = root().join("tests/fixtures/sample/frame.png");
    for name in ["1.png", "2.png", "3.png"] {
        fs::copy(&sample, folder.join(name)).unwrap();
    }
    fs::write(folder.join("notes.txt"), "no frame").unwrap();
    format!("dir:{}@20", folder.display())
}

#[test]
fn a_damaged_file_of_a_folder_is_counted_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder_of_frames(folder.path());
    fs::write(folder.path().join("2.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let node = Node::start(&["--source", &source]);
    let state = node.wait_for("the end", |state| state["source"]["state"] == "ended");
    assert_eq!((&state["frame"], &state["source"]["errors"]), (&1.into(), &1.into()));
}

/// The demo has 20 frames a second; at most 4 of them are processed, and the others are counted.
#[test]
fn the_model_gets_no_more_frames_than_asked_for() {
    let node = Node::start(&["--max-fps", "4"]);
    let state =
        node.wait_for("six frames", |state| state["stats"]["processed"].as_u64() >= Some(6));
    let count = |name: &str| state["stats"][name].as_u64().unwrap();
    let seconds = state["captured_ms"].as_f64().unwrap() / 1e3;
    assert!(count("processed") as f64 <= 4.0 * seconds + 2.0, "{state}");
    assert!(count("dropped") > count("processed"), "{state}");
}

#[test]
fn mistakes_of_the_command_line_are_errors_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let empty = format!("dir:{}@20", folder.path().display());
    for (args, code, word) in [
        (vec!["--source", "dir:/nowhere@20"], 3, "/nowhere"),
        (vec!["--source", &empty], 3, "PNG"),
        (vec!["--source", "y4m:/nowhere"], 3, "/nowhere"),
        (vec!["--source", "y4m:/tmp"], 3, "found a folder"),
        (vec!["--source", "raw:gray8,8x8@-"], 3, "8x8"),
        (vec!["--http", "0.0.0.0:0"], 2, "--expose"),
        (vec!["--expose", "/nowhere/token"], 2, "/nowhere/token"),
        (vec!["--no-http"], 2, "--record"),
        (vec!["--model", "/nowhere"], 4, "/nowhere"),
        (vec!["--record", "/proc/nowhere"], 6, "/proc/nowhere"),
    ] {
        let mut args = args;
        args.insert(0, "live");
        if !args.contains(&"--http") && !args.contains(&"--no-http") {
            args.extend(["--http", "127.0.0.1:0"]);
        }
        run("uniultra", args).fails(code, &[word]);
    }
}
