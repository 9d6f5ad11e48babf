//! What the report says to people.

use super::Report;
use crate::compare::title;
use crate::roof::{Pace, Work};
use crate::{Comparison, Group, PlanProfile};
use uniultra_report::number::{fixed, fixed_or_empty, percent};
use uniultra_report::{Document, Table, Text};
use uniultra_schema::{Machine, Quantiles};

/// The report as a document, which is also what the command prints; `top` operations a plan.
#[must_use]
pub fn document(report: &Report, top: usize) -> Document {
    let profile = &report.profile;
    let mut document = Document::new(Text::from("Profile of ").code(&profile.model.id));
    document.list(setting(report));
    let stages = [
        ("preprocess".to_string(), &profile.preprocess_ms),
        ("frame: all plans".to_string(), &profile.frame_ms),
        ("click: all plans".to_string(), &profile.click_ms),
    ];
    let plans = profile.plans.iter().map(|plan| (title(plan), &plan.total_ms));
    document.table(quantiles(stages.into_iter().chain(plans), 3));
    for plan in &profile.plans {
        add_plan(&mut document, plan, top);
    }
    if let Some(comparison) = &report.comparison {
        add_comparison(&mut document, comparison);
    }
    document
}

/// A line of quantiles for each thing that was timed.
pub(crate) fn quantiles<'a>(
    lines: impl IntoIterator<Item = (String, &'a Quantiles)>,
    decimals: usize,
) -> Table {
    let mut table = Table::new(1, ["ms", "p50", "p90", "p99", "max"]);
    for (name, Quantiles { p50, p90, p99, max }) in lines {
        let figures = [p50, p90, p99, max].map(|ms| fixed(*ms, decimals));
        table.row(std::iter::once(name).chain(figures));
    }
    table
}

fn setting(report: &Report) -> Vec<String> {
    let (setting, model, peaks) = (&report.setting, &report.profile.model, &report.peaks);
    let frame = &setting.frame;
    let Machine { cpu, arch, cpu_features, .. } = &setting.machine;
    let mut lines = vec![
        format!(
            "model: {} {}, {}, {} px",
            model.id, model.version, model.precision, model.image_size
        ),
        format!(
            "machine: {}, {} ({}); {}, threads: {}",
            cpu,
            arch,
            cpu_features.join(" "),
            setting.engine,
            setting.threads
        ),
        format!(
            "{} runs after {} that do not count, on {}, {} x {} px",
            setting.runs,
            setting.warm_up,
            frame.path.as_deref().unwrap_or("a simulated frame"),
            frame.width,
            frame.height
        ),
        format!(
            "best seen here with our own linear kernels: {:.1} GFLOP/s in f32 {:?}, {:.1} GOP/s in \
             int8 {:?} (rows, inputs, outputs); memory read at {:.1} GB/s",
            peaks.real.giga_ops_per_s,
            peaks.real.shape,
            peaks.integer.giga_ops_per_s,
            peaks.integer.shape,
            peaks.memory_read_gb_per_s
        ),
    ];
    lines.extend(report.peak_rss_mib.map(|peak| format!("peak memory: {peak:.1} MiB")));
    lines
}

/// Heads of what is said of work.
const WORK_HEADS: [&str; 8] =
    ["p50 ms", "p90 ms", "share", "MMAC", "MB", "Gop/s", "GB/s", "of roof"];

fn add_plan(document: &mut Document, plan: &PlanProfile, top: usize) {
    let all = plan.all.ms.p50;
    document.section(title(plan));
    document.paragraph(format!(
        "{} operations, {:.3} ms of {:.3} ms; {:.1} MMAC in f32, {:.1} in int8, {:.1} MB moved; the \
         roof is {:.3} ms",
        plan.all.count,
        all,
        plan.total_ms.p50,
        plan.all.work.real_macs as f64 / 1e6,
        plan.all.work.integer_macs as f64 / 1e6,
        plan.all.work.bytes() as f64 / 1e6,
        plan.all.pace.roof_ms
    ));
    for (what, groups) in
        [("family", &plan.families), ("kind", &plan.kinds), ("block", &plan.blocks)]
    {
        let mut table = Table::new(1, [what, "count"].into_iter().chain(WORK_HEADS));
        for Group { name, count, ms, work, pace } in groups {
            let names = [or_none(name).to_string(), count.to_string()];
            table.row(names.into_iter().chain(cells(all, ms, work, pace)));
        }
        document.table(table);
    }
    let mut ops: Vec<_> = plan.ops.iter().collect();
    ops.sort_by(|a, b| b.ms.p50.total_cmp(&a.ms.p50));
    let heads = ["slowest operations", "kind"].into_iter().chain(WORK_HEADS);
    let mut table = Table::new(2, heads);
    for op in ops.iter().take(top) {
        let names = [op.name.clone(), op.op.clone()];
        table.row(names.into_iter().chain(cells(all, &op.ms, &op.work, &op.pace)));
    }
    document.table(table);
}

fn or_none(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

fn cells(all_ms: f64, ms: &Quantiles, work: &Work, pace: &Pace) -> [String; 8] {
    // Nothing computed or moved has no pace.
    let roof = match pace.roof_share {
        share if share > 0.0 => percent(share, 0),
        _ => String::new(),
    };
    [
        fixed(ms.p50, 3),
        fixed(ms.p90, 3),
        percent(ms.p50 / all_ms.max(f64::MIN_POSITIVE), 1),
        fixed(work.macs() as f64 / 1e6, 2),
        fixed(work.bytes() as f64 / 1e6, 2),
        fixed(pace.giga_ops_per_s, 1),
        fixed(pace.gb_per_s, 1),
        roof,
    ]
}

fn add_comparison(document: &mut Document, comparison: &Comparison) {
    let other = &comparison.other;
    document.section("A, this profile, next to B");
    let b = format!("B: {} {}, {}", other.model.id, other.model.version, other.path);
    let how = if comparison.interleaved {
        "measured by turns, A B A B".to_string()
    } else {
        let setting = &other.setting;
        format!(
            "NOT interleaved: B is from a report ({}, threads: {}, {} runs), and the machine may \
             have been slower or faster then",
            setting.machine.cpu, setting.threads, setting.runs
        )
    };
    document.list([b, how]);
    let mut table = Table::new(3, ["", "plan", "name", "A ms", "B ms", "A / B"]);
    for line in &comparison.lines {
        let names = [&line.what, &line.plan, or_none(&line.name)].map(str::to_string);
        let figures = [
            fixed_or_empty(line.a_ms, 3),
            fixed_or_empty(line.b_ms, 3),
            fixed_or_empty(line.ratio, 2),
        ];
        table.row(names.into_iter().chain(figures));
    }
    document.table(table);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report, setting};
    use super::*;
    use crate::Other;

    #[test]
    fn the_slowest_operations_come_first_and_no_more_than_asked_for() {
        let text = document(&report(), 2).to_markdown();
        let after = text.split("slowest operations").nth(1).unwrap();
        let rows: Vec<_> = after.lines().skip(2).collect();
        assert_eq!(rows.len(), 2, "{after}");
        assert!(rows[0].starts_with("| blocks.0/attn/proj/Add | uniultra.Linear | 4.000 |"));
        assert!(rows[0].ends_with("| 57.1 % | 4.00 | 0.01 | 2.0 | 0.0 | 2 % |"), "{}", rows[0]);
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
            let text = document(&report, 1).to_markdown();
            assert!(
                text.contains(word) && text.contains("| frame: all plans | 8.000 | 8.000 | 1.00 |")
            );
        }
    }
}
