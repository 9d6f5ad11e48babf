use super::fit::tests::{exact, pair};
use super::*;

fn calibration(pairs: Vec<Pair>) -> Calibration {
    Calibration::new(Pairs { pairs, counted: Default::default(), sources: Vec::new() })
}

fn constants() -> Constants {
    Constants { cycles_per_instruction: 0.9, cycles_per_first_miss: 12.0, ns_per_second_miss: 9.0 }
}

#[test]
fn what_is_exact_is_predicted_exactly_without_being_known() {
    let found = calibration(exact(&constants()));
    let fit = found.of("cortex-a53").unwrap();
    assert_eq!((fit.boards.len(), fit.pairs.len()), (1, 5));
    assert!((fit.factor - 1.0).abs() < 1e-6, "{}", fit.factor);
    for predicted in &fit.pairs {
        assert!((predicted.without_network_ms / predicted.pair.measured_ms - 1.0).abs() < 1e-6);
        assert_eq!((predicted.without_board_ms, predicted.without_arithmetic_ms), (None, None));
    }
    assert!(found.of("cortex-a72").is_none());
}

#[test]
fn a_network_is_left_out_on_every_board_and_a_board_with_every_network() {
    let mut pairs = exact(&constants());
    let mut slow = pairs.clone();
    for pair in &mut slow {
        pair.board = "slow".to_string();
        pair.measured_ms *= 2.0;
    }
    pairs.extend(slow);
    let found = calibration(pairs);
    let fit = &found.cores[0];
    assert_eq!(fit.boards, ["b", "slow"]);
    for predicted in &fit.pairs {
        // All that is known of the other board is twice, or half, of what this one takes.
        let ratio = predicted.without_board_ms.unwrap() / predicted.pair.measured_ms;
        let expected = if predicted.pair.board == "slow" { 0.5 } else { 2.0 };
        assert!((ratio - expected).abs() < 1e-6, "{predicted:?}");
        assert!((predicted.off() - 2.0).abs() < 1e-6, "{predicted:?}");
        // The twin on the other board does not tell either.
        let network = predicted.without_network_ms / predicted.pair.measured_ms;
        assert!((0.5..2.0).contains(&network), "{predicted:?}");
    }
    assert!((fit.factor - 2.0).abs() < 1e-6);
}

#[test]
fn an_arithmetic_is_left_out_as_a_whole() {
    let mut pairs = exact(&constants());
    let mut bytes = pairs.clone();
    for pair in &mut bytes {
        pair.network += "_int8";
        pair.measured_ms *= 1.5;
    }
    pairs.extend(bytes);
    for predicted in &calibration(pairs).cores[0].pairs {
        let ratio = predicted.without_arithmetic_ms.unwrap() / predicted.pair.measured_ms;
        let expected = if predicted.pair.is_int8() { 1.0 / 1.5 } else { 1.5 };
        assert!((ratio - expected).abs() < 1e-6, "{predicted:?}");
    }
}

#[test]
fn one_pair_that_fits_no_other_widens_the_range_only_by_its_share() {
    let mut pairs: Vec<Pair> =
        (1..=20).map(|n| pair(&format!("n{n}"), n * 1_000_000, [n * 1000, 0], n as f64)).collect();
    pairs[19].measured_ms = 60.0;
    let fit = &calibration(pairs).cores[0];
    let largest = fit.pairs.iter().map(Predicted::off).fold(1.0, f64::max);
    assert!(fit.factor < 1.3 && largest > 2.5, "{} {largest}", fit.factor);
}

#[test]
fn too_few_pairs_are_no_calibration() {
    let pairs = exact(&constants());
    assert!(calibration(pairs[..3].to_vec()).cores.is_empty());
    assert_eq!(calibration(pairs[..4].to_vec()).cores.len(), 1);
}

/// What `uniultra-tools estimate --calibration` printed when the pairs were recorded.
const RECORDED: [(&str, usize, [f64; 3], f64); 3] = [
    ("cortex-a53", 24, [1.157, 23.77, 0.0], 1.595),
    ("cortex-a72", 24, [0.535, 14.42, 5.41], 1.386),
    ("cortex-a76", 12, [0.816, 2.80, 6.36], 1.249),
];

