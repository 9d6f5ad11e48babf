//! Signs of life: systemd's notifications, and the watchdog of a board.

use crate::node::{Node, PATIENCE};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};
use uniultra_tests::cli::{root, run};

#[test]
fn systemd_hears_that_the_node_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_string()
    };
    let path = path.to_str().unwrap();
    // systemd sets both for a unit with WatchdogSec.
    let variables = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "400000")];
    let mut node = Node::start_in(&[], &variables);
    assert_eq!(hear(), "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    node.end("-TERM");
    let start = Instant::now();
    while hear() != "STOPPING=1" {
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn a_board_s_watchdog_ends_a_silent_session() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join("boards/host.toml")).unwrap();
    // Shorter than the pause between two signs of life without a frame.
    let shorter = |line: &str| match line.split_once(" = ") {
        Some((name @ ("encode_ms" | "click_ms"), _)) => format!("{name} = 1\n"),
        Some((name @ "watchdog_ms", _)) => format!("{name} = 2\n"),
        _ => format!("{line}\n"),
    };
    let board = folder.path().join("board.toml");
    std::fs::write(&board, text.lines().map(shorter).collect::<String>()).unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let source = format!("y4m:{}", fifo.display());
    let args = ["live", "--board", board.to_str().unwrap(), "--source", &source];
    let start = Instant::now();
    run("uniultra", args.iter().chain(&["--http", "127.0.0.1:0"])).fails(5, &["watchdog"]);
    assert!(start.elapsed() < Duration::from_secs(60));
}
