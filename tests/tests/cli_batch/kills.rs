//! A run that is killed and started again writes the same bytes as one that is not.

use crate::archive::{Archive, assert_same};
use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

/// Kills that have to hit a run at work.
const KILLS: usize = 20;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// In 0..1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }
}

#[test]
fn a_run_that_is_killed_twenty_times_has_the_same_bytes() {
    let archive = Archive::of_images(24);
    // A folder with everything that is no plain answer, too.
    archive.add("x/cine.dcm", &fs::read(crate::archive::fixture("regions.dcm")).unwrap());
    archive.add("x/torn.png", b"\x89PNG\r\n\x1a\n");
    let mut prompts = fs::read_to_string(archive.prompts()).unwrap();
    for (path, frame) in [("x/cine.dcm", 2), ("x/torn.png", 1)] {
        prompts += &format!("{{\"path\": \"{path}\", \"frame\": {frame}, \"points\": [[9, 9]]}}\n");
    }
    fs::write(archive.prompts(), prompts).unwrap();
    let start = Instant::now();
    let whole = archive.run("whole", &[]);
    whole.fails(11, &["x/torn.png"]);
    let whole_run = start.elapsed();
    let expected = archive.files("whole");
    assert_eq!(archive.lines("whole").len(), 24 * 2 + 3);

    let mut dice = Dice(11);
    let (mut kills, mut torn, mut between, mut finished) = (0, 0, 0, 0);
    let mut out = "round-0".to_string();
    while kills < KILLS {
        let mut child =
            archive.command(&out, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole_run.mul_f64(dice.share() * 0.9));
        let ended = child.try_wait().unwrap();
        // SIGKILL.
        let _ = child.kill();
        let status = child.wait().unwrap();
        match ended {
            None if status.code().is_none() => {
                kills += 1;
                let results = fs::read(archive.out(&out).join("results.jsonl")).unwrap_or_default();
                torn += usize::from(results.last().is_some_and(|byte| *byte != b'\n'));
                let lines = results.iter().filter(|byte| **byte == b'\n').count();
                between += usize::from(lines > 0 && lines < 24 * 2 + 3);
            }
            _ => {
                // It was quicker.
                assert_eq!(status.code(), Some(11));
                assert_same(&archive.files(&out), &expected, &out);
                finished += 1;
                out = format!("round-{finished}");
            }
        }
    }
    archive.run(&out, &[]).fails(11, &["x/torn.png"]);
    assert_same(&archive.files(&out), &expected, "after the last kill");
    eprintln!(
        "{kills} kills, {between} of them between the first and the last line, {torn} torn lines"
    );
    assert!(between > 0, "no kill hit the work");
}

#[test]
fn a_torn_line_is_written_again() {
    let archive = Archive::of_images(4);
    archive.run("whole", &[]).succeeds();
    let expected = archive.files("whole");
    let results = archive.out("whole").join("results.jsonl");
    let text = fs::read(&results).unwrap();
    let ends: Vec<usize> = (0..text.len()).filter(|&i| text[i] == b'\n').collect();
    // In the middle of the first, the third and the last line, and just before a line's end.
    for cut in [ends[0] / 2, ends[2] - 20, ends[7] - 1, ends[3], 0] {
        fs::write(&results, &text[..cut]).unwrap();
        fs::remove_file(archive.out("whole").join("report.json")).unwrap();
        archive.run("whole", &[]).succeeds();
        assert_same(&archive.files("whole"), &expected, &format!("cut at byte {cut}"));
    }
}
