//! `uniultra-tools evaluate` and `uniultra-tools merge`.

use crate::failure::out;
use crate::images::{each_once, list, progress_bar, threads};
use std::path::PathBuf;
use std::time::Instant;
use uniultra_core::MaskChoice;
use uniultra_evaluate::{
    BASELINE, EvaluateError, Evaluated, ModelSource, Options, PackPredictor, Predictor, Problem,
    PromptKind, Protocol, Query, Report, Row, Settings, Shard, SplitPart, evaluate, find_cases,
    merge, render_pictures, report_document, transfer_sets, write_report,
};
use uniultra_manifest::ManifestError;
use uniultra_report::check_free;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools evaluate --model models/a --data ../shared/data --prompt point --prompt box --out report
      every set's val split, two prompts; report/report.md, report.html, report.json, images.csv
  uniultra-tools evaluate --model a --model b --data data --set busi --prompt clicks-5 --out report
      two models side by side, five corrective clicks an object
  uniultra-tools evaluate --data data --transfer 'abdomen_*' --prompt point --out report
      the sets of new organs with a mean of their own
  uniultra-tools evaluate --model a --data data --prompt box --out part-3 --shard 3/8
  uniultra-tools merge part-* --out report
      an eighth of the work, as one job of an array; then all eighths as one report
  uniultra-tools evaluate --data data --prompt clicks-inside --out report
      the shipped model, from 1 to 32 clicks inside each object, all given at once
  uniultra-tools evaluate --model a --data data --protocol published --out report
      prompted and scored as the paper's published code does it, for a table beside the paper's

Data lies in DATA/SET/image/STEM.png and DATA/SET/mask/STEM.png (0 and 255 only), or .jpg, .bmp, .tif,
.pgm, .ppm, with an optional DATA/SET/data_split.json and pixel_size.csv (columns stem and pixel_size_mm, or
stem, pixel_size_x_mm and pixel_size_y_mm). What cannot be used is named.
Figures do not depend on --threads and --shard.";

/// What to measure.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model pack; again for more models. If not given, the shipped UniUltra-mini, which is inside
    /// this program.
    #[arg(long = "model", value_name = "DIR")]
    models: Vec<PathBuf>,
    /// Folder of the sets' folders.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Set to evaluate; again for more. All sets if not given.
    #[arg(long = "set", value_name = "NAME")]
    sets: Vec<String>,
    /// Set, or sets with `*` in the name, whose means are apart from the others'; again for more.
    /// For sets that training never saw.
    #[arg(long = "transfer", value_name = "SET")]
    transfer: Vec<String>,
    /// Part of each set: train, val, test or all.
    #[arg(long, value_name = "PART", default_value_t = SplitPart::Val)]
    split: SplitPart,
    /// How objects are prompted and masks scored: `uniultra-edge`, this project's way, or
    /// `published`, the way of the paper's code: boxes and no other prompt, logits summed, smoothed
    /// Dice and IoU and the Hausdorff distance on a grid of 1024 pixels a side.
    #[arg(long, value_name = "NAME", default_value_t = Protocol::default())]
    protocol: Protocol,
    /// How objects are prompted: point, box, centroid, clicks-N (corrective, one after another) or
    /// clicks-inside (1 to 32 positive ones at once); again for more. The published protocol has its own.
    #[arg(
        long = "prompt",
        value_name = "KIND",
        required_unless_present = "protocol",
        required_if_eq("protocol", "uniultra-edge")
    )]
    prompts: Vec<PromptKind>,
    /// Choose among the masks for ambiguous prompts instead of the single one.
    #[arg(long)]
    multimask: bool,
    /// Folder of the report.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for predicted masks, SET/STEM.png; below MODEL/PROMPT if there are several.
    #[arg(long, value_name = "DIR")]
    save_masks: Option<PathBuf>,
    /// Do part I of N, counted from 0; `merge` joins the parts.
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Images at once; all cores but at most 4 if not given. Each takes memory of its own, about
    /// 1 GiB for a SAM 2 encoder at 1024 pixels.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// At most K images of each set, evenly spaced.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Fail (exit code 3) if any image could not be used; the report is written all the same.
    #[arg(long)]
    strict: bool,
    /// Replace a report that is already in the folder.
    #[arg(long)]
    force: bool,
}

/// Which reports to join.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// All shards of one run: folders of `evaluate`, or their report.json; or folders of `batch`.
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// Folder of the merged report or batch.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace a report or batch that is already in the folder.
    #[arg(long)]
    force: bool,
}

