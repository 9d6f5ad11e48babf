//! `uniultra-tools compare`.

use crate::images::{each_once, list, progress_bar, threads};
use crate::json;
use std::path::{Path, PathBuf};
use std::time::Instant;
use uniultra_compare::{
    CompareError, Comparison, DEFAULT_PHANTOMS, Images, PHANTOM_SEED, Settings, Side, Sides,
    Timing, compare, comparison_document, measure_speed, render_pictures, write_comparison,
};
use uniultra_core::MaskChoice;
use uniultra_evaluate::{EvaluateError, Predictor, PromptKind, Query, Shard, SplitPart};
use uniultra_report::{check_free, json_text};
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools compare models/a models/a-int8 --out report
      size, nodes, speed, and how far their masks agree on simulated phantoms
  uniultra-tools compare models/a models/a-int8 --data ../shared/data --out report
      the same on every set's val split, and Dice, IoU and HD95 of both against the truth
  uniultra-tools compare a b --data data --set busi --prompt clicks-3 --limit 40 --runs 0 --out report
      forty images of one set, three clicks an object, no speed

Writes report.md, report.html, report.json and overlays/. Differences are B less A: A is the
reference. Packs may differ in image size; each runs at its own. A pack may be compared with itself:
every difference is zero then. Figures do not depend on --threads; speed is that of this machine at
this moment.";

/// What to compare, and on what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model pack to compare with.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Model pack that is compared.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Folder of the sets' folders; simulated phantoms if not given.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set to compare on; again for more. All sets if not given.
    #[arg(long = "set", value_name = "NAME", requires = "data")]
    sets: Vec<String>,
    /// Part of each set: train, val, test or all.
    #[arg(long, value_name = "PART", default_value_t = SplitPart::Val, requires = "data")]
    split: SplitPart,
    /// How objects are prompted: point, box, centroid, clicks-N or clicks-inside; again for more.
    #[arg(
        long = "prompt",
        value_name = "KIND",
        default_values_t = [PromptKind::Point, PromptKind::Box]
    )]
    prompts: Vec<PromptKind>,
    /// Choose among the masks for ambiguous prompts instead of the single one.
    #[arg(long)]
    multimask: bool,
    /// At most K images of each set, evenly spaced; without --data, K phantoms instead of 8.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Images at once; all cores but at most 4 if not given. Speed is always that of one thread.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Runs of each network for its speed; 0 leaves speed out.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(0..=1000))]
    runs: u32,
    /// Most pictures of frames on which the masks disagree.
    #[arg(long, value_name = "N", default_value_t = 6)]
    worst: usize,
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

impl Args {
    /// What `compare` would be asked about a pack and what became of it: on the same images, at most
    /// `limit` of each set, or on phantoms; everything else by default.
    pub(crate) fn for_quantized(
        [a, b]: [&Path; 2],
        data: Option<&Path>,
        sets: &[String],
        split: SplitPart,
        limit: u32,
        out: PathBuf,
    ) -> Self {
        Self {
            a: a.to_path_buf(),
            b: b.to_path_buf(),
            data: data.map(Path::to_path_buf),
            sets: sets.to_vec(),
            split,
            prompts: vec![PromptKind::Point, PromptKind::Box],
            multimask: false,
            limit: Some(limit),
            threads: None,
            runs: 11,
            worst: 6,
            out,
            force: true,
            json: None,
        }
    }
}

/// Compares and writes the report.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    json::check(args.json.as_ref())?;
    if !args.force {
        check_free(&args.out)?;
    }
    // Data are looked for before the packs are prepared, phantoms simulated after.
    let images = args.data.as_deref().map(|data| find(args, data)).transpose()?;
    let choice = if args.multimask { MaskChoice::Multimask } else { MaskChoice::Single };
    let sides = Sides::<Side>::open(&Sides { a: args.a.as_path(), b: args.b.as_path() }, choice)?;
    let threads = threads(args.threads);
    let images = match images {
        Some(images) => images,
        None => Images::simulate(args.limit.unwrap_or(DEFAULT_PHANTOMS), threads)?,
    };
    let timing = speed(args.runs, &sides)?;

    let prompts = each_once(&args.prompts);
    let bar = progress_bar(images.found.cases.len(), "images");
    let models = sides.map(|side| &side.predictor as &dyn Predictor);
    let cases = &images.found.cases;
    let compared = compare(cases, &models, &prompts, threads, &|| bar.inc(1));
    bar.finish_and_clear();
    let mut compared = compared?;
    compared.problems.extend(images.found.problems.iter().cloned());
    list(&compared.problems);
    if compared.pairs.is_empty() {
        return Err(EvaluateError::Nothing { first: compared.problems.into_iter().next() }.into());
    }

    let pictures = render_pictures(&args.out, &compared.pairs, cases, args.worst)?;
    let settings = settings(args, &images, &prompts);
    let comparison = Comparison::new(settings, &sides, compared, pictures, timing);
    write_comparison(&args.out, &comparison)?;
    finish(args, &comparison, start)
}

fn find(args: &Args, data: &Path) -> Result<Images, CompareError> {
    Images::find(&Query {
        data,
        sets: &args.sets,
        split: args.split,
        limit: args.limit.map(|limit| limit as usize),
        shard: Shard::WHOLE,
    })
}

/// Measured before the images, while the program does nothing else.
fn speed(runs: u32, sides: &Sides<Side>) -> anyhow::Result<Option<Timing>> {
    if runs == 0 {
        return Ok(None);
    }
    let bar = progress_bar(runs as usize, "runs for speed");
    let timing = measure_speed(sides, runs, &|| bar.inc(1));
    bar.finish_and_clear();
    Ok(Some(timing?))
}

fn settings(args: &Args, images: &Images, prompts: &[PromptKind]) -> Settings {
    Settings {
        phantom_seed: args.data.is_none().then_some(PHANTOM_SEED),
        split: if args.data.is_some() { args.split } else { SplitPart::All },
        sets: images.found.sets.clone(),
        prompts: prompts.iter().map(ToString::to_string).collect(),
        mask_choice: if args.multimask { "multimask" } else { "single" }.to_string(),
        limit: args.limit.map(|limit| limit as usize),
    }
}

/// Prints the tables, or the JSON report, and where the report is.
fn finish(args: &Args, comparison: &Comparison, start: Instant) -> anyhow::Result<()> {
    let tables = || {
        let text = comparison_document(comparison).to_markdown();
        let page = args.out.join("report.html");
        let seconds = start.elapsed().as_secs_f32();
        format!("{text}\nwrote {}, {seconds:.0} s\n", page.display())
    };
    json::print(args.json.as_ref(), || json_text(None, comparison), tables)
}
