use super::*;
use proptest::prelude::*;

const GOOD: &str = r#"
schema_version = 1
id = "some-board"
name = "Some Board"
tier = "emulated"
target = "aarch64-unknown-linux-gnu"
glibc_floor = "2.36"

[[cores]]
kind = "cortex-a55"
count = 4
mhz_max = 1800
big = false

[[cores]]
kind = "cortex-a76"
count = 2
mhz_max = 2400
big = true

[cpu]
required_features = ["neon", "dotprod"]

[memory]
limit_mib = 128
bandwidth_gb_s = 17.1

[run]
threads = 2
pin = "big"
image_size_px = 512
precision = "int8"

[budget]
encode_ms = 300
click_ms = 60
watchdog_ms = 2000
rss_mib = 64

[[sources]]
what = "cores"
where = "Some data sheet"
[[sources]]
what = "memory"
where = "Some data sheet"
[[sources]]
what = "glibc_floor"
where = "Some distribution"
[[sources]]
what = "tier"
where = "some command"
[[sources]]
what = "budget"
where = "our choice"
"#;

/// The message for the good profile with one thing replaced.
fn problem(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Board::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_good_profile_parses_and_survives_writing() {
    let board = Board::parse(GOOD).unwrap();
    assert_eq!((board.cpu_count(), board.pins()), (6, vec![4, 5]));
    assert_eq!(board.cores_of(3).unwrap().kind, "cortex-a55");
    assert_eq!(board.cores_of(4).unwrap().kind, "cortex-a76");
    assert!(board.cores_of(6).is_none());
    assert_eq!((board.tier.name(), board.target.arch()), ("emulated", "aarch64"));
    assert_eq!(Board::parse(&board.to_toml().unwrap()).unwrap(), board);
    let listed = Board::parse(&GOOD.replace("\"big\"", "[5, 0]")).unwrap();
    assert_eq!(listed.pins(), [5, 0]);
    assert_eq!(Board::parse(&listed.to_toml().unwrap()).unwrap(), listed);
    assert_eq!(Board::parse(&GOOD.replace("\"big\"", "[]")).unwrap().pins(), [] as [usize; 0]);
}

#[test]
fn each_value_has_its_range() {
    for (from, to, words) in [
        ("schema_version = 1", "schema_version = 2", ["schema_version", "expected 1, found 2"]),
        ("some-board", "Some Board", ["`id`", "`Some Board`"]),
        ("\"Some Board\"", "\" \"", ["`name`", "one line"]),
        ("\"emulated\"", "\"measured\"", ["`tier`", "only for the id `host`"]),
        ("\"emulated\"", "\"tested\"", ["unknown variant `tested`", "`booted`"]),
        ("aarch64-unknown-linux-gnu", "riscv64-unknown-linux-gnu", ["riscv64", "x86_64"]),
        ("2.36", "two", ["`glibc_floor`", "`two`"]),
        ("cortex-a55", "", ["`cores[0].kind`", "1 to 32"]),
        ("count = 4", "count = 0", ["`cores[0].count`", "found 0"]),
        ("mhz_max = 2400", "mhz_max = 24", ["`cores[1].mhz_max`", "found 24"]),
        ("\"neon\", ", "\"asimd\", ", ["`cpu.required_features`", "`asimd`"]),
        ("\"neon\", ", "\"dotprod\", ", ["`cpu.required_features`", "`dotprod` twice"]),
        ("limit_mib = 128", "limit_mib = 1", ["`memory.limit_mib`", "found 1"]),
        ("17.1", "nan", ["`memory.bandwidth_gb_s`", "found NaN"]),
        ("threads = 2", "threads = 5", ["`run.threads`", "1 to 4"]),
        ("\"big\"", "\"all\"", ["pin", "`big` or a list of CPU numbers"]),
        ("512", "500", ["`run.image_size_px`", "found 500"]),
        ("\"int8\"", "\"int4\"", ["int4", "`int8`"]),
        ("click_ms = 60", "click_ms = 0", ["`budget.click_ms`", "found 0"]),
        ("\"our choice\"", "\"\"", ["`sources[4].where`", "0 bytes"]),
        ("\"our choice\"", "\"our choice\"\nnote = 1", ["unknown field `note`", "`where`"]),
        ("name = \"Some Board\"\n", "", ["missing field `name`", ""]),
    ] {
        let problem = problem(from, to);
        for word in words {
            assert!(problem.contains(word), "{word} in {problem}");
        }
    }
}

#[test]
fn values_may_not_contradict_each_other() {
    for (from, to, words) in [
        ("cortex-a55", "cortex-a53", ["`cpu.required_features`", "features that a cortex-a53 has"]),
        ("big = true", "big = false", ["`run.pin`", "`big = true`"]),
        ("\"big\"", "[0, 6]", ["`run.pin`", "CPUs 0 to 5"]),
        ("\"big\"", "[1, 1]", ["`run.pin`", "1 twice"]),
        ("threads = 2", "threads = 3", ["`run.threads`", "2 CPUs"]),
        ("watchdog_ms = 2000", "watchdog_ms = 359", ["`budget.watchdog_ms`", "360"]),
        ("rss_mib = 64", "rss_mib = 129", ["`budget.rss_mib`", "limit_mib, 128"]),
        ("what = \"budget\"", "what = \"run\"", ["`sources`", "what = `budget`"]),
    ] {
        let problem = problem(from, to);
        for word in words {
            assert!(problem.contains(word), "{word} in {problem}");
        }
    }
}

#[test]
fn a_live_session_skips_frames_unless_the_profile_says_otherwise() {
    let overload = |text: &str| Board::parse(text).unwrap().live.overload;
    assert_eq!(overload(GOOD), Overload::Skip);
    assert_eq!(overload(&format!("{GOOD}[live]\n")), Overload::Skip);
    for (name, expected) in [
        ("skip", Overload::Skip),
        ("lower_rate", Overload::LowerRate),
        ("decode_only", Overload::DecodeOnly),
    ] {
        let text = format!("{GOOD}[live]\noverload = \"{name}\"\n");
        assert_eq!(overload(&text), expected);
        let board = Board::parse(&text).unwrap();
        assert_eq!(Board::parse(&board.to_toml().unwrap()).unwrap(), board);
    }
    for (line, word) in [
        ("overload = \"panic\"", "`lower_rate`"),
        ("overload = 2", "overload"),
        ("policy = \"skip\"", "unknown field `policy`"),
    ] {
        let problem = Board::parse(&format!("{GOOD}[live]\n{line}\n")).unwrap_err().to_string();
        assert!(problem.contains(word), "{word} in {problem}");
    }
}

#[test]
fn the_hash_is_the_file_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some-board.toml");
    let missing = BoardFile::open(&path).unwrap_err().to_string();
    assert!(missing.contains("some-board.toml"), "{missing}");
    std::fs::write(&path, GOOD).unwrap();
    let file = BoardFile::open(&path).unwrap();
    assert_eq!(file.sha256, crate::sha256_hex(GOOD.as_bytes()));
    let other = BoardFile::from_bytes(format!("{GOOD}# more\n").as_bytes()).unwrap();
    assert!(other.board == file.board && other.sha256 != file.sha256);
    for (bytes, word) in [(vec![0xff; 9], "UTF-8"), (vec![b'#'; 70_000], "65536 bytes")] {
        let problem = BoardFile::from_bytes(&bytes).unwrap_err().to_string();
        assert!(problem.contains(word), "{problem}");
    }
}

proptest! {
    #[test]
    fn hostile_profiles_are_errors_or_stable(at in 0..GOOD.len(), cut in 0_usize..40, bytes in "\\PC{0,12}|[0-9e.-]{1,20}") {
        let start = at;
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{bytes}{}", &GOOD[..start], &GOOD[end..]);
        if let Ok(board) = Board::parse(&text) {
            prop_assert!(board.run.threads <= board.cpu_count());
            prop_assert!(board.pins().iter().all(|&cpu| board.cores_of(cpu).is_some()));
            let written = board.to_toml().unwrap();
            prop_assert_eq!(Board::parse(&written).unwrap(), board);
        }
    }
}
