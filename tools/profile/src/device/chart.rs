//! A chart of the stages: bars to the median, marks at the other quantiles, lines at the budgets.

use super::bench::DeviceBench;
use std::fmt::Write;
use uniultra_evaluate::html_text;

const WIDTH: f64 = 900.0;
const LABELS: f64 = 120.0;
const ROW: f64 = 30.0;
const HEAD: f64 = 44.0;
const MARGIN: f64 = 60.0;

/// The chart as SVG, in milliseconds.
#[must_use]
pub fn chart(bench: &DeviceBench) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut svg, bench);
    svg
}

/// The budget of a stage, in milliseconds.
fn limit(bench: &DeviceBench, stage: &str) -> Option<f64> {
    let budgets = bench.budgets.as_ref()?;
    let held = match stage {
        "image encoder" => budgets.encode_ms,
        "first click" | "next click" => budgets.click_ms,
        "frame to mask" => budgets.watchdog_ms,
        _ => return None,
    };
    Some(f64::from(held.limit))
}

fn write_all(svg: &mut String, bench: &DeviceBench) -> std::fmt::Result {
    let stages = bench.stages();
    let height = HEAD + ROW * stages.len() as f64 + 10.0;
    let longest = stages.iter().map(|(_, ms)| ms.max).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABELS - MARGIN) / longest;
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{} on {}: ms</text>\n\
         <text x=\"8\" y=\"34\" fill=\"#555\">bar: p50; marks: p90, p99, max; red: the board's budget, \
         if it is not beyond the edge</text>",
        html_text(&bench.model),
        html_text(&bench.cpu)
    )?;
    for (row, (stage, ms)) in stages.into_iter().enumerate() {
        let y = HEAD + ROW * row as f64;
        let x = |ms: f64| LABELS + ms * scale;
        let line = |ms: f64, color: &str, width: u32| {
            let at = x(ms);
            let (top, bottom) = (y + 2.0, y + ROW - 6.0);
            format!(
                "<line x1=\"{at:.2}\" x2=\"{at:.2}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" \
                 stroke=\"{color}\" stroke-width=\"{width}\"/>"
            )
        };
        writeln!(
            svg,
            "<text x=\"8\" y=\"{:.1}\">{stage}</text><rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.2}\" \
             height=\"{:.1}\" fill=\"#8ec4e8\"/>",
            y + 17.0,
            y + 5.0,
            ms.p50 * scale,
            ROW - 14.0
        )?;
        for mark in [ms.p90, ms.p99, ms.max] {
            writeln!(svg, "{}", line(mark, "#333", 1))?;
        }
        if let Some(limit) = limit(bench, stage).filter(|limit| *limit <= longest) {
            writeln!(svg, "{}", line(limit, "#c0392b", 2))?;
        }
        writeln!(
            svg,
            "<text x=\"{:.2}\" y=\"{:.1}\">{:.1}</text>",
            x(ms.max) + 4.0,
            y + 17.0,
            ms.p50
        )?;
    }
    writeln!(svg, "</svg>")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::bench;
    use super::*;
    use serde::Deserialize;

    #[test]
    fn bars_are_to_scale_and_names_cannot_break_it() {
        let svg = chart(&DeviceBench::deserialize(bench()).unwrap());
        assert!(svg.contains("m&lt;&amp; on Some CPU") && !svg.contains("m<&"), "{svg}");
        // 720 px for the longest, 240 ms: a median of 50 ms is 150 px.
        assert!(svg.contains("width=\"150.00\""), "{svg}");
        // Of the budgets, 90 ms and 20 ms (twice) are on the chart, 500 ms is not.
        assert_eq!(svg.matches("#c0392b").count(), 3);
    }
}
