//! `uniultra-tools prepare`.

use crate::failure::out;
use crate::images::{progress_bar, threads};
use crate::json;
use anyhow::Context;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;
use std::sync::OnceLock;
use uniultra_prepare::{
    PrepareConfig, catalogue_document, prepare, report_document, source, sources,
};
use uniultra_report::json_text;
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  uniultra-tools prepare --list
      the data sets that are known: organ, images, licence, where to get them
  uniultra-tools prepare busi raw/Dataset_BUSI_with_GT --out prepared/busi
      prepared/busi/busi and prepared/busi/busi-normal: image, mask, data_split.json, README.md
  uniultra-tools prepare camus raw/CAMUS_public --out prepared/camus
      a set for each structure: camus_lv, camus_myo, camus_la
  uniultra-tools prepare ddti raw/DDTI --out prepared/ddti --allow-missing --group-duplicates
      without the images that nobody annotated; images that look alike stay in one part of the split

RAW_DIR is the data set as downloaded, with its archives unpacked. It is only read. A published
split is kept. Otherwise the part of an image follows from a hash of its patient, case or name, so
the same folder always gives the same split. prepare.json in the data folder says what was written,
what was left out and why, and which images look alike. Nothing is downloaded.";

/// What to prepare, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The data set.
    #[arg(
        value_name = "NAME",
        required_unless_present = "list",
        value_parser = PossibleValuesParser::new(sources().iter().map(|source| source.name))
    )]
    name: Option<String>,
    /// Its folder, as downloaded and unpacked.
    #[arg(value_name = "RAW_DIR", required_unless_present = "list")]
    raw: Option<PathBuf>,
    /// The data folder to make; it must not exist.
    #[arg(long, value_name = "DATA", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// Print a table of the data sets that are known, and end.
    #[arg(long, exclusive = true)]
    list: bool,
    /// Share of the groups for validation, where there is no published split.
    #[arg(long, value_name = "F", default_value_t = 0.1)]
    val_share: f64,
    /// Share of the groups for testing, where there is no published split.
    #[arg(long, value_name = "F", default_value_t = 0.2)]
    test_share: f64,
    /// Split by groups although the data set comes with a split.
    #[arg(long)]
    resplit: bool,
    /// Keep images that look alike in one part; a published split is not changed.
    #[arg(long)]
    group_duplicates: bool,
    /// Most bits of 256 in which two images differ that look alike.
    #[arg(
        long, value_name = "BITS", default_value_t = DISTANCE_BITS,
        value_parser = clap::value_parser!(u32).range(0..=128)
    )]
    duplicate_distance: u32,
    /// Leave images without a usable mask out, and list them, instead of refusing the folder.
    #[arg(long)]
    allow_missing: bool,
    /// Images at once, 1 to 1024; at most 4 if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write prepare.json to another file, too; `-` prints it in place of the tables.
    #[arg(long, value_name = "-|FILE")]
    json: Option<Destination>,
}

/// Bits in which two images differ that are taken for one view.
const DISTANCE_BITS: u32 = 16;

/// Prepares, or prints the list.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        return Ok(out(&catalogue_document().to_markdown())?);
    }
    json::check(args.json.as_ref())?;
    let (Some(name), Some(raw), Some(folder)) = (&args.name, &args.raw, &args.out) else {
        anyhow::bail!("expected NAME, RAW_DIR and --out");
    };
    let config = PrepareConfig {
        source: source(name).context("a name of the list")?,
        raw: raw.clone(),
        out: folder.clone(),
        val_share: args.val_share,
        test_share: args.test_share,
        resplit: args.resplit,
        group_duplicates: args.group_duplicates,
        duplicate_distance_bits: args.duplicate_distance,
        allow_missing: args.allow_missing,
        threads: threads(args.threads),
    };
    let bar = OnceLock::new();
    let begin = |images| drop(bar.set(progress_bar(images, "images")));
    let report = prepare(&config, begin, &|| {
        if let Some(bar) = bar.get() {
            bar.inc(1);
        }
    });
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    let report = report?;
    let tables = || {
        let page = report_document(&report).to_markdown();
        format!("{page}\nwrote {}\n", folder.display())
    };
    json::print(args.json.as_ref(), || json_text(None, &report), tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(line: &[&str]) -> Result<Args, clap::Error> {
        let line = ["prepare"].iter().chain(line);
        Ok(<Line as clap::Parser>::try_parse_from(line)?.args)
    }

    #[test]
    fn a_name_a_folder_and_an_output_are_needed_unless_the_list_is() {
        assert!(parsed(&["--list"]).unwrap().list);
        let args = parsed(&["busi", "raw", "--out", "data"]).unwrap();
        assert_eq!(
            (args.name.as_deref(), args.val_share, args.test_share),
            (Some("busi"), 0.1, 0.2)
        );
        for bad in [
            &["busi", "raw"][..],
            &["busi", "--out", "data"],
            &["imagenet", "raw", "--out", "data"],
            &["--list", "busi"],
            &["busi", "raw", "--out", "data", "--duplicate-distance", "200"],
            &["busi", "raw", "--out", "data", "--threads", "0"],
        ] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
