//! `uniultra-tools phantom`.

use crate::failure::out;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use uniultra_phantom::{
    CineConfig, CineDatasetConfig, CineSummary, DatasetConfig, GeometryChoice, MAX_FRAMES,
    PhantomConfig, Scenes, Summary, TargetKind, check_set_name, write_cine_dataset, write_dataset,
};

const EXAMPLES: &str = "\
Examples:
  uniultra-tools phantom --seed 1 --out data --count 20
      20 frames of any probe in data/phantom/{image,mask}
  uniultra-tools phantom --seed 7 --out data --count 500 --set-name convex --geometry convex
      500 fans in data/convex
  uniultra-tools phantom --seed 2 --out data --count 8 --size 512x400 --empty-share 0.25 --force
      8 frames of 512x400 px, a quarter without a target, replacing data/phantom
  uniultra-tools phantom --seed 3 --out data --count 200 --set-name organs --scenes organs
      200 frames of whole organs, chambers, vessels and layers in data/organs
  uniultra-tools phantom --cine --seed 5 --out data --count 4 --frames 200 --set-name cine
      4 sequences of 200 frames each in data/cine: the probe slides, rocks and tilts, the patient
      breathes, vessels pulsate; cine.json says what happens in each frame

The same seed gives the same frames, whatever --threads and --count.";

/// What to simulate.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Seed of the random choices; frame N depends on the seed and N only.
    #[arg(long, value_name = "N")]
    seed: u64,
    /// Folder that gets the dataset's folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of frames; with --cine, of sequences.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Simulate sequences: probe and tissue move, and every frame has the mask of one target.
    #[arg(long, conflicts_with = "empty_share")]
    cine: bool,
    /// Number of frames of a sequence.
    #[arg(
        long, value_name = "N", default_value_t = 200, requires = "cine",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_FRAMES))
    )]
    frames: u32,
    /// Name of the dataset's folder and beginning of the file names; "phantom" or "cine" if not
    /// given.
    #[arg(long, value_name = "NAME", value_parser = set_name)]
    set_name: Option<String>,
    /// What the frames show.
    #[arg(long, value_enum, default_value_t = SceneKind::Classic)]
    scenes: SceneKind,
    /// Kind of probe.
    #[arg(long, value_enum, default_value_t = ProbeKind::Any)]
    geometry: ProbeKind,
    /// Size of every frame in pixels; random (320 to 720 a side) if not given, 320x256 with --cine.
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[u32; 2]>,
    /// Share of frames without a target, whose mask is empty (0 to 1).
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = empty_share)]
    empty_share: f32,
    /// Replace a phantom dataset of the same name; never replaces anything else.
    #[arg(long)]
    force: bool,
    /// Worker threads; all cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SceneKind {
    /// Lesions, vessels, fascia strips and fetal heads in layered tissue.
    Classic,
    /// Whole organs, hollow organs, heart chambers, vessels, tissue layers, and small faint lesions
    /// among them; any visible structure can be a target.
    Organs,
}

