//! A running node, and a client of its API.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use uniultra_tests::cli::command;

/// Far longer than anything here takes: a loaded machine is slow, and a test is not about speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A node that ends when it is dropped.
pub(crate) struct Node {
    pub(crate) process: Child,
    pub(crate) address: String,
    /// Of the OpenIGTLink server, if there is one.
    pub(crate) igtl: Option<String>,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The number in the header `x-frame`.
    pub(crate) fn frame(&self) -> u64 {
        let line = self.head.lines().find_map(|line| line.strip_prefix("x-frame: "));
        line.expect("a frame's number").parse().unwrap()
    }
}

impl Node {
    /// Starts `uniultra live` on a free port, and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, Stdio::null())
    }

    pub(crate) fn start_with(args: &[&str], stdin: Stdio) -> Self {
        Self::spawn(args, &[], stdin)
    }

    /// Starts it with these variables in its environment.
    pub(crate) fn start_in(args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(args, variables, Stdio::null())
    }

    fn spawn(args: &[&str], variables: &[(&str, &str)], stdin: Stdio) -> Self {
        let mut process = command("uniultra")
            .args(["live", "--http", "127.0.0.1:0"])
            .args(args)
            .envs(variables.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // The last line says how to end it.
        let lines: Vec<String> =
            lines.map(Result::unwrap).take_while(|line| !line.starts_with("Ctrl+C")).collect();
        let after = |prefix: &str| {
            let found = lines.iter().find_map(|line| line.strip_prefix(prefix));
            found.map(|rest| rest.trim_end_matches('/').to_string())
        };
        let address = after("http://").unwrap_or_else(|| panic!("no address in {lines:?}"));
        Self { process, address, igtl: after("OpenIGTLink on ") }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.address), "")
    }

    /// Sends a command, and returns the object that it was about.
    pub(crate) fn command(&self, command: &Value) -> Answer {
        let body = command.to_string();
        let head = format!(
            "POST /api/command HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        self.request(&head, &body)
    }

    /// A request with these lines at its beginning.
    pub(crate) fn request(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn state(&self) -> Value {
        self.get("/api/state").json()
    }

    /// The first state that fits.
    pub(crate) fn wait_for(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let state = self.state();
            if fits(&state) {
                return state;
            }
            assert!(start.elapsed() < PATIENCE, "waited for {what}, found {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal, and returns how and how soon the node ends.
    pub(crate) fn end(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let pid = self.process.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        (self.process.wait().unwrap(), start.elapsed())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
