//! Outputs as users set them up: stdout, links, pipes, protected files, full disks, killed runs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so where it cannot run"
)]
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use uniultra_export::ExportOptions;
use uniultra_tests::cli::{Run, command, run, sample_frame, shell};
use uniultra_tests::packs::{ScratchPack, random};

/// A small pack of random weights.
fn model() -> PathBuf {
    static PACK: OnceLock<ScratchPack> = OnceLock::new();
    let options = || ExportOptions { image_size: 64, ..ExportOptions::default() };
    let pack = PACK.get_or_init(|| ScratchPack::export(&random("uniultra-mini", 1), &options()));
    pack.folder()
}

/// The arguments of `segment` on the sample.
fn segment(rest: &[&str]) -> Vec<String> {
    let frame = sample_frame();
    let model = model();
    ["segment", frame.to_str().unwrap(), "--model", model.to_str().unwrap(), "--point", "200,150"]
        .iter()
        .chain(rest)
        .map(ToString::to_string)
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder, and the text of a path in it.
fn scratch(name: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name).to_str().unwrap().to_string();
    (folder, path)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

#[test]
fn each_output_goes_to_stdout_alone() {
    for (option, start) in [
        ("--out-mask", &b"\x89PNG"[..]),
        ("--overlay", b"\x89PNG"),
        ("--logits", b"\x93NUMPY"),
        ("--json", b"{"),
    ] {
        let output = command("uniultra").args(segment(&[option, "-"])).output().unwrap();
        assert!(output.status.success(), "{option}: {output:?}");
        assert!(output.stdout.starts_with(start), "{option}");
        if option == "--json" {
            assert!(is_json(std::str::from_utf8(&output.stdout).unwrap()));
        }
    }
    // The others still go to files, and no summary is printed.
    let (_folder, json) = scratch("report.json");
    let args = segment(&["--out-mask", "-", "--json", &json]);
    let output = command("uniultra").args(args).output().unwrap();
    let mask = image::load_from_memory(&output.stdout).unwrap();
    assert_eq!((mask.width(), mask.height()), (512, 400));
    assert!(is_json(&fs::read_to_string(json).unwrap()));

    run("uniultra", segment(&["--out-mask", "-", "--overlay", "-"])).fails(2, &["--overlay -"]);
    run("uniultra", segment(&["--json", "-", "--logits", "/dev/stdout"])).fails(2, &["--json -"]);
}

#[test]
fn a_name_of_another_format_is_wrong_usage() {
    for (option, name, expected) in [
        ("--out-mask", "mask.jpg", ".png"),
        ("--out-mask", "mask.TIF", ".png"),
        ("--overlay", "overlay.json", ".png"),
        ("--logits", "logits.npz", ".npy"),
        ("--json", "report.png", ".json"),
    ] {
        let (folder, path) = scratch(name);
        run("uniultra", segment(&[option, &path])).fails(2, &[option, name, expected]);
        assert!(names(folder.path()).is_empty());
    }
    let (_folder, path) = scratch("report.png");
    run("uniultra-tools", ["inspect", "--arch", "uniultra-mini", "--json", &path])
        .fails(2, &["report.png", ".json"]);
    let (_folder, path) = scratch("report.PNG");
    run("uniultra", segment(&["--out-mask", &path])).succeeds();
}

#[test]
fn a_log_keeps_what_it_held() {
    let (_folder, log) = scratch("log");
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        fs::write(&log, "before\n").unwrap();
        let stdout = Stdio::from(File::options().append(true).open(&log).unwrap());
        let args = segment(&["--json", path]);
        assert!(command("uniultra").args(args).stdout(stdout).status().unwrap().success());
        let text = fs::read_to_string(&log).unwrap();
        let rest = text.strip_prefix("before\n").unwrap();
        assert!(is_json(rest.lines().next().unwrap()), "{path}: {text}");
        assert!(rest.contains("\narea "), "the summary follows: {text}");
    }
    // Other descriptors, with what the shell writes before and after, appending or not.
    for mode in [">>", ">"] {
        fs::write(&log, "").unwrap();
        let script = format!(
            "exec 3{mode}'{log}'; echo before >&3; \"$@\" --json /dev/fd/3 && echo after >&3"
        );
        shell(&script, "uniultra", segment(&[])).succeeds();
        let text = fs::read_to_string(&log).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() == 3 && is_json(lines[1]), "{mode} {text}");
        assert_eq!((lines[0], lines[2]), ("before", "after"));
    }
    let args = ["inspect", "--arch", "uniultra-mini", "--json", "/dev/fd/3"];
    let script = format!("exec 3>>'{log}'; \"$@\"");
    shell(&script, "uniultra-tools", args).succeeds();
    assert!(fs::read_to_string(&log).unwrap().starts_with("before\n"));
}

