//! The report as Markdown, which is also what the command prints.

use super::Report;
use crate::compare::title;
use crate::roof::{Pace, Work};
use crate::{Allocations, Comparison, Group, PlanProfile};
use std::fmt::{Result, Write};
use uniultra_core::Quantiles;
use uniultra_evaluate::markdown_cell;

/// The report as Markdown; `top` operations a plan.
#[must_use]
pub fn markdown(report: &Report, top: usize) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, report, top);
    text
}

fn write_all(text: &mut String, report: &Report, top: usize) -> Result {
    let profile = &report.profile;
    writeln!(text, "# Profile of `{}`\n", profile.model.id)?;
    setting(text, report)?;
    writeln!(text, "\n| ms | p50 | p90 | p99 | max |\n| --- | ---: | ---: | ---: | ---: |")?;
    let mut row = |name: &str, ms: &Quantiles| {
        let Quantiles { p50, p90, p99, max } = ms;
        writeln!(text, "| {name} | {p50:.3} | {p90:.3} | {p99:.3} | {max:.3} |")
    };
    row("preprocess", &profile.preprocess_ms)?;
    row("frame: all plans", &profile.frame_ms)?;
    row("click: all plans", &profile.click_ms)?;
    for plan in &profile.plans {
        row(&title(plan), &plan.total_ms)?;
    }
    for plan in &profile.plans {
        plan_tables(text, plan, top)?;
    }
    match &report.comparison {
        Some(comparison) => compared(text, comparison),
        None => Ok(()),
    }
}

fn setting(text: &mut String, report: &Report) -> Result {
    let (setting, model, peaks) = (&report.setting, &report.profile.model, &report.peaks);
    let frame = &setting.frame;
    writeln!(
        text,
        "- model: {} {}, {}, {} px",
        model.id, model.version, model.precision, model.image_size_px
    )?;
    writeln!(
        text,
        "- machine: {}, {} ({}); {}, threads: {}",
        setting.cpu,
        setting.arch,
        setting.cpu_features.join(" "),
        setting.engine,
        setting.threads
    )?;
    writeln!(
        text,
        "- {} runs after {} that do not count, on {}, {} x {} px",
        setting.runs,
        setting.warm_up,
        frame.path.as_deref().unwrap_or("a simulated frame"),
        frame.width,
        frame.height
    )?;
    writeln!(
        text,
        "- best seen here with our own linear kernels: {:.1} GFLOP/s in f32 {:?}, {:.1} GOP/s in \
         int8 {:?} (rows, inputs, outputs); memory read at {:.1} GB/s",
        peaks.real.giga_ops_per_s,
        peaks.real.shape,
        peaks.integer.giga_ops_per_s,
        peaks.integer.shape,
        peaks.memory_read_gb_per_s
    )?;
    let of = |what: &str, allocations: Option<Allocations>| {
        allocations.map(|a| format!("{} of {:.2} MiB for a {what}", a.count, mib(a.bytes)))
    };
    let profile = &report.profile;
    let allocations =
        [of("frame", profile.frame_allocations), of("click", profile.click_allocations)];
    if let [Some(frame), Some(click)] = allocations {
        writeln!(text, "- allocations: {frame}, {click}")?;
    }
    if let Some(peak) = report.peak_rss_mib {
        writeln!(text, "- peak memory: {peak:.1} MiB")?;
    }
    Ok(())
}

/// Heads of what is said of work.
const WORK_HEADS: &str = "p50 ms | p90 ms | share | MMAC | MB | Gop/s | GB/s | of roof |";
const WORK_RULE: &str = " ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