/// Evaluates and writes the report.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let prompts = prompts(args)?;
    if !args.force {
        check_free(&args.out)?;
    }
    let limit = args.limit.map(|limit| limit as usize);
    let found = find_cases(&Query {
        data: &args.data,
        sets: &args.sets,
        split: args.split,
        limit,
        shard: args.shard,
    })?;
    let transfer = transfer_sets(&found.sets, &args.transfer)?;
    let choice = if args.multimask { MaskChoice::Multimask } else { MaskChoice::Single };
    let models = PackPredictor::open_all(&sources(args)?, choice)?;
    let options =
        Options { threads: threads(args.threads), save_masks: args.save_masks.as_deref() };
    let dynamic: Vec<&dyn Predictor> = models.iter().map(|model| model as _).collect();
    let bar = progress_bar(found.cases.len(), "images");
    let evaluated =
        evaluate(&found.cases, &dynamic, args.protocol, &prompts, &options, &|| bar.inc(1));
    bar.finish_and_clear();
    let Evaluated { rows, masks, mut problems } = evaluated?;
    problems.extend(found.problems);
    list(&problems);
    // A shard may be without a usable image: `merge` needs its report all the same.
    if args.shard == Shard::WHOLE {
        check_any(&rows, &problems)?;
    }

    let settings = Settings {
        protocol: args.protocol,
        transfer,
        split: args.split,
        sets: found.sets,
        prompts: prompts.iter().map(ToString::to_string).collect(),
        mask_choice: if args.multimask { "multimask" } else { "single" }.to_string(),
        limit,
    };
    let infos = models.iter().map(|model| model.info().clone()).collect();
    let command = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let report = Report::new(settings, infos, vec![command], vec![args.shard], rows, problems);
    let pictures = render_pictures(&args.out, &report, &found.cases, &masks)?;
    write_report(&args.out, &report, &pictures)?;
    finish(&report, &args.out, &format!(", {:.0} s", start.elapsed().as_secs_f32()))?;
    if args.strict && !report.problems.is_empty() {
        let (count, first) = (report.problems.len(), report.problems.into_iter().next());
        return Err(EvaluateError::Strict { count, first }.into());
    }
    Ok(())
}

/// The packs asked for, or the one inside.
fn sources(args: &Args) -> Result<Vec<ModelSource>, ManifestError> {
    if args.models.is_empty() {
        let (name, pack) =
            (uniultra_default_model::NAME.to_string(), Box::new(uniultra_default_model::pack()?));
        return Ok(vec![ModelSource::Memory { name, pack }]);
    }
    Ok(args.models.iter().cloned().map(ModelSource::Folder).collect())
}

/// The prompts asked for, each once, or those of the published protocol.
fn prompts(args: &Args) -> Result<Vec<PromptKind>, EvaluateError> {
    if args.protocol != Protocol::Published {
        return Ok(each_once(&args.prompts));
    }
    match (args.prompts.first(), args.multimask) {
        (Some(_), _) => Err(EvaluateError::Published { option: "--prompt" }),
        (None, true) => Err(EvaluateError::Published { option: "--multimask" }),
        (None, false) => Ok(vec![PromptKind::Box]),
    }
}

/// Merges reports, or batches: what the first is, all have to be.
pub(crate) fn run_merge(args: &MergeArgs) -> anyhow::Result<()> {
    if args.reports.first().is_some_and(|folder| uniultra_batch::is_batch(folder)) {
        return crate::batch::merge(&args.reports, &args.out, args.force);
    }
    if !args.force {
        check_free(&args.out)?;
    }
    let (report, pictures) = merge(&args.reports, &args.out)?;
    check_any(&report.rows, &report.problems)?;
    write_report(&args.out, &report, &pictures)?;
    finish(&report, &args.out, "")
}

/// Checks that some model answered for some image.
fn check_any(rows: &[Row], problems: &[Problem]) -> Result<(), EvaluateError> {
    if rows.iter().any(|row| row.model != BASELINE) {
        return Ok(());
    }
    Err(EvaluateError::Nothing { first: problems.first().cloned() })
}

/// Prints the tables and where the report is.
fn finish(report: &Report, folder: &std::path::Path, time: &str) -> anyhow::Result<()> {
    let text = report_document(report).to_markdown();
    out(&format!("{text}\nwrote {}{time}\n", folder.join("report.html").display()))?;
    Ok(())
}
