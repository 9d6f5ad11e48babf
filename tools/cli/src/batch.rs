//! `uniultra-tools batch`, and `merge` for its shards.

use crate::failure::out;
use crate::images::progress_bar;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uniultra_batch::{BatchError, BatchReport, MaskForm, Options, Request, Shard, prepare};
use uniultra_core::PixelSpacing;
use uniultra_engine::{EngineOptions, MAX_THREADS};
use uniultra_manifest::Pack;
use uniultra_schema::{ModelIdentity, ModelOrigin};

const EXAMPLES: &str = "\
Examples:
  uniultra-tools batch --input archive --prompts prompts.jsonl --out run
      every image and DICOM file below archive/; run/results.jsonl has a line for each prompt, run/masks/ a PNG
  uniultra-tools batch --input archive --prompts prompts.jsonl --out run
      the same line again after a kill, a crash or a full disk: goes on where it stopped
  uniultra-tools batch --input list.jsonl --prompts prompts.csv --masks rle --out run
      the files of a list; masks as COCO's run lengths in the results
  uniultra-tools batch --input dicom --prompts p.jsonl --masks seg --segment-code cyst --out run
      a DICOM segmentation for each mask of a DICOM file
  uniultra-tools batch --input archive --prompts run --model other-pack --out second-run
      the boxes of an earlier run's masks as prompts of another model
  uniultra-tools batch --input archive --prompts prompts.jsonl --out part-3 --shard 3/8
  uniultra-tools merge part-* --out run
      an eighth of the files, as one job of an array (tools/batch/ has files for Slurm and Kubernetes); then all as one

Prompts, JSON lines: {\"path\": \"a/b.dcm\", \"frame\": 12, \"object\": \"cyst\", \"points\": [[210, 145, 1], [40, 30, 0]],
\"box\": [120, 80, 310, 240]}. Of points and box, one is enough; frame (from 1) and object may be left out. Points are
[x, y] or [x, y, label], label 1 inside and 0 outside. Prompts, CSV: the columns path, frame, object, points
(\"210 145 1; 40 30 0\") and box (\"120 80 310 240\"). Coordinates are pixels of the frame, paths those below --input.
List, JSON lines: {\"path\": \"b/c.png\", \"pixel_spacing_mm\": 0.12} or \"b/c.png\".

Frames without a prompt are listed and not segmented. A file that cannot be used is listed with the reason and left
out; the exit code is then 11, after everything else is done. Results do not depend on --threads, --shard and kills.";

/// Segment an archive.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folder with images and DICOM files, also in folders below it; or a list of files.
    #[arg(long, value_name = "DIR|LIST.jsonl")]
    input: PathBuf,
    /// What to segment: JSON lines, a CSV table, or the folder of an earlier run, whose masks' boxes
    /// are the prompts.
    #[arg(long, value_name = "FILE.jsonl|FILE.csv|DIR")]
    prompts: PathBuf,
    /// Model pack; the default model if not given.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the results; of an earlier start with the same options, to go on.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How masks are written: png; rle, run lengths in the results; or seg, DICOM segmentations for DICOM
    /// files and PNG for the others.
    #[arg(long, value_name = "FORM", default_value_t = MaskForm::default())]
    masks: MaskForm,
    /// What the segments are, for --masks seg: a name or SCHEME:CODE:MEANING, as for `uniultra segment`.
    #[arg(long, value_name = "NAME|CODE")]
    segment_code: Option<String>,
    /// Treat prompts as ambiguous: the best of three masks is the answer.
    #[arg(long)]
    multimask: bool,
    /// Side of a pixel in millimetres, or width and height. Goes before what DICOM files say; a line of a
    /// list goes before it.
    #[arg(long, value_name = "X[,Y]", value_parser = spacing)]
    pixel_spacing: Option<PixelSpacing>,
    /// Bits of a sample, 8 to 16, in images that store fewer bits in 16.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(8..=16))]
    bit_depth: Option<u8>,
    /// Do part I of N, counted from 0; `merge` joins the parts.
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Threads of the model, 1 to 16; all cores if not given. They are shared out among the frames at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    threads: Option<u16>,
    /// Frames at once, each with memory of its own, about 1 GiB for a SAM 2 encoder at 1024 pixels; as many as
    /// threads but at most 4 if not given.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=16))]
    frames_at_once: Option<u16>,
}

fn spacing(text: &str) -> Result<PixelSpacing, String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let spacing = match numbers.as_deref() {
        Ok(&[side]) => PixelSpacing::new(side),
        Ok(&[x, y]) => PixelSpacing::with_sides(x, y),
        _ => return Err("expected X or X,Y in millimetres".to_string()),
    };
    spacing.map_err(|error| error.to_string())
}

/// Segments, or goes on.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let (pack, origin) = match &args.model {
        Some(folder) => (Pack::open(folder)?, ModelOrigin::pack()),
        None => (uniultra_default_model::pack()?, ModelOrigin::embedded()),
    };
    let model = ModelIdentity::new(pack.manifest(), origin);
    let options = Options {
        masks: args.masks,
        segment_code: args.segment_code.clone(),
        multimask: args.multimask,
        pixel_spacing: args.pixel_spacing,
        bit_depth: args.bit_depth,
    };
    let request = Request {
        input: &args.input,
        prompts: &args.prompts,
        out: &args.out,
        shard: args.shard,
        options: &options,
    };
    let prepared = prepare(&request, &model)?;
    let (count, paths) = prepared.without_file();
    if count > 0 {
        let some = paths.join(", ");
        log::warn!("prompts about files that are not in the input: {count}, about {some}");
    }
    let before = prepared.done();
    if prepared.is_finished() {
        let report = prepared.report()?;
        out(&format!("{}nothing left to do in {}\n", summary(&report), args.out.display()))?;
        return Ok(report.check()?);
    }
    if before > 0 {
        log::info!("{before} lines are there already");
    }
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.map_or_else(|| cores().min(MAX_THREADS), usize::from);
    let at_once = args.frames_at_once.map_or_else(|| threads.min(DEFAULT_AT_ONCE), usize::from);
    // A frame alone on a thread is done in less time of the processor than one that several threads share.
    let engine = EngineOptions::new().with_threads((threads / at_once).max(1));
    let segmenter = uniultra_engine::open_pack(&pack, &engine).map_err(BatchError::from)?;
    let bar = progress_bar(prepared.total(), "answers").with_position(before as u64);
    // The time left is estimated from this start alone.
    bar.reset_eta();
    let begun = Instant::now();
    let report = prepared.run(&segmenter, at_once, &|| bar.inc(1));
    bar.finish_and_clear();
    let report = report?;
    let work = Work { lines: before, time: begun.elapsed(), total: start.elapsed() };
    out(&format!("{}{}", summary(&report), work.text(&report, &args.out)))?;
    Ok(report.check()?)
}