#[test]
fn a_pipe_gets_the_report_whole() {
    let (folder, pipe) = scratch("pipe");
    let script = format!("mkfifo '{pipe}' && cat '{pipe}' & sleep 0.2; \"$@\" >&2; wait");
    let found = shell(&script, "uniultra", segment(&["--json", &pipe]));
    assert!(is_json(&found.succeeds().stdout), "{found:?}");
    assert_eq!(names(folder.path()), ["pipe"]);
}

#[test]
fn files_keep_their_mode_and_links_their_target() {
    let (folder, mask) = scratch("mask.png");
    fs::write(&mask, "old").unwrap();
    fs::set_permissions(&mask, fs::Permissions::from_mode(0o606)).unwrap();
    let link = folder.path().join("link.png");
    symlink("later.png", &link).unwrap();
    let link = link.to_str().unwrap();
    run("uniultra", segment(&["--out-mask", &mask, "--overlay", link])).succeeds();
    assert_eq!(fs::metadata(&mask).unwrap().mode() & 0o777, 0o606);
    assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    assert_eq!(names(folder.path()), ["later.png", "link.png", "mask.png"]);
    for path in [&mask, link] {
        assert!(fs::read(path).unwrap().starts_with(b"\x89PNG"));
    }
    // Two names of one file that is not there yet.
    let (folder, file) = scratch("file.png");
    let link = folder.path().join("link.png");
    symlink("file.png", &link).unwrap();
    let args = segment(&["--out-mask", &file, "--overlay", link.to_str().unwrap()]);
    run("uniultra", args).fails(2, &["--out-mask"]);
}

