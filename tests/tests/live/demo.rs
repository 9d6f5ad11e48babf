//! The demo, its truth, and what a user does on the page, through the API.

use crate::node::{Answer, Node};
use serde_json::{Value, json};
use uniultra_tests::cli::root;

/// Where the demo's cyst is on every frame.
pub(crate) const CYST: [f32; 2] = [207.0, 92.0];

/// Exact masks of the demo.
pub(crate) struct Truth {
    size: [usize; 2],
    /// For each frame, run lengths row by row, background first.
    runs: Vec<Vec<usize>>,
}

impl Truth {
    pub(crate) fn read() -> Self {
        let text = std::fs::read(root().join("runtime/node/demo/masks.json")).unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap();
        let side = |name: &str| json[name].as_u64().unwrap() as usize;
        let size = [side("width"), side("height")];
        let runs = serde_json::from_value(json["masks"].clone()).unwrap();
        Self { size, runs }
    }

    /// The mask of the node's frame `number`: the sequence is played forwards and backwards.
    pub(crate) fn mask(&self, number: u64) -> Vec<bool> {
        let last = self.runs.len() as u64 - 1;
        let place = number % (2 * last);
        let place = if place > last { 2 * last - place } else { place };
        let runs = self.runs[place as usize].iter().enumerate();
        runs.flat_map(|(i, run)| std::iter::repeat_n(i % 2 == 1, *run)).collect()
    }

    /// Dice of the object `label` in a label map of the API.
    pub(crate) fn dice(&self, map: &Answer, label: u8) -> f64 {
        assert_eq!(map.status, 200);
        let picture = image::load_from_memory(&map.body).unwrap().into_luma8();
        assert_eq!([picture.width() as usize, picture.height() as usize], self.size);
        let truth = self.mask(map.frame());
        let found = picture.as_raw().iter().map(|pixel| *pixel == label);
        let (mut both, mut sum) = (0, 0);
        for (found, there) in found.zip(truth) {
            both += usize::from(found && there);
            sum += usize::from(found) + usize::from(there);
        }
        2.0 * both as f64 / sum as f64
    }
}

/// A tap on the frame that is shown.
pub(crate) fn tap(node: &Node, object: Option<u64>, [x, y]: [f32; 2], inside: bool) -> Answer {
    let frame = node.wait_for("a frame", |state| state["width"] != 0)["frame"].clone();
    node.command(&json!({
        "command": "point", "object": object, "frame": frame, "x": x, "y": y, "inside": inside
    }))
}

pub(crate) fn is_tracking(state: &Value, count: usize) -> bool {
    let objects = state["objects"].as_array().unwrap();
    objects.len() == count && objects.iter().all(|object| object["state"] == "tracking")
}

/// One tap, then five frames of the moving cyst; prompts taken back; a frozen picture; the end.
#[test]
fn a_tap_is_followed_until_it_is_undone() {
    let mut node = Node::start(&["--threads", "2"]);
    let truth = Truth::read();
    assert_eq!(node.get("/").status, 200);
    let id = tap(&node, None, CYST, true).json()["object"].as_u64().unwrap();
    let mut frame = node.wait_for("an outline", |state| is_tracking(state, 1))["frame"].clone();
    for _ in 0..5 {
        let map = node.get("/api/mask.png");
        let dice = truth.dice(&map, 1);
        assert!(dice >= 0.85, "frame {}: {dice}", map.frame());
        frame = node.wait_for("the next frame", |state| state["frame"] != frame)["frame"].clone();
    }
    let object = &node.state()["objects"][0];
    assert!(object["longest_diameter_mm"].as_f64().unwrap() > 10.0, "{object}");
    assert_eq!(object["label"], 1);

    // A click outside that is taken back leaves the object as it was.
    tap(&node, Some(id), [60.0, 200.0], false).json();
    node.command(&json!({ "command": "undo", "object": id })).json();
    node.command(&json!({ "command": "rename", "object": id, "name": "cyst" })).json();
    node.wait_for("the name", |state| {
        is_tracking(state, 1) && state["objects"][0]["name"] == "cyst"
    });

    // A frozen picture answers at once.
    node.command(&json!({ "command": "freeze", "on": true })).json();
    let still = node.wait_for("a frozen picture", |state| state["frozen"] == true)["frame"].clone();
    // On the liver below the cyst.
    let second = tap(&node, None, [150.0, 220.0], true).json()["object"].as_u64().unwrap();
    let state = node.wait_for("a second object", |state| is_tracking(state, 2));
    assert_eq!(state["frame"], still);
    let labels = state["objects"].as_array().unwrap().iter().map(|object| object["label"].clone());
    assert_eq!(labels.collect::<Vec<_>>(), [1, 2]);
    node.command(&json!({ "command": "remove", "object": second })).json();
    node.command(&json!({ "command": "freeze", "on": false })).json();
    node.wait_for("a moving picture", |state| state["frame"] != still);

    let (status, took) = node.end("-TERM");
    assert!(status.success(), "{status}");
    // Promised within a second; a loaded machine gets ten.
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let node = Node::start(&[]);
    let refused = |command: Value, expected: &str| {
        let answer = node.command(&command);
        let text = String::from_utf8(answer.body).unwrap();
        assert!((400..500).contains(&answer.status) && text.contains(expected), "{text}");
    };
    let frame = node.wait_for("a frame", |state| state["width"] != 0)["frame"].clone();
    let point =
        |x: f64| json!({ "command": "point", "frame": frame, "x": x, "y": 9, "inside": true });
    refused(point(4000.0), "4000");
    refused(json!({ "command": "undo", "object": 77 }), "no object 77");
    refused(
        json!({ "command": "point", "frame": 10_000_000, "x": 9, "y": 9, "inside": true }),
        "10000000",
    );
    refused(
        json!({ "command": "box", "frame": frame, "x0": 9, "y0": 9, "x1": 9, "y1": 50 }),
        "box",
    );
    refused(json!({ "command": "shutdown" }), "expected a command");
    assert!(node.state()["objects"].as_array().unwrap().is_empty());
    for _ in 0..8 {
        assert_eq!(tap(&node, None, CYST, true).status, 200);
    }
    refused(point(9.0), "at most 8 objects");
}