/// Joins the folders of shards.
pub(crate) fn merge(folders: &[PathBuf], target: &Path, force: bool) -> anyhow::Result<()> {
    let report = uniultra_batch::merge(folders, target, force)?;
    out(&format!("{}wrote {}\n", summary(&report), target.display()))?;
    Ok(report.check()?)
}

/// What a start did.
struct Work {
    /// Lines that were there before.
    lines: usize,
    time: Duration,
    total: Duration,
}

impl Work {
    fn text(&self, report: &BatchReport, folder: &Path) -> String {
        let Self { lines, time, total } = self;
        let answers = (report.done + report.failed).saturating_sub(*lines);
        let rate = answers as f64 / time.as_secs_f64().max(1e-3);
        let seconds = total.as_secs_f32();
        format!("wrote {}, {seconds:.1} s, {rate:.1} answers a second\n", folder.display())
    }
}

/// The counts in a few lines.
fn summary(report: &BatchReport) -> String {
    let BatchReport { files, done, empty_masks, failed, frames_without_prompt, .. } = report;
    let mut text =
        format!("answers       {done} in {files} files, {empty_masks} of the masks empty\n");
    text += &format!("failed        {failed}\n");
    text += &format!("no prompt     {frames_without_prompt} frames\n");
    text += &format!("not a frame   {} files\n", report.not_a_frame);
    for failure in report.failures.iter().take(LISTED) {
        let frame = failure.frame.map_or_else(String::new, |number| format!(", frame {number}"));
        text += &format!("  {}{frame}: {}\n", failure.path, failure.error);
    }
    if *failed > LISTED {
        text += &format!("  and {} more, in results.jsonl\n", failed - LISTED);
    }
    text
}

/// Frames at once if --frames-at-once is not given: more take more memory than many machines have.
const DEFAULT_AT_ONCE: usize = 4;

/// Failures in the summary.
const LISTED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spacing_is_a_side_or_two() {
        assert_eq!(spacing("0.2, 0.1").map(|s| (s.x_mm(), s.y_mm())), Ok((0.2, 0.1)));
        assert!(spacing("0.5").is_ok_and(PixelSpacing::is_square));
        for bad in ["", "a", "0", "1,2,3"] {
            assert!(spacing(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_summary_names_failures() {
        let failure = uniultra_batch::Failure {
            path: "a.dcm".to_string(),
            frame: Some(2),
            prompt: Some(1),
            error: "cut off".to_string(),
        };
        let report =
            BatchReport { failed: 12, failures: vec![failure; 12], ..BatchReport::default() };
        let text = summary(&report);
        assert!(
            text.contains("a.dcm, frame 2: cut off\n") && text.contains("and 2 more"),
            "{text}"
        );
    }
}
