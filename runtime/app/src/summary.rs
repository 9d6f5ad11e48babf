//! A summary of the report in a few lines, for people.

use crate::output::Outputs;
use std::fmt::{self, Write};
use uniultra_schema::{Document, SegmentReport};

/// The summary, ready to print.
pub(crate) fn summary(
    document: &Document<SegmentReport>,
    outputs: &Outputs,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let Document { model, report, .. } = document;
    let SegmentReport { frame, timings_ms: time, .. } = report;
    write!(text, "frame      {}, ", frame.path)?;
    if let Some(number) = frame.number {
        write!(text, "frame {number}, ")?;
    }
    write!(text, "{} x {} px", frame.width, frame.height)?;
    match frame.orientation_applied {
        Some(value) => writeln!(text, ", turned upright (EXIF orientation {value})")?,
        None => writeln!(text)?,
    }
    if let Some(model) = model {
        let built_in = if model.origin.embedded { " (built in)" } else { "" };
        write!(text, "model      {} {}{built_in}, {}, ", model.id, model.version, model.precision)?;
        writeln!(text, "{} px, {}, {}", model.image_size, report.engine, threads(report.threads))?;
    }
    if let Some(board) = &report.board {
        writeln!(text, "board      {}", board.line())?;
    }
    let found = if report.area_px > 0 { "found" } else { "not found" };
    let iou = report.predicted_iou.get(report.chosen).copied().unwrap_or_default();
    write!(text, "object     {found}, mask {}, predicted IoU {iou:.3}", report.chosen)?;
    match report.object_score {
        Some(score) => writeln!(text, ", object score {score:.3}")?,
        None => writeln!(text)?,
    }
    write!(text, "area       {} px", report.area_px)?;
    match report.area_mm2 {
        Some(area) => writeln!(text, ", {area:.1} mm\u{b2}")?,
        None => writeln!(text)?,
    }
    if let Some([x0, y0, x1, y1]) = report.bounding_box {
        writeln!(text, "box        {x0},{y0} to {x1},{y1}")?;
    }
    if let (Some(longest), Some(across)) =
        (report.longest_diameter_px, report.perpendicular_diameter_px)
    {
        write!(text, "diameters  {longest:.1} x {across:.1} px")?;
        match (report.longest_diameter_mm, report.perpendicular_diameter_mm) {
            (Some(longest), Some(across)) => writeln!(text, ", {longest:.1} x {across:.1} mm")?,
            _ => writeln!(text)?,
        }
    }
    for mask in report.masks.iter().filter(|mask| !mask.chosen) {
        let (token, iou, area) = (mask.token, mask.predicted_iou, mask.area_px);
        writeln!(text, "also       mask {token}, predicted IoU {iou:.3}, area {area} px")?;
    }
    write!(
        text,
        "time       encode {:.0} ms, decode {:.0} ms, ",
        time.image_encoder, time.mask_decoder
    )?;
    writeln!(text, "load {:.0} ms, total {:.0} ms", time.load, time.total)?;
    if let Some(peak) = report.peak_rss_mib {
        writeln!(text, "memory     {peak:.0} MiB at most")?;
    }
    for path in outputs.files() {
        writeln!(text, "wrote      {}", path.display())?;
    }
    for warning in &report.warnings {
        writeln!(text, "warning    {}", warning.message)?;
    }
    Ok(text)
}

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".to_string() } else { format!("{count} threads") }
}
