//! Messages go to and fro between pyigtl and the example `echo`, over a socket of this machine.
#![allow(clippy::unwrap_used)] // What cannot be started fails its test.

use std::path::Path;
use std::process::Command;

/// Needs a Python that has pyigtl: its path is in the variable `UNIULTRA_PYIGTL_PYTHON`, or `python3`.
#[test]
#[ignore = "needs Python with pyigtl"]
fn pyigtl_gets_back_what_it_sends() {
    let tests = std::env::current_exe().unwrap();
    let echo = tests.ancestors().nth(2).unwrap().join("examples/echo");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/peer_pyigtl.py");
    let python = std::env::var_os("UNIULTRA_PYIGTL_PYTHON").unwrap_or("python3".into());
    let status = Command::new(python).arg(script).arg(echo).status().unwrap();
    assert!(status.success());
}
