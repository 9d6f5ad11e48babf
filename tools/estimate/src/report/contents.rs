//! What the report says to people.

use super::Report;
use crate::calibrated::FittedCore;
use crate::{Checked, CoreKind, PhaseEstimate, PhaseWork, Place, Range, Setting, Validation};
use uniultra_report::number::{fixed, short_hash};
use uniultra_report::{Document, Table, Text};

/// The report as a document, which is also what the command prints.
#[must_use]
pub fn document(report: &Report) -> Document {
    let (board, model) = (&report.board, &report.model);
    let title = Text::from("ESTIMATE, not a measurement: ").code(&model.id);
    let mut document = Document::new(title.plain(format!(" on {}", board.name)));
    document.list(setting(report));
    document.table(budgets(report));
    document.paragraph(
        "held: the whole range is within the limit; open: the limit is inside the range. \
         watchdog_ms is from a frame's pixels to its first mask.",
    );
    document.table(phases(report));
    for (what, work) in [("encode", &report.work.encode), ("click", &report.work.click)] {
        document.table(operations(what, work));
    }
    document.table(assumptions(report));
    if let Some(validation) = &report.validation {
        add_validation(&mut document, validation);
    }
    document
}

fn setting(report: &Report) -> Vec<String> {
    let (board, model, estimate) = (&report.board, &report.model, &report.estimate);
    let hash = short_hash(&board.sha256);
    let misfits = report.misfits.iter();
    let misfits = misfits.map(|misfit| format!("not what the profile asks for: {misfit}"));
    let setting = &estimate.setting;
    let place = |place: &Place| format!("{} at {} MHz", place.core.kind, place.mhz_max);
    let cores = match (place(&setting.fastest), place(&setting.slowest)) {
        (fastest, slowest) if fastest == slowest => fastest,
        (fastest, slowest) => format!("{slowest} to {fastest}"),
    };
    let [date, emulator] = &report.counted;
    let mut lines = vec![
        format!("board: {} (tier {}, profile {hash})", board.id, board.tier),
        format!(
            "model: {} {}, {}, {} px",
            model.id, model.version, model.precision, model.image_size
        ),
    ];
    lines.extend(misfits);
    lines.push(format!("cores: {cores}, threads: {}", setting.threads));
    lines.push(format!("basis: {} (counts of {date}, {emulator})", estimate.basis));
    lines.push(calibrated(report));
    lines
}

/// What the width of the range comes from.
fn calibrated(report: &Report) -> String {
    let Some(by) = &report.estimate.calibrated else {
        let Setting { fastest, slowest, .. } = &report.estimate.setting;
        let kinds = [fastest.core.kind, slowest.core.kind];
        return if kinds.iter().all(|kind| report.measured_cores.iter().any(|core| core == kind)) {
            "not calibrated: no misses of caches were counted for this model".to_string()
        } else {
            format!(
                "not calibrated: expected a core that was measured ({}), found {}; the range is what is assumed of it",
                report.measured_cores.join(", "),
                slowest.core.kind
            )
        };
    };
    let core = |core: &FittedCore| {
        format!(
            "{}, {} runs of other networks measured on {}; 90 % of them within {:.2} times of a prediction that did \
             not know them",
            core.core,
            core.pairs,
            core.boards.join(" and "),
            core.factor
        )
    };
    let misses = format!("misses of the caches of {}", by.misses_of);
    if by.fastest == by.slowest {
        format!("calibrated: {}; {misses}", core(&by.slowest))
    } else {
        format!("calibrated: {}; {}; {misses}", core(&by.slowest), core(&by.fastest))
    }
}

fn budgets(report: &Report) -> Table {
    let mut table = Table::new(1, ["budget", "limit", "estimate", ""]).words_in(3);
    for line in &report.budgets {
        let range = line.estimate.map_or_else(|| "unknown".to_string(), one_digit);
        let name = line.name.to_string();
        table.row([name, line.limit.to_string(), range, line.verdict.to_string()]);
    }
    table
}

fn phases(report: &Report) -> Table {
    let mut table = Table::new(
        1,
        [
            "",
            "instructions",
            "MMAC f32",
            "MMAC int8",
            "MB moved",
            "floor ms",
            "compute ms",
            "memory ms",
            "estimate ms",
        ],
    );
    let mut row = |what: &str, work: &PhaseWork, phase: &PhaseEstimate| {
        let instructions = phase.instructions.map_or_else(|| "unknown".to_string(), millions);
        let ranges = [phase.compute_ms, phase.memory_ms, phase.ms].map(one_digit);
        let head = [what.to_string(), instructions].into_iter();
        let floor_ms = fixed(phase.floor_ms, 1);
        table.row(head.chain(amounts(work, 1)).chain([floor_ms]).chain(ranges));
    };
    row("encode", &report.work.encode, &report.estimate.encode);
    row("click", &report.work.click, &report.estimate.click);
    table
}

/// Millions of products in f32 and in int8, and megabytes.
fn amounts(work: &PhaseWork, decimals: usize) -> [String; 3] {
    [work.real_macs, work.integer_macs, work.bytes].map(|n| fixed(n as f64 / 1e6, decimals))
}

fn operations(what: &str, work: &PhaseWork) -> Table {
    let first = format!("operations of one {what}");
    let heads = [first.as_str(), "count", "MMAC f32", "MMAC int8", "MB moved"];
    let mut table = Table::new(1, heads);
    for kind in &work.kinds {
        let amounts = [kind.real_macs, kind.integer_macs, kind.bytes];
        let amounts = amounts.map(|n| fixed(n as f64 / 1e6, 2));
        table.row([kind.kind.clone(), kind.count.to_string()].into_iter().chain(amounts));
    }
    table
}

