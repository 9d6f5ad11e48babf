//! Frames that come faster than any machine answers.

use crate::node::Node;
use crate::sources::disc;
use std::io::Write;
use std::process::{ChildStdin, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use uniultra_tests::cli::root;

/// Writes a frame every 4 ms, until the node ends.
fn flood(mut stdin: ChildStdin) -> JoinHandle<()> {
    thread::spawn(move || {
        let frame = disc(160, 140);
        while stdin.write_all(&frame).is_ok() {
            thread::sleep(Duration::from_millis(4));
        }
    })
}

fn flooded(args: &[&str]) -> Node {
    let mut all = vec!["--source", "raw:gray8,160x140@-", "--tap", "80,70"];
    all.extend(args);
    let mut node = Node::start_with(&all, Stdio::piped());
    flood(node.process.stdin.take().unwrap());
    node
}

#[test]
fn a_lower_rate_is_said_in_state_and_metrics() {
    let node = flooded(&["--overload", "lower_rate"]);
    let state = node.wait_for("overload", |state| state["stats"]["model_every"].as_u64() > Some(1));
    assert_eq!(state["stats"]["overload"], "lower_rate");
    assert_eq!(state["stats"]["moved"], 0);
    assert_eq!(state["objects"][0]["moved"], false);
    let metrics = String::from_utf8(node.get("/metrics").body).unwrap();
    let every = metrics.lines().find_map(|line| line.strip_prefix("uniultra_model_every "));
    assert!(every.unwrap().parse::<u32>().unwrap() > 1, "{metrics}");
}

/// The profile chooses the policy. A picture that is frozen has computed outlines.
#[test]
fn moved_outlines_say_so_and_a_frozen_picture_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let host = std::fs::read_to_string(root().join("boards/host.toml")).unwrap();
    let board = folder.path().join("board.toml");
    std::fs::write(&board, format!("{host}\n[live]\noverload = \"decode_only\"\n")).unwrap();
    let board = ["--board", board.to_str().unwrap()];
    let node = flooded(&board);
    let state = node.wait_for("a moved outline", |state| state["objects"][0]["moved"] == true);
    assert_eq!(state["stats"]["overload"], "decode_only");
    assert!(state["stats"]["model_every"].as_u64() > Some(1), "{state}");
    assert!(state["objects"][0]["area_px"].as_u64() > Some(500), "{state}");
    node.command(&serde_json::json!({"command": "freeze", "on": true})).json();
    let state = node.wait_for("a frozen picture", |state| state["frozen"] == true);
    assert_eq!(state["objects"][0]["moved"], false, "{state}");
    assert!(state["stats"]["moved"].as_u64() > Some(0), "{state}");
    drop(node);
    let node = flooded(&[board[0], board[1], "--overload", "skip"]);
    let state = node.wait_for("frames", |state| state["stats"]["processed"].as_u64() > Some(8));
    assert_eq!(state["stats"]["overload"], "skip");
    assert_eq!(state["stats"]["model_every"], 1);
}
