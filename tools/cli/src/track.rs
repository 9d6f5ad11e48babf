//! `uniultra-tools track`.

use crate::images::progress_bar;
use crate::json;
use std::path::PathBuf;
use std::str::FromStr;
use uniultra_engine::{EngineOptions, Segmenter};
use uniultra_report::{check_free, json_text};
use uniultra_schema::{ModelIdentity, ModelOrigin};
use uniultra_sink::Destination;
use uniultra_track::{
    Method, MethodReport, Sequence, TrackError, TrackReport, find_sequences, follow, numbered_run,
    track_document, write_track,
};

const EXAMPLES: &str = "\
Examples:
  uniultra-tools phantom --cine --seed 5 --count 8 --set-name cine --out data
  uniultra-tools track --data data/cine --out report
      eight simulated sequences, followed with the default model from one tap in the first frame
  uniultra-tools track --data ../shared/data/muscle --run 319-426 --model my-pack --out report
      frames of a real video: the images whose names end in these numbers

Writes report.md, report.html and report.json. Beside the live session stand three baselines: the mask
of the first frame, frozen; the tap held at its place and answered anew on every frame; and template
matching, which moves the first mask with the piece of picture round it.";

/// What to follow, and with which model.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folder of a set: of `phantom --cine`, or with --run any other.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Numbers of the frames of a sequence, FIRST-LAST; again for more.
    #[arg(long = "run", value_name = "FIRST-LAST")]
    runs: Vec<NumberRange>,
    /// Model pack; the default model if not given.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Follow at most this many sequences.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Threads of the model, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    threads: u16,
    /// Only the live session, without baselines.
    #[arg(long)]
    no_baselines: bool,
    /// Folder of the report.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace a report that is already in the folder.
    #[arg(long)]
    force: bool,
    /// Write report.json to another file, too; `-` prints it in place of the tables.
    #[arg(long, value_name = "-|FILE")]
    json: Option<Destination>,
}

/// Numbers of frames, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NumberRange {
    first: u32,
    last: u32,
}

impl FromStr for NumberRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("expected FIRST-LAST, e.g. 319-426, found {text}");
        let (first, last) = text.split_once('-').ok_or_else(refuse)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| refuse());
        let (first, last) = (number(first)?, number(last)?);
        if first < last { Ok(Self { first, last }) } else { Err(refuse()) }
    }
}

/// Follows and writes the report.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    json::check(args.json.as_ref())?;
    if !args.force {
        check_free(&args.out)?;
    }
    let mut sequences: Vec<Sequence> = if args.runs.is_empty() {
        find_sequences(&args.data)?
    } else {
        let run = |range: &NumberRange| numbered_run(&args.data, range.first, range.last);
        args.runs.iter().map(run).collect::<Result<_, _>>()?
    };
    sequences.truncate(args.limit.map_or(usize::MAX, |limit| limit as usize));

    let engine = EngineOptions::new().with_threads(args.threads.into());
    let (segmenter, origin) = match &args.model {
        Some(folder) => {
            let opened = Segmenter::open_with(folder, &engine).map_err(TrackError::from)?;
            (opened, ModelOrigin::folder(folder))
        }
        None => {
            let pack = uniultra_default_model::pack()?;
            let opened = uniultra_engine::open_pack(&pack, &engine).map_err(TrackError::from)?;
            (opened, ModelOrigin::embedded())
        }
    };
    let model = ModelIdentity::new(segmenter.manifest(), origin);
    let methods = if args.no_baselines { &Method::ALL[..1] } else { &Method::ALL[..] };
    let frames: usize = sequences.iter().map(|sequence| sequence.frames.len()).sum();
    let bar = progress_bar(frames * methods.len(), "frames");
    let options = uniultra_live::LiveOptions::default();
    let mut reports = Vec::new();
    for &method in methods {
        let scores = sequences
            .iter()
            .map(|sequence| follow(sequence, method, &segmenter, &options, &|| bar.inc(1)));
        reports.push(MethodReport::new(method, &sequences, scores.collect::<Result<_, _>>()?));
    }
    bar.finish_and_clear();
    let report = TrackReport { methods: reports };
    write_track(&args.out, &model, &report)?;
    let tables = || {
        let page = args.out.join("report.html");
        format!("{}\nwrote {}\n", track_document(&report).to_markdown(), page.display())
    };
    json::print(args.json.as_ref(), || json_text(Some(&model), &report), tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_two_ends_in_order() {
        assert_eq!("319-426".parse(), Ok(NumberRange { first: 319, last: 426 }));
        for wrong in ["", "3", "3-3", "9-3", "a-9", "-9", "1-2-3"] {
            let message = wrong.parse::<NumberRange>().unwrap_err();
            assert!(message.contains("FIRST-LAST"), "{message}");
        }
    }
}
