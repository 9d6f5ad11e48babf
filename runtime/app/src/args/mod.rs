//! The command line. This module checks its syntax; [`crate::request`] checks its meaning.

#[cfg(feature = "dicom")]
mod dicom;
#[cfg(feature = "live")]
mod live;
mod selftest;

#[cfg(feature = "dicom")]
pub(crate) use dicom::DicomArgs;
#[cfg(feature = "live")]
pub(crate) use live::LiveArgs;
pub(crate) use selftest::SelftestArgs;

use crate::failure;
use clap::{Parser, Subcommand};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use uniultra_core::PixelSpacing;
use uniultra_engine::MAX_THREADS;
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  uniultra segment frame.png --box 120,80,310,240 --overlay overlay.png
  uniultra segment frame.png --point 200,150 --point 40,30,0 --out-mask mask.png
  uniultra segment frame.png --point 200,150 --pixel-spacing 0.12 --json -
  uniultra segment frame.png --point 210,160 --mask-prompt logits.npy --mask-prompt-index 0
  uniultra segment frame.png --model my-pack --point 200,150 --out-mask mask.png
  uniultra segment frame.png --point 200,150 --board boards/raspberry-pi-5.toml
  uniultra live
  uniultra bench --threads 2 --json -
  uniultra selftest
  uniultra info";

const BENCH_EXAMPLES: &str = "\
Examples:
  uniultra bench
      the model inside this program on a generated frame, one thread
  uniultra bench --model my-pack --frame frame.png --threads 2 --runs 100
  uniultra bench --runs 20 --json - > bench.json
  uniultra bench --board boards/host.toml                  are its budgets held here?
  uniultra bench --board boards/host.toml --minutes 10 --fps 20
      temperature, clock and memory over ten minutes, and dropped frames

Stages: preprocess, image encoder, first click, next click, mask. Quantiles are nearest-rank. The cold
start lasts from the first line of the program to its first mask. Times depend on the machine and on
what else it does: to compare two models or two builds, run them in turns.

With --board, exit code 5 means that a budget was missed. The p90 counts for the encoder and clicks,
the slowest frame for the watchdog, the peak for memory.";

fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\nResearch software, not a medical device.", failure::EXIT_CODES)
}

fn frame_help() -> String {
    let dicom = if cfg!(feature = "dicom") { " or a DICOM ultrasound file," } else { "" };
    format!(
        "PNG, JPEG, BMP, TIFF or PNM image,{dicom} of 16 to 8192 pixels a side, gray or RGB, 8 or 16 bit; `-` \
         reads from stdin. If an image states an orientation, the frame is turned upright"
    )
}

pub(crate) fn model_help() -> String {
    #[cfg(feature = "embedded-model")]
    let default = format!("[default: {}]", uniultra_default_model::NAME);
    #[cfg(not(feature = "embedded-model"))]
    let default = "(this program was built without a model inside)";
    format!(
        "Model pack: a folder with model.toml and two ONNX files, written by `uniultra-tools export` \
         {default}"
    )
}

/// Promptable ultrasound segmentation on the device. Research software, not a medical device.
#[derive(Debug, Parser)]
#[command(name = "uniultra", version, about, after_help = after_help())]
pub(crate) struct Cli {
    /// Log more on stderr: -v for steps, -vv for details.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Profile of this board, a TOML file as in `boards/`. It sets threads, the CPUs they are bound
    /// to, deadlines and memory; other options override it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) board: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Segment an object in a frame, from points, a box or a mask.
    #[command(after_help = after_help())]
    Segment(Box<SegmentArgs>),
    /// Follow objects through a scanner's stream, on a web page.
    #[cfg(feature = "live")]
    #[command(after_help = live::EXAMPLES)]
    Live(Box<LiveArgs>),
    /// Measure the speed of a model on this machine: stages, cold start, memory.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// Check that this machine gives the right answer on the sample inside the program.
    #[command(after_help = selftest::EXAMPLES)]
    Selftest(SelftestArgs),
    /// Print facts about the engine, the processor and the model.
    Info(InfoArgs),
}