/// As root, too: nobody may write the file.
#[test]
fn another_name_of_a_file_keeps_the_older_content_and_a_warning_says_so() {
    let (folder, path) = scratch("mask.png");
    let backup = folder.path().join("backup.png");
    fs::write(&path, "older").unwrap();
    fs::hard_link(&path, &backup).unwrap();
    let written = run("uniultra", segment(&["--out-mask", &path]));
    written.succeeds();
    assert!(written.stderr.contains("1 other name"), "{}", written.stderr);
    assert_eq!(fs::read(&backup).unwrap(), b"older");
    assert!(fs::read(&path).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn read_only_files_are_refused_before_any_work() {
    for (option, name) in [
        ("--out-mask", "mask.png"),
        ("--overlay", "overlay.png"),
        ("--logits", "logits.npy"),
        ("--json", "report.json"),
    ] {
        let (folder, path) = scratch(name);
        fs::write(&path, "protected").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        // The frame would be refused next.
        let args = ["segment", "/absent.png", "--point", "1,1", option, &path];
        run("uniultra", args).fails(6, &[name, "read-only"]);
        assert_eq!(fs::read(&path).unwrap(), b"protected");
        assert_eq!(names(folder.path()), [name]);
    }
}

#[test]
fn leftovers_of_a_killed_run_are_removed() {
    let (folder, mask) = scratch("mask.png");
    let left = folder.path().join(".uniultra-killed.part");
    fs::write(&left, "half").unwrap();
    fs::write(folder.path().join(".uniultra-notes"), "mine").unwrap();
    run("uniultra", segment(&["--out-mask", &mask])).succeeds();
    assert_eq!(names(folder.path()), [".uniultra-notes", "mask.png"]);
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    for script in ["ulimit -f 1; exec \"$@\"", "ulimit -f 1; trap '' XFSZ; exec \"$@\""] {
        let (folder, overlay) = scratch("overlay.png");
        fs::write(&overlay, "old").unwrap();
        shell(script, "uniultra", segment(&["--overlay", &overlay])).fails(6, &["overlay.png"]);
        assert_eq!(fs::read(&overlay).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["overlay.png"]);
    }
}

/// A mount that ends with the test, whatever lies on it; none if this process may not mount.
struct Mount(PathBuf);

impl Mount {
    fn new(args: &[&str], place: &Path) -> Option<Self> {
        let done = Command::new("mount").args(args).arg(place).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(place.to_path_buf()));
        }
        eprintln!("SKIPPED: mount {args:?} needs root");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn warned(run: &Run) -> bool {
    run.succeeds().stderr.contains("written in place")
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["-t", "tmpfs", "-o", "size=32k", "none"];
    let Some(_mount) = Mount::new(&options, folder.path()) else { return };
    let overlay = folder.path().join("overlay.png");
    fs::write(&overlay, "old").unwrap();
    let path = overlay.to_str().unwrap();
    run("uniultra", segment(&["--overlay", path])).fails(6, &["overlay.png"]);
    assert_eq!(fs::read(&overlay).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["overlay.png"]);
}

/// As a container mounts one file of the host: it cannot be replaced, but written.
#[test]
fn a_mounted_file_is_written_in_place() {
    let (folder, mask) = scratch("mask.png");
    let outside = tempfile::tempdir().unwrap();
    let host = outside.path().join("host.png");
    fs::write(&host, "an older and longer mask ".repeat(1000)).unwrap();
    fs::write(&mask, "").unwrap();
    let place = PathBuf::from(&mask);
    let Some(_mount) = Mount::new(&["--bind", host.to_str().unwrap()], &place) else { return };
    assert!(warned(&run("uniultra", segment(&["--out-mask", &mask]))));
    assert!(image::open(&host).is_ok(), "the host sees the whole mask and nothing after it");
    assert_eq!(names(folder.path()), ["mask.png"]);

    // The folder takes no new file either.
    let around = folder.path();
    let text = around.to_str().unwrap();
    let Some(_folder) = Mount::new(&["--rbind", text], around) else { return };
    let remount = Command::new("mount").args(["-o", "remount,ro,bind", text]).status().unwrap();
    assert!(remount.success());
    fs::write(&host, "old").unwrap();
    assert!(warned(&run("uniultra", segment(&["--out-mask", &mask]))));
    assert!(image::open(&host).is_ok());
    let new = around.join("new.png");
    run("uniultra", segment(&["--overlay", new.to_str().unwrap()])).fails(6, &["new.png"]);
    // And its disk is full.
    let full = outside.path().join("full");
    fs::create_dir(&full).unwrap();
    let options = ["-t", "tmpfs", "-o", "size=8k", "none"];
    let Some(_full) = Mount::new(&options, &full) else { return };
    let small = full.join("small.png");
    fs::write(&small, "old").unwrap();
    let Some(_small) = Mount::new(&["--bind", small.to_str().unwrap()], &place) else { return };
    // The warning comes before the error.
    let run = run("uniultra", segment(&["--overlay", &mask]));
    assert!(run.code == Some(6) && run.stderr.contains("error: cannot write"), "{run:?}");
    assert_eq!(fs::read(&small).unwrap(), b"old");
}

/// From too little to start the program to enough: it ends with a mask or says that memory ran out.
#[test]
fn a_lack_of_memory_is_said_as_such() {
    let mut found = Vec::new();
    for mib in (40..=400).step_by(12) {
        // Where that is set, the standard library adds a backtrace.
        let script = format!("unset RUST_BACKTRACE; ulimit -v {}; exec \"$@\"", mib * 1024);
        let (folder, mask) = scratch("mask.png");
        let run = shell(&script, "uniultra", segment(&["--out-mask", &mask]));
        match run.code {
            Some(0) => assert_eq!(names(folder.path()), ["mask.png"]),
            // The system did not get as far as the program: no exit code, or the loader's.
            None | Some(126 | 127) if found.is_empty() => continue,
            Some(9) => {
                assert!(run.stderr.contains("memory"), "{mib} MiB: {run:?}");
                assert!(!run.stderr.contains("panicked"), "{mib} MiB: {run:?}");
                assert!(names(folder.path()).is_empty(), "{mib} MiB");
            }
            _ => assert!(run.code == Some(9), "{mib} MiB: {run:?}"),
        }
        found.push(run.code);
    }
    assert!(found.contains(&Some(9)) && found.last() == Some(&Some(0)), "{found:?}");
}
