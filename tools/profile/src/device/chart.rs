//! A chart of the stages: bars to the median, marks at the other quantiles, lines at the budgets.

use uniultra_report::{Bar, BarChart, Plot};
use uniultra_schema::BenchReport;

/// The chart, in milliseconds.
pub(super) fn stage_chart(model: &str, bench: &BenchReport) -> Plot {
    let bars = bench.stages().into_iter().map(|(stage, ms)| Bar {
        name: stage.to_string(),
        value: ms.p50,
        marks: vec![ms.p90, ms.p99, ms.max],
        limit: limit(bench, stage),
    });
    Plot::from(BarChart {
        title: format!("{model} on {}", bench.machine.cpu),
        x_label: "ms; bar: p50; marks: p90, p99, max; red: the board's budget, if within"
            .to_string(),
        bars: bars.collect(),
        decimals: 1,
    })
}

/// The budget of a stage, in milliseconds.
fn limit(bench: &BenchReport, stage: &str) -> Option<f64> {
    let budgets = bench.budgets.as_ref()?;
    let check = match stage {
        "image encoder" => budgets.encode_ms,
        "first click" | "next click" => budgets.click_ms,
        "frame to mask" => budgets.watchdog_ms,
        _ => return None,
    };
    Some(f64::from(check.limit))
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::bench;
    use super::*;
    use uniultra_schema::Document;

    #[test]
    fn stages_have_their_quantiles_and_budgets() {
        let plot = stage_chart("m<&", &Document::from_value(bench()).unwrap().report);
        let Plot::Bars(chart) = &plot else { panic!("{plot:?}") };
        let encoder = &chart.bars[1];
        assert_eq!((encoder.value, encoder.limit), (50.0, Some(90.0)));
        assert_eq!(encoder.marks, [100.0, 150.0, 200.0]);
        let limits: Vec<_> = chart.bars.iter().map(|bar| bar.limit).collect();
        let [encode, click, watchdog] = [90.0, 20.0, 500.0].map(Some);
        assert_eq!(limits, [None, encode, click, click, None, watchdog]);
        let svg = plot.to_svg().unwrap();
        assert!(svg.contains("m&lt;&amp; on Some CPU") && !svg.contains("m<&"), "{svg}");
    }
}
