//! Disks that fail: reads, writes, syncs and renames end in an error, from the first call on or later.
//!
//! `shim.c` lets them fail, compiled here and loaded into the programs.

use crate::job::{Job, every_job};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use uniultra_tests::cli::{Run, root};

const EIO: (i32, &str) = (5, "Input/output error");
const EXDEV: (i32, &str) = (18, "Invalid cross-device link");
const EDQUOT: (i32, &str) = (122, "Disk quota exceeded");

/// A program that writes more often would pass the test without reaching its end.
const MAX_CALLS: u32 = 1 << 20;

/// The compiled library, and a folder for the jobs.
struct Shim {
    folder: TempDir,
    library: PathBuf,
    hits: PathBuf,
}

impl Shim {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [library, hits] = ["shim.so", "hits"].map(|name| folder.path().join(name));
        let source = root().join("tests/tests/faults/shim.c");
        let flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"];
        let made = Command::new("cc").args(flags).arg(&library).arg(source).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder, library, hits }
    }

    /// Where the jobs are, without links: the library compares paths as the kernel names them.
    fn scratch(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    /// Runs a job whose calls fail after some; says whether one has failed.
    fn run(&self, job: &Job, call: &str, error: i32, below: &Path, after: u32) -> (Run, bool) {
        let _ = fs::remove_file(&self.hits);
        let run = job.run_with(&[
            ("LD_PRELOAD", self.library.as_os_str()),
            ("FAULT_CALL", call.as_ref()),
            ("FAULT_ERRNO", error.to_string().as_ref()),
            ("FAULT_BELOW", below.as_os_str()),
            ("FAULT_AFTER", after.to_string().as_ref()),
            ("FAULT_HITS", self.hits.as_os_str()),
        ]);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        (run, self.hits.exists())
    }
}

/// Calls that succeed before one fails: 0, 1, 2, 4 and so on. The gate takes the first two, because each run of
/// four commands takes seconds.
fn calls() -> impl Iterator<Item = u32> {
    let all = std::iter::once(0).chain((0..).map(|power| 1 << power));
    let most = if std::env::var_os("UNIULTRA_FAULTS").is_some() { usize::MAX } else { 2 };
    all.take_while(|calls| *calls < MAX_CALLS).take(most)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Whether an input is one of the images or masks of a data set.
fn is_one_of_many(job: &Job, input: &Path) -> bool {
    job.name == "evaluate" && input.extension() == Some("png".as_ref())
}

#[test]
fn an_input_that_cannot_be_read_is_named() {
    let shim = Shim::new();
    let scratch = shim.scratch();
    for job in every_job(&scratch) {
        job.prepare();
        let before = files(&scratch.join("out"));
        for input in &job.inputs {
            let mut failed = 0;
            for after in calls() {
                let (run, hit) = shim.run(&job, "read", EIO.0, input, after);
                if !hit {
                    assert_eq!(run.code, Some(0), "{}: {run:?}", job.name);
                    // Its report has other times.
                    job.prepare();
                    break;
                }
                failed += 1;
                let what = format!("{}: read {after} of {}", job.name, input.display());
                let stem = input.file_stem().unwrap().to_str().unwrap();
                assert!(run.stderr.contains(stem) && run.stderr.contains(EIO.1), "{what}: {run:?}");
                if is_one_of_many(&job, input) {
                    // The other images are evaluated, and the report lists this one.
                    assert_eq!(run.code, Some(0), "{what}: {run:?}");
                    job.prepare();
                } else {
                    assert!([Some(3), Some(4)].contains(&run.code), "{what}: {run:?}");
                    job.assert_untouched(&what);
                }
                assert_eq!(files(&scratch.join("out")), before, "{what}");
            }
            assert!(failed > 0, "{}: {}: no read was seen", job.name, input.display());
            let name = input.strip_prefix(&scratch).unwrap().display();
            eprintln!("EIO, reading {name}: {failed} runs");
        }
    }
}

/// Asserts that a run could not write: it says so, names an output, and leaves what was there.
fn assert_refused(job: &Job, out: &Path, run: &Run, reason: &str, before: &[PathBuf], what: &str) {
    assert_eq!(run.code, Some(6), "{what}: {run:?}");
    assert!(run.stderr.contains(reason), "{what}: expected `{reason}`: {run:?}");
    assert!(run.stderr.contains(out.to_str().unwrap()), "{what}: no output named: {run:?}");
    assert!(!run.stderr.contains(".part"), "{what}: a temporary name: {run:?}");
    job.assert_whole(what);
    assert_eq!(files(out), before, "{what}");
}

#[test]
fn an_output_that_cannot_be_written_leaves_what_was_there() {
    let shim = Shim::new();
    let out = shim.scratch().join("out");
    for job in every_job(&shim.scratch()) {
        for (call, (number, reason)) in
            [("write", EIO), ("fsync", EIO), ("write", EDQUOT), ("fsync", EDQUOT)]
        {
            job.prepare();
            let before = files(&out);
            let mut failed = 0;
            // Errors are handled alike; one of them is tried at every place.
            for after in calls().take(if number == EIO.0 { usize::MAX } else { 1 }) {
                let (run, hit) = shim.run(&job, call, number, &out, after);
                if !hit {
                    assert_eq!(run.code, Some(0), "{}: {run:?}", job.name);
                    break;
                }
                failed += 1;
                let what = format!("{}: {call} {after}, {reason}", job.name);
                assert_refused(&job, &out, &run, reason, &before, &what);
                if after == 0 {
                    job.assert_untouched(&what);
                }
            }
            assert!(failed > 0, "{}: no {call} was seen", job.name);
            eprintln!("{reason}, {call} of {}: {failed} runs", job.name);
        }
    }
}

#[test]
fn a_refused_rename_leaves_what_was_there() {
    let shim = Shim::new();
    let out = shim.scratch().join("out");
    for job in every_job(&shim.scratch()) {
        job.prepare();
        let before = files(&out);
        for (number, reason) in [EXDEV, EIO, EDQUOT] {
            let (run, _) = shim.run(&job, "rename", number, &out, 0);
            let what = format!("{}: rename, {reason}", job.name);
            assert_refused(&job, &out, &run, reason, &before, &what);
            job.assert_untouched(&what);
        }
        eprintln!("renames of {}: 3 errors", job.name);
    }
}

#[test]
fn a_first_output_that_cannot_be_written_is_not_there() {
    let shim = Shim::new();
    let out = shim.scratch().join("out");
    for job in every_job(&shim.scratch()) {
        for call in ["write", "fsync", "rename"] {
            let (run, _) = shim.run(&job, call, EIO.0, &out, 0);
            assert_eq!(run.code, Some(6), "{}: {call}: {run:?}", job.name);
            let left = files(&out);
            assert!(left.is_empty(), "{}: {call}: {left:?}", job.name);
        }
    }
}