fn assumptions(report: &Report) -> Table {
    let setting = &report.estimate.setting;
    let mut table = Table::new(1, ["assumption", "value", "from"]).words_in(2);
    let by = report.estimate.calibrated.as_ref();
    add_core(&mut table, setting.slowest.core, by.map(|by| &by.slowest));
    if setting.fastest.core != setting.slowest.core {
        add_core(&mut table, setting.fastest.core, by.map(|by| &by.fastest));
    }
    let gb_s = fixed(setting.bandwidth_gb_s, 1);
    table.row(["memory, theoretical peak, GB/s", gb_s.as_str(), "the board's profile"]);
    for (name, range) in report.assumptions.each() {
        let range = format!("{} to {}", range.low, range.high);
        table.row([name, range.as_str(), "ours"]);
    }
    table
}

fn add_core(table: &mut Table, core: &CoreKind, fitted: Option<&FittedCore>) {
    let CoreKind { kind, width, source, integer_path, .. } = core;
    let order = if core.in_order { "in order" } else { "out of order" };
    let mut row = |what: String, value: String, from: &str| {
        table.row([format!("{kind}: {what}"), value, from.to_string()]);
    };
    row(format!("instructions a cycle at most, {order}"), width.to_string(), source);
    match fitted {
        Some(FittedCore { constants, factor, .. }) => {
            let from = "fitted to boards: estimate --calibration";
            let mut fitted = |what: &str, value| row(what.to_string(), fixed(value, 2), from);
            fitted("cycles an instruction", constants.cycles_per_instruction);
            fitted("cycles a miss of the first cache", constants.cycles_per_first_miss);
            fitted("ns a miss of the second cache", constants.ns_per_second_miss);
            fitted("factor below and above", *factor);
        }
        None => {
            let Range { low, high } = core.sustained_ipc;
            row("instructions a cycle kept up".to_string(), format!("{low} to {high}"), "ours");
        }
    }
    let lanes = "vector pipes times lanes";
    row("f32 products a cycle at most".to_string(), core.real_macs_per_cycle.to_string(), lanes);
    let integer = fixed(core.integer_macs_per_cycle, 1);
    let path = format!("vector pipes times {integer_path}");
    row("int8 products a cycle at most".to_string(), integer, &path);
}

fn add_validation(document: &mut Document, validation: &Validation) {
    let Validation { cpu, cpu_features, runs, .. } = validation;
    document.section("Estimate against measurement, on this machine");
    document.list([format!("{cpu}: {}; {runs} runs", cpu_features.join(" "))]);
    let heads = ["", "estimate ms", "measured p50", "p90", "error", "p50 / middle"];
    let mut table = Table::new(1, heads);
    let mut row = |what: &str, checked: &Checked| {
        let Checked { estimate_ms, measured_ms, error, over_middle } = checked;
        let error = if *error == 0.0 {
            "none: inside".to_string()
        } else {
            format!("{:+.0} %", error * 100.0)
        };
        let [p50, p90] = [measured_ms.p50, measured_ms.p90].map(|ms| fixed(ms, 1));
        let range = one_digit(*estimate_ms);
        table.row([what.to_string(), range, p50, p90, error, fixed(*over_middle, 2)]);
    };
    row("encode", &validation.encode);
    row("click", &validation.click);
    document.table(table);
}

fn one_digit(range: Range) -> String {
    format!("{:.1} to {:.1}", range.low, range.high)
}

fn millions(range: Range) -> String {
    let [low, high] = [range.low, range.high].map(|count| format!("{:.1} M", count / 1e6));
    if low == high { low } else { format!("{low} to {high}") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;
    use uniultra_schema::Quantiles;

    #[test]
    fn an_estimate_is_called_one_and_names_its_assumptions() {
        let text = document(&report("am62x")).to_markdown();
        assert!(text.starts_with("# ESTIMATE, not a measurement: `m` on TI AM62x"), "{text}");
        for words in [
            "- cores: cortex-a53 at 1400 MHz, threads: 4",
            "- basis: instructions counted for cortex-a53 (counts of 2026-11-28, an emulator)",
            "| encode_ms | 1500 |",
            "| encode | 3000.0 M | 800.0 | 1600.0 | 200.0 |",
            "| cortex-a53: instructions a cycle kept up | 0.6 to 1.4 | ours |",
            "- not calibrated: expected a core that was measured (cortex-a72), found cortex-a53; the range",
            "Technical Reference Manual",
            "| memory, theoretical peak, GB/s | 3.2 |",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("against measurement"));
    }

    #[test]
    fn an_error_has_its_sign() {
        let mut report = report("host");
        let range = Range::new(10.0, 40.0);
        let checked = |p50, error| {
            let measured_ms = Quantiles { p50, ..Quantiles::default() };
            Checked { estimate_ms: range, measured_ms, error, over_middle: 1.0 }
        };
        report.validation = Some(Validation {
            cpu: "Some CPU".to_string(),
            cpu_features: vec!["avx2"],
            runs: 3,
            encode: checked(20.0, 0.0),
            click: checked(5.0, -0.5),
        });
        let text = document(&report).to_markdown();
        assert!(text.contains("| encode | 10.0 to 40.0 | 20.0 | 0.0 | none: inside | 1.00 |"));
        assert!(text.contains("| -50 % |"), "{text}");
    }
}