/// `uniultra segment`. All coordinates are pixels of the source frame, x to the right, y down; the
/// centre of the top left pixel is 0,0.
#[derive(Debug, clap::Args)]
pub(crate) struct SegmentArgs {
    #[arg(value_name = "FRAME", help = frame_help())]
    pub(crate) frame: PathBuf,
    #[arg(long, value_name = "DIR", help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// A click, in pixels of the frame; 1 (the default) means inside the object, 0 outside. Repeat
    /// it for up to 32 clicks.
    #[arg(
        long = "point", value_name = "X,Y[,0|1]", allow_hyphen_values = true, value_parser = point
    )]
    pub(crate) points: Vec<RawPoint>,
    /// A box around the object: top left and bottom right corner, in pixels of the frame.
    #[arg(
        long = "box", value_name = "X0,Y0,X1,Y1", allow_hyphen_values = true, value_parser = corners
    )]
    pub(crate) corners: Option<RawBox>,
    /// Logits of an earlier answer, float [S/4,S/4] or [M,S/4,S/4]; --logits writes such files.
    #[arg(long, value_name = "FILE.npy")]
    pub(crate) mask_prompt: Option<PathBuf>,
    /// The mask of a [M,S/4,S/4] file to use, counted from 0.
    #[arg(long, value_name = "K", requires = "mask_prompt")]
    pub(crate) mask_prompt_index: Option<usize>,
    /// Treat the prompt as ambiguous: report three alternatives, and answer with the best.
    #[arg(long)]
    pub(crate) multimask: bool,
    /// Write the mask as an 8-bit gray PNG of the frame's size: 255 object, 0 background. `-` is
    /// stdout, which then carries nothing else; one output can go there.
    #[arg(long, value_name = "FILE.png|-")]
    pub(crate) out_mask: Option<Destination>,
    /// Write a picture of the frame with mask, prompts and legend, as PNG.
    #[arg(long, value_name = "FILE.png|-")]
    pub(crate) overlay: Option<Destination>,
    /// Write the logits of mask tokens 0 to 3, float32 [4,S/4,S/4].
    #[arg(long, value_name = "FILE.npy|-")]
    pub(crate) logits: Option<Destination>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<Destination>,
    /// Side of a pixel in millimetres, 0.001 to 10, for lengths and areas in mm. Two numbers if pixels
    /// are not square: the width, then the height. Goes before what a DICOM file says.
    #[arg(long, value_name = "X[,Y]", allow_hyphen_values = true, value_parser = spacing)]
    pub(crate) pixel_spacing: Option<PixelSpacing>,
    /// Bits of a sample, 8 to 16, in a file that stores fewer bits in 16: at 12, 4095 is white.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(8..=16))]
    pub(crate) bit_depth: Option<u8>,
    /// Threads of the engine [default: from --board, or 1].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    #[cfg(feature = "dicom")]
    #[command(flatten)]
    pub(crate) dicom: DicomArgs,
}

/// `uniultra info`.
#[derive(Debug, clap::Args)]
pub(crate) struct InfoArgs {
    #[arg(long, value_name = "DIR", help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// Write the facts as JSON; `-` is stdout.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<Destination>,
}

/// `uniultra bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[arg(long, value_name = "DIR", help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// Frame to run on; without it, 640 x 480 px of generated speckle.
    #[arg(long, value_name = "FILE")]
    pub(crate) frame: Option<PathBuf>,
    /// Threads of the engine [default: from --board, or 1].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Number of runs to measure, 1 to 10000. A run is a frame with two clicks.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: u32,
    /// Number of runs before those, not measured, 0 to 10000.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) warm_up: u32,
    /// Then continue for M minutes, 0.01 to 240, and record temperature, clock and memory.
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,
    /// Frames per second in these minutes, 0.1 to 240; frames that arrive before the last one is
    /// done are dropped. Without it, each frame starts when the last one is done.
    #[arg(long, value_name = "F", requires = "minutes", value_parser = fps)]
    pub(crate) fps: Option<f64>,
    /// Write the report as JSON; `-` is stdout, which then carries nothing else.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<Destination>,
}

/// A click as typed; the numbers are not checked yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RawPoint {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) positive: bool,
}

/// A box as typed; the numbers are not checked yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RawBox(pub(crate) [f32; 4]);

fn numbers(text: &str) -> Result<Vec<f32>, String> {
    let number = |field: &str| {
        field.trim().parse().map_err(|_| format!("expected a number, found `{}`", field.trim()))
    };
    text.split(',').map(number).collect()
}

fn point(text: &str) -> Result<RawPoint, String> {
    let (coordinates, positive) = match text.split(',').map(str::trim).nth(2) {
        None => (text, true),
        Some(label @ ("0" | "1")) => {
            (text.rsplit_once(',').map_or(text, |(head, _)| head), label == "1")
        }
        Some(label) => return Err(format!("expected label 0 or 1, found `{label}`")),
    };
    match numbers(coordinates)?[..] {
        [x, y] => Ok(RawPoint { x, y, positive }),
        _ => Err("expected X,Y or X,Y,0 or X,Y,1".to_string()),
    }
}

