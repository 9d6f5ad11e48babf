//! `cargo xtask browser`: the live page in a real browser, against `uniultra live` with its demo.
//!
//! Needs Chromium and Node.js with npm (Debian: `chromium`, `nodejs`, `npm`). npm fetches one package, the driver of the
//! browser, once.

use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use uniultra_checkout::screen;
use uniultra_checkout::workspace::{self, Workspace};

const TESTS: &str = "tests/browser";
const MASKS: &str = "runtime/node/demo/masks.json";
const CHROMIUM: &str = "/usr/bin/chromium";

/// The page's server in these tests: an address that other tests do not use, and a token.
const ADDRESS: &str = "127.0.0.1:18081";
const TOKEN: &str = "browser-tests-only";

/// Intersection over union that is a Dice of 0.85, which the page promises.
const MIN_OVERLAP: &str = "0.74";

/// Options of `cargo xtask browser`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Keep screenshots of a phone, a desktop and a lost connection in this folder.
    #[arg(long, value_name = "DIR")]
    screenshots: Option<PathBuf>,
    /// Run only tests whose names match.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
}

/// The gate's step: skipped, loudly, where the browser is missing, but not in continuous integration.
pub(crate) fn gate(workspace: &Workspace) -> Result<()> {
    match missing() {
        Some(what) if std::env::var("CI").as_deref() != Ok("true") => {
            screen::line(&format!(
                "skipped: NO {what}; Debian: apt-get install chromium nodejs npm"
            ));
            Ok(())
        }
        _ => run(workspace, &Args::default()),
    }
}

fn chromium() -> PathBuf {
    std::env::var_os("LIVE_CHROMIUM").map_or(CHROMIUM.into(), PathBuf::from)
}

/// What these tests need and this machine lacks.
fn missing() -> Option<&'static str> {
    let runs = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    if !chromium().is_file() {
        Some("Chromium")
    } else if !runs("node") {
        Some("Node.js")
    } else if !runs("npm") {
        Some("npm")
    } else {
        None
    }
}

/// Builds the program, starts it, and runs the tests.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if let Some(what) = missing() {
        bail!("expected {what}, found none; Debian: apt-get install chromium nodejs npm");
    }
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    workspace::run(&mut workspace.cargo(&["build", "--locked", "--workspace", "--bins"]))?;
    let folder = workspace.target.join("browser");
    copy_tests(workspace, &folder)?;
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    workspace::run(Command::new("npm").args(install).current_dir(&folder))?;

    let server = Server::new(workspace, &folder)?;
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    tests.args(args.only.iter().map(|only| format!("--test-name-pattern={only}")));
    tests.arg("live.test.mjs").current_dir(&folder);
    tests.env("LIVE_URL", format!("http://{ADDRESS}/")).env("LIVE_TOKEN", TOKEN);
    tests.env("LIVE_MASKS", workspace.root.join(MASKS)).env("LIVE_MIN_OVERLAP", MIN_OVERLAP);
    tests.env("LIVE_CHROMIUM", chromium());
    for (name, command) in [
        ("START", &server.start),
        ("STOP", &server.stop),
        ("PAUSE", &server.pause),
        ("RESUME", &server.resume),
    ] {
        tests.env(format!("LIVE_{name}"), command);
    }
    if let Some(screenshots) = &args.screenshots {
        tests.env("LIVE_SCREENSHOTS", here.join(screenshots));
    }
    shell(&server.start)?;
    let outcome = workspace::run(&mut tests);
    // A failed test may have left it stopped.
    let _ = shell(&server.stop);
    outcome
}

/// The driver must lie above the files that import it, so both go to the target folder.
fn copy_tests(workspace: &Workspace, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for entry in fs::read_dir(workspace.root.join(TESTS))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, folder.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Shell commands for a server that the tests stop and start.
struct Server {
    start: String,
    stop: String,
    pause: String,
    resume: String,
}

impl Server {
    fn new(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let [token, pid, log] = ["token", "server.pid", "server.log"].map(|name| folder.join(name));
        fs::write(&token, TOKEN)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        let quoted = |path: &Path| format!("'{}'", path.display());
        let program = quoted(&workspace.binary("debug", "uniultra"));
        let (token, pid, log) = (quoted(&token), quoted(&pid), quoted(&log));
        let signal = |name: &str| format!("kill -{name} $(cat {pid})");
        Ok(Self {
            // The program says its address when it listens.
            start: format!(
                "{program} live --threads 2 --http {ADDRESS} --expose {token} > {log} 2>&1 & echo $! > {pid}; \
                 for i in $(seq 200); do grep -q Ctrl {log} && exit 0; sleep 0.1; done; cat {log}; exit 1"
            ),
            stop: signal("TERM"),
            pause: signal("STOP"),
            resume: signal("CONT"),
        })
    }
}

fn shell(command: &str) -> Result<()> {
    workspace::run(Command::new("sh").args(["-c", command]))
}
