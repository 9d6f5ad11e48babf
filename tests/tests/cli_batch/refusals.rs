//! What is refused before any work, and with which words.

use crate::archive::{Archive, assert_same, pack};
use std::fs;
use uniultra_tests::cli::{command, finish, run};

#[test]
fn a_run_goes_on_with_its_own_options_alone() {
    let archive = Archive::of_images(3);
    archive.run("run", &[]).succeeds();
    let before = archive.files("run");
    for (options, words) in [
        (&["--masks", "rle"][..], ["--masks: expected png", "found rle"]),
        (&["--multimask"], ["--multimask: expected false", "found true"]),
        (&["--pixel-spacing", "0.2"], ["--pixel-spacing: expected none", "found 0.2"]),
        (&["--bit-depth", "12"], ["--bit-depth: expected none", "found 12"]),
        (&["--shard", "0/2"], ["--shard: expected 0/1", "found 0/2"]),
    ] {
        archive.run("run", options).fails(2, &words);
    }
    // Another pack, with the same name of its folder.
    let other = pack(2);
    let mut command = command("uniultra-tools");
    command.args(["batch", "--model"]).arg(other.folder()).arg("--input").arg(archive.root());
    command.arg("--prompts").arg(archive.prompts()).arg("--out").arg(archive.out("run"));
    finish(&mut command).fails(2, &["--model: expected uniultra-mini", "hint: give the options"]);
    // Another file, other bytes of a file, other prompts.
    archive.add("x/new.png", b"new");
    archive.run("run", &[]).fails(2, &["number of files: expected 3", "found 4"]);
    fs::remove_file(archive.root().join("x/new.png")).unwrap();
    let image = fs::read(archive.root().join("x/000.png")).unwrap();
    archive.add("x/000.png", b"short");
    archive.run("run", &[]).fails(2, &["paths and sizes of the files"]);
    archive.add("x/000.png", &image);
    let prompts = fs::read_to_string(archive.prompts()).unwrap();
    fs::write(archive.prompts(), prompts.replace("214", "215")).unwrap();
    archive.run("run", &[]).fails(2, &["--prompts, SHA-256: expected"]);
    fs::write(archive.prompts(), &prompts).unwrap();
    archive.run("run", &[]).succeeds();
    assert_same(&archive.files("run"), &before, "after refusals");
    // Results that somebody edited.
    let results = archive.out("run").join("results.jsonl");
    let text = fs::read_to_string(&results).unwrap();
    fs::write(&results, text.replacen("x/000.png", "x/001.png", 1)).unwrap();
    archive
        .run("run", &[])
        .fails(3, &["results.jsonl, line 1: expected a line about \"x/000.png\""]);
}

#[test]
fn mistakes_are_found_before_any_work() {
    let archive = Archive::of_images(2);
    let prompts = fs::read_to_string(archive.prompts()).unwrap();
    let with_prompts = |text: &str| {
        fs::write(archive.prompts(), text).unwrap();
        let run = archive.run("run", &[]);
        fs::write(archive.prompts(), &prompts).unwrap();
        run
    };
    with_prompts("").fails(3, &["prompts.jsonl: expected prompts, found none"]);
    with_prompts("{\"path\": \"x/000.png\"}\n")
        .fails(3, &["prompts.jsonl, line 1: prompt: expected a point, a box or a mask"]);
    with_prompts("{\"path\": \"000.png\", \"points\": [[1, 1]]}\n")
        .fails(3, &["expected paths of files in", "\"000.png\" is not there"]);
    archive.run("archive/x/run", &[]).fails(2, &["--out: expected a folder outside of --input"]);
    archive.run("run", &["--masks", "seg"]).fails(2, &["expected --segment-code"]);
    archive.run("run", &["--segment-code", "cyst"]).fails(2, &["expected --masks seg"]);
    archive
        .run("run", &["--masks", "seg", "--segment-code", "cists"])
        .fails(2, &["SCHEME:CODE:MEANING"]);
    archive.run("run", &["--masks", "jpg"]).fails(2, &["png, rle or seg"]);
    archive.run("run", &["--shard", "2/2"]).fails(2, &["I from 0 to N-1"]);
    archive
        .run("run", &["--prompts", "/nonexistent.csv"])
        .fails(3, &["cannot read /nonexistent.csv"]);
    let empty = archive.out("empty");
    fs::create_dir(&empty).unwrap();
    archive
        .run("run", &["--prompts", empty.to_str().unwrap()])
        .fails(3, &["expected the folder of an earlier batch"]);
    assert!(!archive.out("run").exists());
    let thesis = archive.out("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("thesis.tex"), "").unwrap();
    archive.run("thesis", &[]).fails(3, &["an empty folder, or that of a batch", "thesis.tex"]);
}

#[test]
fn help_has_examples() {
    let help = run("uniultra-tools", ["batch", "--help"]);
    help.succeeds();
    for words in ["Examples:", "--shard 3/8", "merge part-*", "points", "exit code is then 11"] {
        assert!(help.stdout.contains(words), "{words}");
    }
}