impl From<SceneKind> for Scenes {
    fn from(kind: SceneKind) -> Self {
        match kind {
            SceneKind::Classic => Self::Classic,
            SceneKind::Organs => Self::Organs,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProbeKind {
    /// A random one for each frame.
    Any,
    /// Linear array, a rectangle.
    Linear,
    /// Phased array, a pie slice.
    Sector,
    /// Curved array, a fan.
    Convex,
}

impl From<ProbeKind> for GeometryChoice {
    fn from(kind: ProbeKind) -> Self {
        match kind {
            ProbeKind::Any => Self::Any,
            ProbeKind::Linear => Self::Linear,
            ProbeKind::Sector => Self::Sector,
            ProbeKind::Convex => Self::Convex,
        }
    }
}

/// Simulates the frames and says what was written.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let phantom = PhantomConfig {
        geometry: args.geometry.into(),
        size_px: args.size,
        empty_share: args.empty_share,
        scenes: args.scenes.into(),
    };
    let line = if args.cine { cines(args, phantom)? } else { frames(args, phantom)? };
    Ok(out(&format!("{line}\n"))?)
}

fn frames(args: &Args, phantom: PhantomConfig) -> anyhow::Result<String> {
    let config = DatasetConfig {
        seed: args.seed,
        count: args.count,
        set_name: args.set_name.clone().unwrap_or_else(|| "phantom".to_string()),
        phantom,
        force: args.force,
        threads: args.threads.map(usize::from),
    };
    let bar = progress_bar(u64::from(args.count));
    let written = write_dataset(&args.out, &config, &|| bar.inc(1));
    bar.finish_and_clear();
    Ok(summary_line(&written?))
}

fn cines(args: &Args, phantom: PhantomConfig) -> anyhow::Result<String> {
    let config = CineDatasetConfig {
        seed: args.seed,
        count: args.count,
        set_name: args.set_name.clone().unwrap_or_else(|| "cine".to_string()),
        cine: CineConfig { frames: args.frames, phantom, ..CineConfig::default() },
        force: args.force,
        threads: args.threads.map(usize::from),
    };
    let bar = progress_bar(u64::from(args.count) * u64::from(args.frames));
    let written = write_cine_dataset(&args.out, &config, &|| bar.inc(1));
    bar.finish_and_clear();
    Ok(cine_summary_line(&written?))
}

/// Drawn on stderr, and only where that is a terminal.
fn progress_bar(frames: u64) -> ProgressBar {
    let bar = ProgressBar::new(frames);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn summary_line(summary: &Summary) -> String {
    let [train, val, test] = summary.split;
    format!(
        "wrote {} frames to {} (train {train}, val {val}, test {test}); targets:{} {} empty",
        train + val + test,
        summary.path.display(),
        counted(&summary.targets),
        summary.empty
    )
}

fn cine_summary_line(summary: &CineSummary) -> String {
    let [train, val, test] = summary.split;
    format!(
        "wrote {} sequences of {} frames in all to {} (train {train}, val {val}, test {test}); \
         targets:{} {} frames without",
        train + val + test,
        summary.frames,
        summary.path.display(),
        counted(&summary.targets),
        summary.empty
    )
}

fn counted(targets: &BTreeMap<TargetKind, usize>) -> String {
    targets.iter().map(|(kind, count)| format!(" {count} {},", name(*kind))).collect()
}

fn name(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Cyst => "cyst",
        TargetKind::HypoechoicLesion => "hypoechoic",
        TargetKind::HyperechoicLesion => "hyperechoic",
        TargetKind::IsoechoicLesion => "isoechoic",
        TargetKind::Calcification => "calcification",
        TargetKind::FetalHead => "fetal head",
        TargetKind::Vessel => "vessel",
        TargetKind::FasciaStrip => "fascia strip",
        TargetKind::Liver => "liver",
        TargetKind::Spleen => "spleen",
        TargetKind::Kidney => "kidney",
        TargetKind::RenalSinus => "renal sinus",
        TargetKind::Prostate => "prostate",
        TargetKind::InnerZone => "inner zone",
        TargetKind::Uterus => "uterus",
        TargetKind::Endometrium => "endometrium",
        TargetKind::Ovary => "ovary",
        TargetKind::ThyroidLobe => "thyroid lobe",
        TargetKind::Organ => "organ",
        TargetKind::Gallbladder => "gallbladder",
        TargetKind::Bladder => "bladder",
        TargetKind::FluidPocket => "fluid pocket",
        TargetKind::HollowWall => "hollow wall",
        TargetKind::Chamber => "chamber",
        TargetKind::Myocardium => "myocardium",
        TargetKind::Muscle => "muscle",
        TargetKind::Nerve => "nerve",
        TargetKind::LymphNode => "lymph node",
        TargetKind::TissueLayer => "tissue layer",
        TargetKind::Placenta => "placenta",
        TargetKind::FetalTrunk => "fetal trunk",
        TargetKind::FetalLimb => "fetal limb",
    }
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let expected = || format!("expected WIDTHxHEIGHT such as 512x400, found {text:?}");
    let (width, height) = text.split_once('x').ok_or_else(expected)?;
    let (Ok(width), Ok(height)) = (width.parse(), height.parse()) else { return Err(expected()) };
    let config = PhantomConfig { size_px: Some([width, height]), ..Default::default() };
    config.validate().map_err(|error| error.to_string())?;
    Ok([width, height])
}

fn set_name(text: &str) -> Result<String, String> {
    check_set_name(text).map_err(|error| error.to_string())?;
    Ok(text.to_string())
}

fn empty_share(text: &str) -> Result<f32, String> {
    let empty_share = text.parse().map_err(|_| format!("expected a number, found {text:?}"))?;
    let config = PhantomConfig { empty_share, ..Default::default() };
    config.validate().map_err(|error| error.to_string())?;
    Ok(empty_share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_two_numbers() {
        assert_eq!(size("512x400"), Ok([512, 400]));
        for bad in ["512", "512x", "x400", "512x400x3", "-1x400", "512 x 400", "10x10"] {
            assert!(size(bad).is_err_and(|message| message.contains(bad)), "{bad}");
        }
    }

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(more: &[&str]) -> Result<Args, clap::Error> {
        let line = ["phantom", "--seed", "5", "--count", "4", "--out", "data"];
        Ok(<Line as clap::Parser>::try_parse_from(line.iter().chain(more))?.args)
    }

    #[test]
    fn frames_of_a_sequence_need_a_sequence() {
        let args = parsed(&["--cine", "--frames", "50"]).unwrap();
        assert_eq!((args.cine, args.frames, args.count), (true, 50, 4));
        assert_eq!(parsed(&["--cine"]).unwrap().frames, 200);
        for bad in [
            &["--frames", "50"][..],
            &["--cine", "--frames", "0"],
            &["--cine", "--frames", "10000"],
            &["--cine", "--empty-share", "0.1"],
        ] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_and_shares_are_checked_while_parsing() {
        assert!(set_name("phantom-2").is_ok());
        assert!(set_name("../phantom").is_err());
        assert_eq!(empty_share("0.05"), Ok(0.05));
        for bad in ["1.5", "-0.1", "NaN", "some"] {
            assert!(empty_share(bad).is_err(), "{bad}");
        }
    }
}
