//! The report as Markdown, which is also what the command prints.

use super::Report;
use crate::{Checked, CoreKind, PhaseEstimate, PhaseWork, Place, Range, Validation};
use std::fmt::{Result, Write};
use uniultra_evaluate::markdown_cell;

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, report);
    text
}

fn write_all(text: &mut String, report: &Report) -> Result {
    let (board, model) = (&report.board, &report.model);
    writeln!(text, "# ESTIMATE, not a measurement: `{}` on {}\n", model.id, board.name)?;
    setting(text, report)?;
    budgets(text, report)?;
    phases(text, report)?;
    for (what, work) in [("encode", &report.work.encode), ("click", &report.work.click)] {
        operations(text, what, work)?;
    }
    assumptions(text, report)?;
    match &report.validation {
        Some(validation) => validated(text, validation),
        None => Ok(()),
    }
}

fn setting(text: &mut String, report: &Report) -> Result {
    let (board, model, estimate) = (&report.board, &report.model, &report.estimate);
    let hash: String = board.sha256.as_str().chars().take(12).collect();
    writeln!(text, "- board: {} (tier {}, profile {hash})", board.id, board.tier)?;
    writeln!(
        text,
        "- model: {} {}, {}, {} px",
        model.id, model.version, model.precision, model.image_size_px
    )?;
    for misfit in &report.misfits {
        writeln!(text, "- not what the profile asks for: {misfit}")?;
    }
    let setting = &estimate.setting;
    let place = |place: &Place| format!("{} at {} MHz", place.core.kind, place.mhz_max);
    let cores = match (place(&setting.fastest), place(&setting.slowest)) {
        (fastest, slowest) if fastest == slowest => fastest,
        (fastest, slowest) => format!("{slowest} to {fastest}"),
    };
    writeln!(text, "- cores: {cores}, threads: {}", setting.threads)?;
    let [date, emulator] = &report.counted;
    writeln!(text, "- basis: {} (counts of {date}, {emulator})", estimate.basis)
}

fn budgets(text: &mut String, report: &Report) -> Result {
    writeln!(text, "\n| budget | limit | estimate | |\n| --- | ---: | ---: | --- |")?;
    for line in &report.budgets {
        let range = line.estimate.map_or_else(|| "unknown".to_string(), one_digit);
        writeln!(text, "| {} | {} | {range} | {} |", line.name, line.limit, line.verdict)?;
    }
    writeln!(
        text,
        "\nheld: the whole range is within the limit; open: the limit is inside the range. \
         watchdog_ms is from a frame's pixels to its first mask."
    )
}

fn phases(text: &mut String, report: &Report) -> Result {
    writeln!(
        text,
        "\n| | instructions | MMAC f32 | MMAC int8 | MB moved | floor ms | compute ms | memory ms | \
         estimate ms |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    let mut row = |what: &str, work: &PhaseWork, phase: &PhaseEstimate| {
        let instructions = phase.instructions.map_or_else(|| "unknown".to_string(), millions);
        writeln!(
            text,
            "| {what} | {instructions} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} | {} |",
            work.real_macs as f64 / 1e6,
            work.integer_macs as f64 / 1e6,
            work.bytes as f64 / 1e6,
            phase.floor_ms,
            one_digit(phase.compute_ms),
            one_digit(phase.memory_ms),
            one_digit(phase.ms)
        )
    };
    row("encode", &report.work.encode, &report.estimate.encode)?;
    row("click", &report.work.click, &report.estimate.click)
}

fn operations(text: &mut String, what: &str, work: &PhaseWork) -> Result {
    writeln!(
        text,
        "\n| operations of one {what} | count | MMAC f32 | MMAC int8 | MB moved |\n\
         | --- | ---: | ---: | ---: | ---: |"
    )?;
    for kind in &work.kinds {
        writeln!(
            text,
            "| {} | {} | {:.2} | {:.2} | {:.2} |",
            markdown_cell(&kind.kind),
            kind.count,
            kind.real_macs as f64 / 1e6,
            kind.integer_macs as f64 / 1e6,
            kind.bytes as f64 / 1e6
        )?;
    }
    Ok(())
}

fn assumptions(text: &mut String, report: &Report) -> Result {
    let setting = &report.estimate.setting;
    writeln!(text, "\n| assumption | value | from |\n| --- | ---: | --- |")?;
    core(text, setting.slowest.core)?;
    if setting.fastest.core != setting.slowest.core {
        core(text, setting.fastest.core)?;
    }
    let gb_s = setting.bandwidth_gb_s;
    writeln!(text, "| memory, theoretical peak, GB/s | {gb_s:.1} | the board's profile |")?;
    for (name, range) in report.assumptions.each() {
        writeln!(text, "| {name} | {} to {} | ours |", range.low, range.high)?;
    }
    Ok(())
}

fn core(text: &mut String, core: &CoreKind) -> Result {
    let CoreKind { kind, width, source, integer_path, .. } = core;
    let order = if core.in_order { "in order" } else { "out of order" };
    writeln!(text, "| {kind}: instructions a cycle at most, {order} | {width} | {source} |")?;
    let Range { low, high } = core.sustained_ipc;
    writeln!(text, "| {kind}: instructions a cycle kept up | {low} to {high} | ours |")?;
    let (real, integer) = (core.real_macs_per_cycle, core.integer_macs_per_cycle);
    writeln!(text, "| {kind}: f32 products a cycle at most | {real} | vector pipes times lanes |")?;
    writeln!(
        text,
        "| {kind}: int8 products a cycle at most | {integer:.1} | vector pipes times {integer_path} |"
    )
}

fn validated(text: &mut String, validation: &Validation) -> Result {
    let Validation { cpu, cpu_features, runs, .. } = validation;
    writeln!(text, "\n## Estimate against measurement, on this machine\n")?;
    writeln!(text, "- {cpu}: {}; {runs} runs\n", cpu_features.join(" "))?;
    writeln!(text, "| | estimate ms | measured p50 | p90 | error | p50 / middle |")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    let mut row = |what: &str, checked: &Checked| {
        let Checked { estimate_ms, measured_ms, error, over_middle } = checked;
        let error = if *error == 0.0 {
            "none: inside".to_string()
        } else {
            format!("{:+.0} %", error * 100.0)
        };
        writeln!(
            text,
            "| {what} | {} | {:.1} | {:.1} | {error} | {over_middle:.2} |",
            one_digit(*estimate_ms),
            measured_ms.p50,
            measured_ms.p90
        )
    };
    row("encode", &validation.encode)?;
    row("click", &validation.click)
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
    use uniultra_core::Quantiles;

    #[test]
    fn an_estimate_is_called_one_and_names_its_assumptions() {
        let text = markdown(&report("am62x"));
        assert!(text.starts_with("# ESTIMATE, not a measurement: `m` on TI AM62x"), "{text}");
        for words in [
            "- cores: cortex-a53 at 1400 MHz, threads: 4",
            "- basis: instructions counted for cortex-a53 (counts of 2026-11-28, an emulator)",
            "| encode_ms | 1500 |",
            "| encode | 3000.0 M | 800.0 | 1600.0 | 200.0 |",
            "| cortex-a53: instructions a cycle kept up | 0.6 to 1.4 | ours |",
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
        let text = markdown(&report);
        assert!(text.contains("| encode | 10.0 to 40.0 | 20.0 | 0.0 | none: inside | 1.00 |"));
        assert!(text.contains("| -50 % |"), "{text}");
    }
}
