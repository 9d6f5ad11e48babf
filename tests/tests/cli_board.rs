//! `uniultra --board FILE`: settings, refusals and reports.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use uniultra_engine::allowed_cpus;
use uniultra_manifest::sha256_hex;
use uniultra_tests::cli::{Run, root, run, sample_frame};
use uniultra_tests::sample::POINT;

/// A profile of the machine that the tests run on.
struct Profile {
    folder: TempDir,
    text: String,
}

const TARGET: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

/// Budgets that every machine holds, however busy. Memory does not matter here.
const PATIENT: [(&str, &str); 4] = [
    ("encode_ms = 400", "encode_ms = 20000"),
    ("click_ms = 120", "click_ms = 20000"),
    ("watchdog_ms = 2000", "watchdog_ms = 60000"),
    ("limit_mib = 256", "limit_mib = 4096"),
];

/// Budgets that no machine holds.
const HASTY: [(&str, &str); 3] = [
    ("encode_ms = 20000", "encode_ms = 1"),
    ("click_ms = 20000", "click_ms = 1"),
    ("watchdog_ms = 60000", "watchdog_ms = 2"),
];

impl Profile {
    fn new() -> Self {
        let text = fs::read_to_string(root().join("boards/host.toml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let host = Self { folder, text }.with(&PATIENT).with(&[("rss_mib = 80", "rss_mib = 512")]);
        if cfg!(target_arch = "aarch64") {
            let triple = ("x86_64-unknown-linux-gnu", TARGET);
            return host.with(&[triple, ("\"avx2\", \"fma\"", "\"neon\"")]);
        }
        host
    }

    fn with(mut self, changes: &[(&str, &str)]) -> Self {
        for (from, to) in changes {
            assert!(self.text.contains(from), "{from} in {}", self.text);
            self.text = self.text.replacen(from, to, 1);
        }
        self
    }

    fn path(&self) -> PathBuf {
        let path = self.folder.path().join("board.toml");
        fs::write(&path, &self.text).unwrap();
        path
    }

    /// `uniultra ARGS --board PROFILE`.
    fn run(&self, args: &[&str]) -> Run {
        let path = self.path().display().to_string();
        run("uniultra", args.iter().copied().chain(["--board", &path]))
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn segment(tail: &[&str]) -> Vec<String> {
    let frame = sample_frame().display().to_string();
    let line = ["segment", &frame, "--point", POINT, "--json", "-"];
    line.iter().chain(tail).map(ToString::to_string).collect()
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn every_report_names_the_profile_as_it_was_applied() {
    let last = *allowed_cpus().unwrap().last().unwrap();
    let pin = format!("pin = [{last}]");
    let count = format!("count = {}", last + 1);
    let profile = Profile::new().with(&[
        ("pin = []", &pin),
        ("count = 2", &count),
        ("threads = 2", "threads = 1"),
    ]);
    let hash = sha256_hex(&fs::read(profile.path()).unwrap());
    let selftest = ["selftest", "--json", "-"];
    let bench = ["bench", "--runs", "1", "--warm-up", "0", "--json", "-"];
    let (info, segment) = (["info", "--json", "-"], segment(&[]));
    for args in [&selftest[..], &bench[..], &info[..], &refs(&segment)[..]] {
        let report = json(profile.run(args).succeeds());
        let board = &report["board"];
        assert_eq!(board["sha256"], hash.as_str(), "{report}");
        assert_eq!((&board["id"], &board["target"]), (&"host".into(), &TARGET.into()));
        assert_eq!((&board["threads"], &board["pins"][0]), (&1.into(), &last.into()));
        if args[0] != "info" {
            assert_eq!(report["threads"], 1);
        }
    }
    let line = profile.run(&["info"]).succeeds().stdout.clone();
    assert!(line.contains("host (") && line.contains("bound to CPUs"), "{line}");
    // Without a profile the field is there, and says so.
    let report = json(run("uniultra", ["info", "--json", "-"]).succeeds());
    assert!(report.get("board").is_some_and(Value::is_null), "{report}");
}

#[test]
fn pinning_changes_no_bit_and_the_command_line_wins() {
    let free = json(run("uniultra", ["selftest", "--json", "-"]).succeeds());
    let bits = free["logits_sha256"].as_str().unwrap();
    let cpus = allowed_cpus().unwrap();
    let pin = format!("pin = {:?}", &cpus[..cpus.len().min(4)]);
    let count = format!("count = {}", cpus.last().unwrap() + 1);
    let profile = Profile::new().with(&[
        ("pin = []", &pin),
        ("count = 2", &count),
        ("threads = 2", "threads = 1"),
    ]);
    for (tail, threads) in
        [(&[][..], 1), (&["--threads", "2"][..], 2), (&["--threads", "3"][..], 3)]
    {
        let args = [&["selftest", "--expect-logits", bits, "--json", "-"], tail].concat();
        let report = json(profile.run(&args).succeeds());
        assert_eq!(
            (&report["threads"], &report["board"]["threads"]),
            (&threads.into(), &threads.into())
        );
    }
    // The profile's memory limit is the check's, unless another is given.
    let small = Profile::new().with(&[("rss_mib = 512", "rss_mib = 1")]);
    small.run(&["selftest"]).fails(5, &["peak_rss_mib"]);
    small.run(&["selftest", "--max-rss-mib", "4096"]).succeeds();
}

#[test]
fn a_bad_profile_is_bad_input() {
    let segment = segment(&[]);
    for command in [&["info"][..], &["selftest"][..], &["bench"][..], &refs(&segment)[..]] {
        let absent = command.iter().copied().chain(["--board", "absent.toml"]);
        run("uniultra", absent).fails(3, &["absent.toml"]);
    }
    let wrong = Profile::new().with(&[("threads = 2", "threads = 9")]);
    wrong.run(&["info"]).fails(3, &["board.toml", "`run.threads`", "1 to 4", "found 9"]);
    let unknown = Profile::new().with(&[("[cpu]", "[gpu]\nkind = \"none\"\n[cpu]")]);
    unknown.run(&["info"]).fails(3, &["unknown field `gpu`"]);
    let truncated = Profile { text: "schema_version = ".to_string(), ..Profile::new() };
    truncated.run(&["info"]).fails(3, &["board profile"]);
}

#[test]
fn what_machine_or_model_do_not_meet_is_named() {
    let other = if cfg!(target_arch = "aarch64") { "host" } else { "am62x" };
    let path = root().join("boards").join(other).with_extension("toml").display().to_string();
    let other = run("uniultra", ["selftest", "--board", &path]);
    other.fails(7, &["expected a program for", "found one for", std::env::consts::ARCH]);
    let segment = segment(&[]);
    let absent_cpu = [("count = 2", "count = 64"), ("pin = []", "pin = [62, 63]")];
    for (changes, words) in [
        (&absent_cpu[..], ["expected CPUs", "63", "found"]),
        (
            &[("image_size_px = 512", "image_size_px = 1024")][..],
            ["model of 1024 px", "512", "host"],
        ),
        (&[("\"int8\"", "\"f32\"")][..], ["precision f32", "found int8", "host"]),
    ] {
        let profile = Profile::new().with(changes);
        for args in [&["selftest"][..], &["bench", "--runs", "1"][..], &refs(&segment)[..]] {
            profile.run(args).fails(7, &words);
        }
        // The other facts are still printed.
        let info = profile.run(&["info", "--json", "-"]);
        info.fails(7, &words);
        let info = json(&info);
        assert_eq!(info["board"]["fits"], false);
        assert!(info["board"]["misfits"][0].as_str().unwrap().contains(words[0]), "{info}");
    }
    let fits = json(Profile::new().run(&["info", "--json", "-"]).succeeds());
    assert_eq!(
        (&fits["board"]["fits"], &fits["board"]["misfits"]),
        (&true.into(), &Value::Array(vec![]))
    );
}

#[test]
fn a_frame_that_takes_too_long_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.png");
    let tail = ["--out-mask", mask.to_str().unwrap()];
    let late = Profile::new().with(&HASTY).run(&refs(&segment(&tail)));
    late.fails(5, &["watchdog", "within 2 ms"]);
    assert!(late.stdout.is_empty() && !mask.exists(), "{late:?}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "no half-written file is left");
    let done = Profile::new().run(&refs(&segment(&tail)));
    let text = json(done.succeeds())["warnings"].to_string();
    assert!(mask.exists() && !text.contains("over_memory_budget"), "{text}");
}

#[test]
fn memory_beyond_the_budget_is_a_warning_with_the_answer() {
    let small = Profile::new().with(&[("rss_mib = 512", "rss_mib = 1")]);
    let report = json(small.run(&refs(&segment(&[]))).succeeds());
    let codes: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|w| &w["code"]).collect();
    assert!(codes.contains(&&"over_memory_budget".into()), "{codes:?}");
}

#[test]
fn bench_says_whether_budgets_are_held() {
    let args = ["bench", "--runs", "2", "--warm-up", "0", "--json", "-"];
    let held = json(Profile::new().run(&args).succeeds());
    let budgets = &held["budgets"];
    assert_eq!((&budgets["ok"], &budgets["encode_ms"]["limit"]), (&true.into(), &20000.into()));
    assert_eq!(budgets["encode_ms"]["found"], held["encode_ms"]["p90"]);
    assert_eq!(budgets["watchdog_ms"]["found"], held["frame_to_mask_ms"]["max"]);
    let missed = Profile::new().with(&HASTY).run(&args);
    missed.fails(5, &["board host", "encode_ms: expected at most 1", "watchdog_ms"]);
    let missed = json(&missed);
    assert_eq!(missed["budgets"]["ok"], false);
    assert_eq!(missed["budgets"]["rss_mib"]["ok"], true);
    let text = Profile::new().run(&args[..5]).succeeds().stdout.clone();
    assert!(text.contains("budget") && text.contains("held") && !text.contains("MISSED"), "{text}");
}

#[test]
fn bench_goes_on_for_minutes_and_counts_dropped_frames() {
    let args = ["bench", "--runs", "1", "--warm-up", "0", "--minutes", "0.02", "--json", "-"];
    let without = json(run("uniultra", args).succeeds());
    assert!(without["endurance"]["frames_dropped"].is_null() && without["budgets"].is_null());
    // No machine segments a frame in a 240th of a second.
    let with = json(run("uniultra", args.iter().copied().chain(["--fps", "240"])).succeeds());
    for report in [&without, &with] {
        let endurance = &report["endurance"];
        let number = |key: &str| endurance[key].as_f64().unwrap();
        assert!(number("minutes") >= 0.02 && number("frames") >= 1.0, "{endurance}");
        assert!(number("slowest_ms") > 0.0 && number("slowdown") > 0.0, "{endurance}");
        let samples = endurance["samples"].as_array().unwrap();
        assert!((1..=61).contains(&samples.len()), "{}", samples.len());
        let frames: u64 = samples.iter().map(|sample| sample["frames"].as_u64().unwrap()).sum();
        assert_eq!(endurance["frames"], frames);
    }
    let (done, dropped) = (&with["endurance"]["frames"], &with["endurance"]["frames_dropped"]);
    assert!(dropped.as_u64() > done.as_u64(), "{dropped} dropped, {done} done");
}