#[test]
fn the_shipped_pairs_give_the_recorded_constants_and_errors() {
    let found = Calibration::shipped().unwrap();
    assert_eq!(found.cores.len(), RECORDED.len());
    for (core, pairs, [instruction, first, second], factor) in RECORDED {
        let fit = found.of(core).unwrap();
        let Constants { cycles_per_instruction, cycles_per_first_miss, ns_per_second_miss } =
            fit.constants;
        assert_eq!(fit.pairs.len(), pairs, "{core}");
        assert!((cycles_per_instruction - instruction).abs() < 0.005, "{core}: {fit:?}");
        assert!((cycles_per_first_miss - first).abs() < 0.05, "{core}: {fit:?}");
        assert!((ns_per_second_miss - second).abs() < 0.05, "{core}: {fit:?}");
        assert!((fit.factor - factor).abs() < 0.01, "{core}: {}", fit.factor);
    }
}

#[test]
fn ranges_hold_their_share_of_the_shipped_pairs() {
    let found = Calibration::shipped().unwrap();
    let mut boards = BTreeSet::new();
    for fit in &found.cores {
        assert!(fit.pairs.len() >= 8, "{}: {} pairs", fit.core, fit.pairs.len());
        boards.extend(fit.boards.iter().cloned());
        let inside = fit.pairs.iter().filter(|predicted| {
            let measured_ms = predicted.pair.measured_ms;
            predicted.predictions_ms().all(|ms| {
                // A hair of rounding on the pair that sets the width.
                let factor = fit.factor * (1.0 + 1e-9);
                (ms / factor..=ms * factor).contains(&measured_ms)
            })
        });
        let (inside, all) = (inside.count(), fit.pairs.len());
        assert!(inside as f64 >= SHARE * all as f64, "{}: {inside} of {all}", fit.core);
        // Not by being so wide that they say nothing.
        assert!(fit.factor < 2.0, "{}: {}", fit.core, fit.factor);
    }
    assert!(boards.len() >= 4, "{boards:?}");
}

#[test]
fn the_table_has_every_pair_and_says_where_it_is_from() {
    let found = Calibration::shipped().unwrap();
    let text = calibration_document(&found).to_markdown();
    for fit in &found.cores {
        assert!(text.contains(&format!("## {}", fit.core)), "{text}");
        for Predicted { pair, .. } in &fit.pairs {
            assert!(text.contains(&format!("| {} | {} |", pair.network, pair.board)), "{pair:?}");
        }
    }
    assert!(text.contains("benchmark/README.md") && text.contains("ncnn 1.0."), "{text}");
}

#[test]
fn files_that_are_others_are_refused_with_the_reason() {
    let measured = "schema_version = 1\n[[boards]]\nid = \"b\"\nname = \"B\"\ncore = \"c\"\nmhz = 1000\n\
                    section = \"s\"\ncommand = \"x\"\n[boards.measured_ms]\nnet = 2.0\n";
    let counted = r#"{"kind": "uniultra-classics", "version": 1, "date": "d", "emulator": "e", "engine": "n",
        "setting": "s", "counts": [{"core": "c", "network": "net", "instructions": 3, "classes": [1, 2],
        "misses": [1, 1], "memory_bytes": 64}]}"#;
    let found = Pairs::parse(measured, counted).unwrap();
    assert_eq!((found.pairs.len(), found.pairs[0].measured_ms), (1, 2.0));
    let refused =
        |measured: &str, counted: &str| Pairs::parse(measured, counted).unwrap_err().to_string();
    for (old, new, expected) in [
        ("schema_version = 1", "schema_version = 2", "expected version 1, found 2"),
        ("net = 2.0", "net = -2.0", "expected a time above 0"),
        ("mhz", "ghz", "unknown field `ghz`"),
    ] {
        let why = refused(&measured.replace(old, new), counted);
        assert!(why.contains("measured.toml") && why.contains(expected), "{why}");
    }
    for (old, new, expected) in [
        ("uniultra-classics", "other", "found other 1"),
        ("[1, 2]", "[1, 3]", "classes that sum up"),
        ("misses", "hits", "unknown field `hits`"),
    ] {
        let why = refused(measured, &counted.replace(old, new));
        assert!(why.contains("classics.json") && why.contains(expected), "{why}");
    }
}