fn plan_tables(text: &mut String, plan: &PlanProfile, top: usize) -> Result {
    let all = plan.all.ms.p50;
    writeln!(text, "\n## {}\n", title(plan))?;
    writeln!(
        text,
        "{} operations, {:.3} ms of {:.3} ms; {:.1} MMAC in f32, {:.1} in int8, {:.1} MB moved; the \
         roof is {:.3} ms",
        plan.all.count,
        all,
        plan.total_ms.p50,
        plan.all.work.real_macs as f64 / 1e6,
        plan.all.work.integer_macs as f64 / 1e6,
        plan.all.work.bytes() as f64 / 1e6,
        plan.all.pace.roof_ms
    )?;
    for (what, groups) in
        [("family", &plan.families), ("kind", &plan.kinds), ("block", &plan.blocks)]
    {
        writeln!(text, "\n| {what} | count | {WORK_HEADS}\n| --- | ---: |{WORK_RULE}")?;
        for Group { name, count, ms, work, pace } in groups {
            let name = if name.is_empty() { "(none)" } else { name };
            writeln!(text, "| {} | {count} | {}", markdown_cell(name), cells(all, ms, work, pace))?;
        }
    }
    let mut ops: Vec<_> = plan.ops.iter().collect();
    ops.sort_by(|a, b| b.ms.p50.total_cmp(&a.ms.p50));
    writeln!(text, "\n| slowest operations | kind | {WORK_HEADS}\n| --- | --- |{WORK_RULE}")?;
    for op in ops.iter().take(top) {
        let [name, kind] = [&op.name, &op.op].map(|text| markdown_cell(text));
        writeln!(text, "| {name} | {kind} | {}", cells(all, &op.ms, &op.work, &op.pace))?;
    }
    Ok(())
}

fn cells(all_ms: f64, ms: &Quantiles, work: &Work, pace: &Pace) -> String {
    let share = 100.0 * ms.p50 / all_ms.max(f64::MIN_POSITIVE);
    // Nothing computed or moved has no pace.
    let roof = match pace.roof_share {
        share if share > 0.0 => format!("{:.0} %", share * 100.0),
        _ => String::new(),
    };
    format!(
        "{:.3} | {:.3} | {share:.1} % | {:.2} | {:.2} | {:.1} | {:.1} | {roof} |",
        ms.p50,
        ms.p90,
        work.macs() as f64 / 1e6,
        work.bytes() as f64 / 1e6,
        pace.giga_ops_per_s,
        pace.gb_per_s
    )
}

fn compared(text: &mut String, comparison: &Comparison) -> Result {
    let other = &comparison.other;
    writeln!(text, "\n## A, this profile, next to B\n")?;
    writeln!(text, "- B: {} {}, {}", other.model.id, other.model.version, other.path)?;
    if comparison.interleaved {
        writeln!(text, "- measured by turns, A B A B")?;
    } else {
        let setting = &other.setting;
        writeln!(
            text,
            "- NOT interleaved: B is from a report ({}, threads: {}, {} runs), and the machine may \
             have been slower or faster then",
            setting.cpu, setting.threads, setting.runs
        )?;
    }
    writeln!(text, "\n| | plan | name | A ms | B ms | A / B |")?;
    writeln!(text, "| --- | --- | --- | ---: | ---: | ---: |")?;
    let number = |ms: Option<f64>| ms.map(|ms| format!("{ms:.3}")).unwrap_or_default();
    for line in &comparison.lines {
        let name = if line.name.is_empty() { "(none)" } else { &line.name };
        let ratio = line.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let (a, b) = (number(line.a_ms), number(line.b_ms));
        let name = markdown_cell(name);
        writeln!(text, "| {} | {} | {name} | {a} | {b} | {ratio} |", line.what, line.plan)?;
    }
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report, setting};
    use super::*;
    use crate::Other;

    #[test]
    fn the_slowest_operations_come_first_and_no_more_than_asked_for() {
        let text = markdown(&report(), 2);
        let after = text.split("slowest operations").nth(1).unwrap();
        let rows: Vec<_> = after.lines().skip(2).collect();
        assert_eq!(rows.len(), 2, "{after}");
        assert!(rows[0].starts_with("| blocks.0/attn/proj/Add | uniultra.Linear | 4.000 |"));
        assert!(rows[0].ends_with("| 57.1 % | 4.00 | 0.01 | 2.0 | 0.0 | 2 % |"), "{}", rows[0]);
        assert!(
            text.contains("- allocations: 5 of 1.00 MiB for a frame, 0 of 0.00 MiB for a click")
        );
        assert!(!text.contains("next to B"));
    }

    #[test]
    fn a_report_of_another_time_is_called_one() {
        let mut report = report();
        let model = report.profile.model.clone();
        let other = Other { path: "old.json".to_string(), model, setting: setting() };
        let profiles = [&report.profile, &report.profile];
        for (interleaved, word) in [(true, "A B A B"), (false, "NOT interleaved")] {
            report.comparison = Some(Comparison::new(profiles, other.clone(), interleaved));
            let text = markdown(&report.clone(), 1);
            assert!(
                text.contains(word) && text.contains("| frame: all plans | 8.000 | 8.000 | 1.00 |")
            );
        }
    }
}
