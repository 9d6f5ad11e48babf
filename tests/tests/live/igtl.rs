//! The OpenIGTLink server, with pyigtl as an independent peer, and with bytes that mean nothing.

use crate::node::{Node, PATIENCE};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use uniultra_igtl::{Content, Coordinates, Decoder, Geometry, Image, Message, Pixels, Timestamp};
use uniultra_tests::cli::{root, run};
use uniultra_tests::npy;
use uniultra_tests::onnx_runtime::python;
use uniultra_tests::sample::{POINT, gray};

fn start(more: &[&str]) -> (Node, String) {
    let node = Node::start(&[&["--igtl", "127.0.0.1:0"], more].concat());
    let address = node.igtl.clone().expect("an address for OpenIGTLink");
    (node, address)
}

#[test]
fn pyigtl_sends_frames_and_clicks_and_gets_masks() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let files = ["frame", "mask"].map(|name| {
        let picture = gray(&root().join(format!("tests/fixtures/sample/{name}.png")));
        let path = scratch.path().join(format!("{name}.npy"));
        let shape = [picture.height() as usize, picture.width() as usize];
        let values: Vec<f32> = picture.as_raw().iter().copied().map(f32::from).collect();
        npy::write(&path, &shape, &values).unwrap();
        path
    });
    let (node, address) = start(&["--source", "igtl", "--threads", "2"]);
    let port = address.rsplit(':').next().unwrap();
    let [column, row] = POINT.split(',').collect::<Vec<_>>()[..] else { panic!("{POINT}") };
    let script = root().join("tests/python/live_igtl.py");
    let mut peer = Command::new(python);
    let status = peer.arg(script).arg(port).args(&files).args([column, row]).status().unwrap();
    assert!(status.success());
    assert_eq!(node.state()["source"]["name"], "openigtlink");
}

/// The next message that `decoder` finds.
fn receive(stream: &mut TcpStream, decoder: &mut Decoder) -> Message {
    let mut bytes = [0];
    loop {
        stream.read_exact(&mut bytes).unwrap();
        if let Some(message) = decoder.decode(&mut &bytes[..]).unwrap() {
            return message;
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_a_status() {
    let (_node, address) = start(&["--source", "igtl"]);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut decoder = Decoder::new(1 << 20);
    let mut ask = |content| {
        let message = Message::new("test", Timestamp::UNUSED, content);
        stream.write_all(&message.encode().unwrap()).unwrap();
        receive(&mut stream, &mut decoder).content
    };
    let image = |width, height, pixels| {
        let geometry = Geometry::flat([0.2, 0.2], [width, height], Coordinates::Lps);
        Content::Image(Image { width, height, pixels, geometry })
    };
    for (content, expected) in [
        (image(8, 8, Pixels::Gray8(vec![0; 64])), "found 8x8"),
        (image(16, 16, Pixels::Signed8(vec![0; 256])), "signed"),
        (Content::Points(vec![Default::default()]), "frame"),
    ] {
        let Content::Status(status) = ask(content) else { panic!("no status") };
        assert!(status.code != 1 && status.text.contains(expected), "{status:?}");
    }
    let Content::Status(status) = ask(Content::GetStatus) else { panic!("no status") };
    assert_eq!(status.code, 1);
    let Content::Capability(types) = ask(Content::GetCapability) else { panic!("no types") };
    assert!(types.iter().any(|name| name == "IMAGE"));
    let Content::Text(text) = ask(Content::Text("{}".into())) else { panic!("no text") };
    assert!(text.contains("expected a command"), "{text}");
}

#[test]
fn a_thousand_malformed_messages_end_their_connections_and_nothing_else() {
    let (node, address) = start(&[]);
    let good =
        Message::new("test", Timestamp::UNUSED, Content::Text("{}".into())).encode().unwrap();
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    for _ in 0..1000 {
        // The server closes connections of fatal headers, and refuses the fifth peer at a time.
        let mut bytes = good.clone();
        for _ in 0..=random() % 4 {
            let place = random() % bytes.len();
            bytes[place] = random() as u8;
        }
        bytes.truncate(1 + random() % good.len());
        if let Ok(mut stream) = TcpStream::connect(&address) {
            let _ = stream.write_all(&bytes);
        }
    }
    assert!(node.state()["objects"].as_array().unwrap().is_empty());
    // It still answers.
    let answers = |address: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&good).is_ok() && stream.read_exact(&mut [0; 58]).is_ok()
    };
    assert!((0..200).any(|_| answers(&address)));
}

#[test]
fn only_this_machine_s_addresses_are_allowed() {
    let args = ["live", "--http", "127.0.0.1:0", "--igtl", "0.0.0.0:0"];
    run("uniultra", args).fails(2, &["0.0.0.0", "ssh -L"]);
    let args = ["live", "--http", "127.0.0.1:0", "--source", "igtl"];
    run("uniultra", args).fails(2, &["--igtl"]);
}