fn corners(text: &str) -> Result<RawBox, String> {
    match numbers(text)?[..] {
        [x0, y0, x1, y1] => Ok(RawBox([x0, y0, x1, y1])),
        _ => Err("expected X0,Y0,X1,Y1".to_string()),
    }
}

fn spacing(text: &str) -> Result<PixelSpacing, String> {
    let spacing = match numbers(text)?[..] {
        [side] => PixelSpacing::new(side),
        [x, y] => PixelSpacing::with_sides(x, y),
        _ => return Err("expected X or X,Y in millimetres".to_string()),
    };
    spacing.map_err(|e| e.to_string())
}

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MAX_THREADS) => Ok(count),
        _ => Err(format!("expected 1 to {MAX_THREADS}")),
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    number_within(text, 0.01..=240.0)
}

fn fps(text: &str) -> Result<f64, String> {
    number_within(text, 0.1..=240.0)
}

fn number_within(text: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    let found = text.parse().ok().filter(|number| range.contains(number));
    found.ok_or_else(|| format!("expected {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<SegmentArgs, clap::Error> {
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Segment(args) => Ok(*args),
            _ => panic!("not a segment line"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn points_and_boxes_are_read() {
        let args = parse(
            "uniultra segment f.png --point 1,2 --point 3.5,4,0 --point=-1,nan,1 --box -1,2,3,4e0",
        )
        .unwrap();
        let read: Vec<_> = args.points.iter().map(|p| (p.x, p.positive)).collect();
        assert_eq!(read, [(1.0, true), (3.5, false), (-1.0, true)]);
        assert!(args.points[2].y.is_nan());
        assert_eq!(args.corners, Some(RawBox([-1.0, 2.0, 3.0, 4.0])));
        assert_eq!(args.threads, None);
        assert!(!args.multimask);
    }

    #[test]
    fn a_point_may_begin_with_a_minus_sign() {
        let args = parse("uniultra segment f.png --point -5,10").unwrap();
        assert_eq!(args.points[0].x, -5.0);
    }

    #[test]
    fn wrong_syntax_is_a_usage_error() {
        for tail in [
            "--point 1",
            "--point 1,2,2",
            "--point 1,2,1,1",
            "--point a,b",
            "--point",
            "--box 1,2,3",
            "--box 1,2,3,4,5",
            "--box 1,2,3,4 --box 1,2,3,4",
            "--pixel-spacing 0",
            "--pixel-spacing -1",
            "--pixel-spacing nan",
            "--pixel-spacing 0.0001",
            "--pixel-spacing 1e30",
            "--pixel-spacing 0.1,0",
            "--pixel-spacing 0.1,11",
            "--pixel-spacing 0.1,",
            "--pixel-spacing 0.1,0.2,0.3",
            "--threads 0",
            "--threads 1000000",
            "--bit-depth 7",
            "--bit-depth 17",
            "--mask-prompt-index 1",
            "--unknown",
        ] {
            let error = parse(&format!("uniultra segment f.png {tail}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{tail}");
        }
        assert_eq!(parse("uniultra segment").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn bench_runs_are_bounded() {
        let parse = |tail: &str| {
            let line = format!("uniultra bench {tail}");
            Cli::try_parse_from(line.split_whitespace())
        };
        assert!(matches!(parse("").unwrap().command, Command::Bench(_)));
        assert!(parse("--minutes 0.5 --fps 30 --board b.toml").unwrap().board.is_some());
        for tail in [
            "--runs 0",
            "--runs 10001",
            "--warm-up -1",
            "--threads 17",
            "frame.png",
            "--minutes 0",
            "--minutes nan",
            "--minutes 1000",
            "--fps 30",
            "--minutes 1 --fps 0",
        ] {
            assert_eq!(parse(tail).unwrap_err().exit_code(), 2, "{tail}");
        }
    }

    #[test]
    fn help_names_the_exit_codes_and_the_limits_of_use() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes") && help.contains("not a medical device"));
        let segment = Cli::command().find_subcommand("segment").unwrap().clone();
        let segment = segment.help_template("{options}").render_long_help().to_string();
        let default = segment.replace(['\n', ' '], "").contains("[default:theUniUltra-mini");
        assert_eq!(default, cfg!(feature = "embedded-model"), "{segment}");
    }
}
