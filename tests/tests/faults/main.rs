//! The fault matrix: `segment`, `export`, `quantize` and `evaluate` are killed, run out of disk
//! space, get damaged input of every kind, and use a disk that fails. No run may panic, leave half a file, or lose a file
//! that was there before.
//!
//! The gate takes a sample. `UNIULTRA_FAULTS=full cargo test --test faults -- --nocapture` takes
//! everything: 1,000 flipped bytes and 63 truncations of each kind of input, 200 kills of each
//! command; a number in place of `full` takes that many of each. Both print figures.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and its figures go to its output"
)]

#[cfg(target_os = "linux")]
mod io_errors;
mod job;

use job::{Job, every_job};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;
use uniultra_tests::cli::Run;

/// How much is tried of each kind.
struct Extent {
    flips: usize,
    truncations: usize,
    kills: usize,
}

impl Extent {
    fn asked() -> Self {
        let asked = match std::env::var("UNIULTRA_FAULTS").as_deref() {
            Ok("full") => 1000,
            Ok(number) => number.parse().unwrap(),
            Err(_) => 2,
        };
        Self { flips: asked, truncations: asked.min(63), kills: asked.min(200) }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // Knuth's multiplier; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Runs a job whose input is damaged, and says whether it was accepted.
fn run_damaged(job: &Job, what: &str) -> bool {
    let run = job.run();
    let code = run.code.unwrap_or_else(|| panic!("{}: {what}: a signal: {run:?}", job.name));
    assert!(!run.stderr.contains("panicked"), "{}: {what}: {run:?}", job.name);
    assert!([0, 2, 3, 4].contains(&code), "{}: {what}: {run:?}", job.name);
    if code == 0 {
        job.assert_whole(what);
    } else {
        assert!(run.stderr.starts_with("error: "), "{}: {what}: {run:?}", job.name);
        job.assert_untouched(what);
    }
    code == 0
}

/// Damages every input of every job in turn.
fn damage(kind: &str, count: usize, damaged: impl Fn(&[u8], usize, &mut Dice) -> Vec<u8>) {
    let scratch = tempfile::tempdir().unwrap();
    for job in every_job(scratch.path()) {
        job.prepare();
        for input in &job.inputs {
            let good = fs::read(input).unwrap();
            let mut dice = Dice(good.len() as u64);
            let mut accepted = 0;
            for round in 0..count {
                fs::write(input, damaged(&good, round, &mut dice)).unwrap();
                let what = format!("{kind} {round} of {}", input.display());
                if run_damaged(&job, &what) {
                    accepted += 1;
                    // The next round needs the outputs that damage must not touch.
                    fs::write(input, &good).unwrap();
                    job.prepare();
                }
            }
            fs::write(input, &good).unwrap();
            let input = input.strip_prefix(scratch.path()).unwrap().display();
            eprintln!("{kind}, {input}: {count} runs, {accepted} accepted");
        }
    }
}

#[test]
fn a_flipped_byte_causes_an_error_or_nothing() {
    damage("flip", Extent::asked().flips, |good, _, dice| {
        let mut bytes = good.to_vec();
        let place = dice.below(bytes.len());
        bytes[place] ^= 1 + dice.below(255) as u8;
        bytes
    });
}

#[test]
fn a_truncated_input_causes_an_error_or_nothing() {
    let count = Extent::asked().truncations;
    damage("truncation", count, |good, round, _| {
        good[..good.len() * (round + 1) / (count + 1)].to_vec()
    });
}

/// Every temporary file or folder below a folder.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().as_encoded_bytes().starts_with(b".uniultra-") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        }
    }
    found
}

#[test]
fn a_killed_run_leaves_whole_files() {
    let scratch = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    for job in every_job(scratch.path()) {
        let start = Instant::now();
        job.prepare();
        let whole_run = start.elapsed();
        let (mut killed, mut finished) = (0, 0);
        for round in 0..Extent::asked().kills {
            let mut child = job.command().spawn().unwrap();
            let share = dice.below(1000) as u32;
            sleep(whole_run * share / 1000);
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                finished += 1
            } else {
                killed += 1
            }
            job.assert_whole(&format!("kill {round} after {share}/1000 of {whole_run:?}"));
        }
        eprintln!("kill, {}: {killed} killed, {finished} finished before", job.name);
        // The next run is not stopped by what killed ones left behind, and removes it.
        job.prepare();
        let left = leftovers(scratch.path());
        assert!(left.is_empty(), "{}: {left:?}", job.name);
    }
}

/// A small file system in memory, which goes away with this value.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let options = ["-t", "tmpfs", "-o", "size=64m", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_loses_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let disk = scratch.path().join("out");
    fs::create_dir(&disk).unwrap();
    let Some(_tmpfs) = Tmpfs::mount(&disk) else {
        eprintln!("skipped: mounting a tmpfs needs root");
        return;
    };
    for job in every_job(scratch.path()) {
        job.prepare();
        let filler = disk.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        for size in [1 << 20, 1 << 10] {
            while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
        }
        drop(file);
        let before = names(&disk);
        let run: Run = job.run();
        assert_eq!(run.code, Some(6), "{}: {run:?}", job.name);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        job.assert_untouched("a full disk");
        assert_eq!(names(&disk), before, "{}", job.name);
        fs::remove_file(filler).unwrap();
        eprintln!("full disk, {}: exit code 6, nothing lost, nothing left", job.name);
    }
}
