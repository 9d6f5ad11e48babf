//! Shards, and how they are joined.

use crate::archive::{Archive, assert_same};
use std::fs;
use uniultra_tests::cli::{Run, command, finish};

fn merge(archive: &Archive, shards: &[&str], out: &str, rest: &[&str]) -> Run {
    let mut command = command("uniultra-tools");
    command.arg("merge").args(shards.iter().map(|shard| archive.out(shard)));
    finish(command.arg("--out").arg(archive.out(out)).args(rest))
}

#[test]
fn merged_shards_are_the_bytes_of_one_run() {
    let archive = Archive::new();
    for masks in ["png", "rle"] {
        let out = |name: &str| format!("{masks}-{name}");
        assert_eq!(archive.run(&out("whole"), &["--masks", masks]).code, Some(11));
        for shard in ["0/3", "1/3", "2/3"] {
            let out = out(&shard[..1]);
            let run = archive.run(&out, &["--masks", masks, "--shard", shard]);
            assert!([0, 11].contains(&run.code.unwrap()), "{run:?}");
        }
        let parts = [out("2"), out("0"), out("1")];
        let parts = parts.each_ref().map(String::as_str);
        let run = merge(&archive, &parts, &out("all"), &[]);
        run.fails(11, &["expected an answer to every prompt"]);
        assert_same(&archive.files(&out("all")), &archive.files(&out("whole")), masks);
    }
    let parts = ["png-0", "png-1", "png-2"];
    // Not in place of something else.
    merge(&archive, &parts, "png-all", &[]).fails(2, &["--force"]);
    assert_eq!(merge(&archive, &parts, "png-all", &["--force"]).code, Some(11));
    assert_same(&archive.files("png-all"), &archive.files("png-whole"), "again");
    merge(&archive, &parts[..2], "x", &[]).fails(3, &["found none of 2/3"]);
    merge(&archive, &["png-0", "png-1", "png-1"], "x", &[])
        .fails(3, &["each shard once", "1/3", "png-1"]);
    merge(&archive, &["png-0", "png-1", "rle-2"], "x", &[])
        .fails(3, &["another --masks: png in", "rle in", "rle-2"]);
    fs::remove_file(archive.out("png-2").join("report.json")).unwrap();
    merge(&archive, &parts, "x", &[]).fails(3, &["png-2 (shard 2/3) unfinished"]);
    assert!(!archive.out("x").exists());
}

#[test]
fn a_report_and_a_batch_do_not_merge() {
    let archive = Archive::of_images(2);
    archive.run("run", &["--shard", "0/1"]).succeeds();
    fs::create_dir(archive.out("report")).unwrap();
    fs::write(archive.out("report/report.json"), "{}").unwrap();
    merge(&archive, &["run", "report"], "x", &[]).fails(3, &["report", "without run.json"]);
    merge(&archive, &["report", "run"], "x", &[]).fails(3, &["report of `evaluate`"]);
}

#[test]
fn a_shard_may_be_without_files() {
    let archive = Archive::of_images(2);
    archive.run("whole", &[]).succeeds();
    for shard in ["0/3", "1/3", "2/3"] {
        archive.run(&shard[..1], &["--shard", shard]).succeeds();
    }
    assert!(archive.lines("2").is_empty());
    merge(&archive, &["0", "1", "2"], "all", &[]).succeeds();
    assert_same(&archive.files("all"), &archive.files("whole"), "an empty shard");
}
