//! The report of `uniultra segment`, made from the answer.

#[cfg(test)]
mod tests;

use uniultra_answer::{Answer, Candidate, Warning, Warnings};
use uniultra_core::{
    PixelSpacing, Polygon, Prediction, Segment, diameters_with_spacing, largest_outer,
};
use uniultra_schema::{
    BoardReport, Contour, FrameFile, MaskReport, SegmentReport, SpacingReport, SpacingSource,
    Timings,
};

/// The parts of a report.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) frame_path: String,
    pub(crate) orientation_applied: Option<u8>,
    pub(crate) threads: usize,
    pub(crate) board: Option<BoardReport>,
    pub(crate) prediction: &'a Prediction,
    pub(crate) answer: &'a Answer,
    pub(crate) frame_number: Option<usize>,
    pub(crate) spacing: Option<(PixelSpacing, SpacingSource)>,
    pub(crate) timings: Timings,
    pub(crate) warnings: Warnings,
}

impl Parts<'_> {
    /// The report.
    pub(crate) fn report(self) -> SegmentReport {
        let parts = self;
        let Parts { frame_path, threads, prediction, answer, .. } = parts;
        let (spacing, spacing_source) = parts.spacing.unzip();
        let chosen = answer.chosen();
        let length_mm = |segment: Segment| spacing.map(|spacing| segment.length_mm(spacing));
        let outline = largest_outer(&chosen.contours);
        let in_mm = spacing.and_then(|spacing| diameters_with_spacing(&chosen.contours, spacing));
        let longest_mm = in_mm.map(|d| d.longest);
        let perpendicular_mm = in_mm.map(|d| d.perpendicular);
        let longest = chosen.diameters.map(|d| d.longest);
        let perpendicular = chosen.diameters.map(|d| d.perpendicular);
        let mask = |candidate: &Candidate| MaskReport {
            token: candidate.token.index(),
            chosen: candidate.token == chosen.token,
            predicted_iou: candidate.predicted_iou,
            stability: candidate.stability,
            area_px: candidate.area_px,
            area_mm2: area_mm2(spacing, candidate),
            bounding_box: corners(candidate),
            centroid: candidate.centroid.map(|point| point.map(hundredths)),
        };
        SegmentReport {
            engine: uniultra_engine::engine_name().to_string(),
            threads,
            board: parts.board,
            frame: FrameFile {
                path: frame_path,
                width: prediction.width(),
                height: prediction.height(),
                orientation_applied: parts.orientation_applied,
                number: parts.frame_number,
            },
            logits_size: [prediction.side(); 2],
            predicted_iou: prediction.predicted_iou(),
            object_score: prediction.object_score(),
            chosen: chosen.token.index(),
            masks: answer.candidates.iter().map(mask).collect(),
            area_px: chosen.area_px,
            area_mm2: area_mm2(spacing, chosen),
            bounding_box: corners(chosen),
            centroid: chosen.centroid.map(|point| point.map(hundredths)),
            contours: chosen.contours.iter().map(contour).collect(),
            longest_diameter_px: longest.map(|s| s.length_px),
            longest_diameter_mm: longest_mm.and_then(length_mm),
            longest_diameter_ends: longest.as_ref().map(ends),
            longest_diameter_mm_ends: longest_mm.as_ref().map(ends),
            perpendicular_diameter_px: perpendicular.map(|s| s.length_px),
            perpendicular_diameter_mm: perpendicular_mm.and_then(length_mm),
            perpendicular_diameter_ends: perpendicular.as_ref().map(ends),
            perpendicular_diameter_mm_ends: perpendicular_mm.as_ref().map(ends),
            perimeter_px: outline.map(Polygon::perimeter_px),
            perimeter_mm: outline.zip(spacing).map(|(ring, spacing)| ring.perimeter_mm(spacing)),
            pixel_spacing_mm: spacing
                .map(|spacing| SpacingReport::new([spacing.x_mm(), spacing.y_mm()])),
            pixel_spacing_source: spacing_source,
            timings_ms: parts.timings,
            peak_rss_mib: uniultra_engine::peak_rss_mib(),
            warnings: parts.warnings.iter().map(Warning::report).collect(),
        }
    }
}

fn area_mm2(spacing: Option<PixelSpacing>, candidate: &Candidate) -> Option<f32> {
    spacing.map(|spacing| spacing.area_mm2(candidate.area_px as f32))
}

fn corners(candidate: &Candidate) -> Option<[usize; 4]> {
    candidate.bounding_box.map(|b| [b.x0, b.y0, b.x1, b.y1])
}

fn ends(segment: &Segment) -> [[f32; 2]; 2] {
    [segment.from, segment.to].map(|point| point.map(hundredths))
}

fn contour(polygon: &Polygon) -> Contour {
    let mut points: Vec<_> = polygon.points.iter().map(|point| point.map(hundredths)).collect();
    points.dedup();
    Contour { hole: polygon.hole, points }
}

/// Rounds to what is known: coordinates are not more precise, and short numbers keep reports short.
fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
