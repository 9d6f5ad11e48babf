//! `uniultra-tools profile --ssh`, against an ssh server of its own on the loopback interface,
//! whose keys live as long as the test. Skipped, loudly, where no server is installed.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and a skipped one says so"
)]
#![cfg(unix)]

use serde_json::Value;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uniultra_tests::cli::{Run, root, run};

/// The time that the server may take to answer.
const START: Duration = Duration::from_secs(20);

/// A server that ends with this value.
struct Server {
    folder: TempDir,
    port: u16,
    child: Child,
    user: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's program: daemons are often not on the path, and it wants to be called by a full
/// name.
fn sshd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("sshd")).find(|file| file.is_file())
}

fn keygen(file: &Path) {
    let done = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(file)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn user() -> String {
    let done = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(done.stdout).unwrap().trim().to_string()
}

impl Server {
    /// Starts a server, or prints why it cannot.
    fn start() -> Option<Self> {
        let Some(program) = sshd() else {
            eprintln!("SKIPPED: no sshd (Debian: openssh-server), `profile --ssh` is not tested");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        keygen(&file("host_key"));
        keygen(&file("user_key"));
        fs::copy(file("user_key.pub"), file("authorized_keys")).unwrap();
        // A server that root starts wants this folder, which the system's own service makes, too.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host_key = fs::read_to_string(file("host_key.pub")).unwrap();
        let known = format!("[127.0.0.1]:{port} {host_key}");
        fs::write(file("known_hosts"), known).unwrap();
        fs::create_dir(file("tmp")).unwrap();
        let shown = |name: &str| file(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile {}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nSetEnv TMPDIR={}\n",
            shown("host_key"),
            shown("pid"),
            shown("authorized_keys"),
            shown("tmp")
        );
        fs::write(file("sshd_config"), config).unwrap();
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(file("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self { folder, port, child, user: user() };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait().unwrap() {
                let mut said = String::new();
                server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                eprintln!("SKIPPED: sshd does not start here ({status}): {said}");
                return None;
            }
            assert!(start.elapsed() < START, "sshd does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs `profile --ssh` with few runs, with the right key or another.
    fn profile(&self, key: &str, binary: &Path, board: &str, rest: &[&str]) -> Run {
        let options = [
            format!("Port={}", self.port),
            format!("IdentityFile={}", self.file(key)),
            format!("UserKnownHostsFile={}", self.file("known_hosts")),
            "IdentitiesOnly=yes".to_string(),
            "StrictHostKeyChecking=yes".to_string(),
        ];
        let host = format!("{}@127.0.0.1", self.user);
        let model = root().join("models/uniultra-mini-int8");
        let model = model.to_str().unwrap();
        let options = options.iter().flat_map(|option| ["--ssh-option", option.as_str()]);
        let head = ["profile", "--runs", "3", "--warm-up", "1", "--model", model, "--ssh", &host];
        let files = ["--board", board, "--binary", binary.to_str().unwrap()];
        let words: Vec<&str> =
            head.into_iter().chain(files).chain(options).chain(rest.iter().copied()).collect();
        run("uniultra-tools", words)
    }

    /// The files left in the folder for temporary files.
    fn left(&self) -> Vec<PathBuf> {
        fs::read_dir(self.file("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// The device binary for this machine, next to the test's own.
fn uniultra() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("uniultra")
}

/// The profile of this machine with budgets that no slow machine misses.
fn board(server: &Server, name: &str, encode_ms: u32) -> String {
    let text = fs::read_to_string(root().join("boards/host.toml")).unwrap();
    let (head, tail) = text.split_once("[budget]").unwrap();
    let sources = &tail[tail.find("[[sources]]").unwrap()..];
    let head = head.replace("threads = 2", "threads = 1");
    let budget = format!(
        "[budget]\nencode_ms = {encode_ms}\nclick_ms = 30000\nwatchdog_ms = 60000\nrss_mib = 256\n\n"
    );
    let path = server.file(name);
    fs::write(&path, format!("{head}{budget}{sources}")).unwrap();
    path
}

#[test]
fn a_device_is_profiled_and_left_as_it_was() {
    let Some(server) = Server::start() else { return };
    if std::env::consts::ARCH != "x86_64" {
        eprintln!("SKIPPED: boards/host.toml is of x86-64");
        return;
    }
    let wide = board(&server, "wide.toml", 30_000);
    let out = server.file("out");
    let done = server.profile("user_key", &uniultra(), &wide, &["--out", &out]);
    for words in
        ["# Profile of `uniultra-mini-int8` on ", "| image encoder |", "| encode_ms | 30000 |"]
    {
        assert!(done.succeeds().stdout.contains(words), "{words}: {}", done.stdout);
    }
    let json: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("report.json")).unwrap()).unwrap();
    assert_eq!(
        (&json["schema"], &json["bench"]["runs"]),
        (&"uniultra-profile-device".into(), &3.into())
    );
    assert_eq!(
        (&json["bench"]["board"]["id"], &json["bench"]["budgets"]["ok"]),
        (&"host".into(), &true.into())
    );
    assert_eq!(json["binary_sha256"].as_str().map(str::len), Some(64));
    let chart = fs::read_to_string(Path::new(&out).join("stages.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("image encoder"));
    assert_eq!(server.left(), [] as [PathBuf; 0]);

    // A missed budget has its exit code, and its report all the same.
    let narrow = board(&server, "narrow.toml", 1);
    let done = server.profile("user_key", &uniultra(), &narrow, &["--json", "-"]);
    done.fails(5, &["board host", "encode_ms: expected at most 1"]);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["bench"]["budgets"]["encode_ms"]["ok"], false);
    assert_eq!(server.left(), [] as [PathBuf; 0]);
}

#[test]
fn what_goes_wrong_there_is_said_and_leaves_nothing() {
    let Some(server) = Server::start() else { return };
    let board = board(&server, "board.toml", 30_000);
    keygen(Path::new(&server.file("other_key")));
    server
        .profile("other_key", &uniultra(), &board, &[])
        .fails(8, &["127.0.0.1", "Permission denied", "hint: "]);

    // No program for that machine, and one that fails as the device's would.
    let broken = PathBuf::from(server.file("broken"));
    fs::write(&broken, b"\x7fELF, but no program").unwrap();
    server.profile("user_key", &broken, &board, &[]).fails(8, &["exit code 12", "cross"]);
    let script = |text: &str| fs::write(&broken, format!("#!/bin/sh\n{text}\n")).unwrap();
    script("echo 'error: not this board' >&2; exit 7");
    server.profile("user_key", &broken, &board, &[]).fails(7, &["not this board"]);
    script("echo '{}'");
    server
        .profile("user_key", &broken, &board, &[])
        .fails(8, &["expected a report of `uniultra bench`"]);
    assert_eq!(server.left(), [] as [PathBuf; 0]);
}

#[test]
fn mistakes_on_this_side_are_found_before_anyone_is_asked() {
    let pack = root().join("models/uniultra-mini-int8").display().to_string();
    let board = root().join("boards/host.toml").display().to_string();
    let profile = |rest: &[&str]| {
        let head = ["profile", "--model", &pack];
        run("uniultra-tools", head.iter().chain(rest))
    };
    profile(&["--ssh", "u@h"]).fails(2, &["--board", "--binary"]);
    profile(&["--board", &board]).fails(2, &["--ssh"]);
    let to = |host| ["--ssh", host, "--board", &board, "--binary", "absent-binary"];
    profile(&[&to("u@h")[..], &["--compare", "x"]].concat()).fails(2, &["--compare"]);
    run(
        "uniultra-tools",
        ["profile", "--model", &pack, "--ssh=-oProxyCommand=x", "--board", &board, "--binary", "b"],
    )
    .fails(2, &["user@host"]);
    profile(&to("u@h")).fails(3, &["absent-binary"]);
    let no_board = ["--ssh", "u@h", "--board", "absent.toml", "--binary", "absent-binary"];
    profile(&no_board).fails(3, &["absent.toml"]);
}
