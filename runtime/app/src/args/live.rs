//! The command line of `uniultra live`.

use super::{model_help, spacing, threads};
use std::net::SocketAddr;
use std::path::PathBuf;
use uniultra_core::PixelSpacing;
use uniultra_manifest::Overload;
use uniultra_node::{SOURCE_FORMS, SourceSpec};

pub(super) const EXAMPLES: &str = "\
Examples:
  uniultra live
      a simulated cyst on http://127.0.0.1:8080/: tap on it
  uniultra live --source dir:frames@20 --record data/session1
  ffmpeg -re -i clip.mp4 -f yuv4mpegpipe -pix_fmt gray - | uniultra live --source y4m:-
  gst-launch-1.0 -q v4l2src ! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink |
      uniultra live --source y4m:- --threads 2
  uniultra live --source raw:gray8,640x480@unix:/run/scanner.sock --pixel-spacing 0.12
  uniultra live --source dir:frames@20 --no-http --tap 200,150 --record data/session1
      without a page: follows what lies at 200,150 on the first frame, through every frame
  uniultra live --source igtl --igtl 127.0.0.1:18944
  (umask 077; openssl rand -hex 16 > token.txt)
  uniultra live --http 0.0.0.0:8080 --expose token.txt --allow-host scanner.local
      for other machines, which open http://scanner.local:8080/#token=THE-TOKEN

Ctrl+C or SIGTERM ends the program within a second; files of --record are whole. A source that stops may
return: FIFOs and sockets are opened again. Frames that come faster than the model answers are skipped
and counted; --overload has other ways.

Research software, not a medical device.";

fn source_help() -> String {
    format!("Where frames come from: {SOURCE_FORMS}")
}

/// `uniultra live`.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveArgs {
    #[arg(long, value_name = "SOURCE", default_value = "demo", help = source_help())]
    pub(crate) source: SourceSpec,
    #[arg(long, value_name = "DIR", help = model_help())]
    pub(crate) model: Option<PathBuf>,
    /// Serve the page and its API there; port 0 takes a free one. Only this machine can open it,
    /// unless --expose is given.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) http: SocketAddr,
    /// Serve no page.
    #[arg(long)]
    pub(crate) no_http: bool,
    /// Let other machines open the page, with the token in this file: at least 16 letters, digits, `-`
    /// or `_`, in a file of mode 600. The page's address then ends in `/#token=` and the token. The connection
    /// is not encrypted.
    #[arg(long, value_name = "TOKEN-FILE", conflicts_with = "no_http")]
    pub(crate) expose: Option<PathBuf>,
    /// A further name of this machine that browsers may use for the page. Repeat it for several.
    #[arg(long = "allow-host", value_name = "NAME", conflicts_with = "no_http")]
    pub(crate) hosts: Vec<String>,
    /// Serve OpenIGTLink there, for 3D Slicer and other viewers: images in (with --source igtl) and points;
    /// label maps, outlines and states out. Addresses of this machine only.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    pub(crate) igtl: Option<SocketAddr>,
    /// Record frames with an outline, their masks, prompts and sizes as a data set in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// A click on the first frame, inside an object; up to 8, each for an object of its own.
    #[arg(long = "tap", value_name = "X,Y", allow_hyphen_values = true, value_parser = tap)]
    pub(crate) taps: Vec<[f32; 2]>,
    /// Side of a pixel in millimetres, 0.001 to 10, if the source does not say it. Two numbers if pixels
    /// are not square: the width, then the height.
    #[arg(long, value_name = "X[,Y]", allow_hyphen_values = true, value_parser = spacing)]
    pub(crate) pixel_spacing: Option<PixelSpacing>,
    /// Give the model at most N frames a second, 0.1 to 240, the newest ones: less heat, longer battery.
    #[arg(long, value_name = "N", value_parser = super::fps)]
    pub(crate) max_fps: Option<f64>,
    /// What to do when frames come faster than the model answers: skip (the newest frame whenever the model is
    /// free), lower_rate (every 2nd, 3rd .. frame, evenly), or decode_only (the same, and on the frames between
    /// outlines are moved with the picture, and marked as moved), for example `--overload lower_rate`
    /// [default: from --board, or skip].
    #[arg(long, value_name = "POLICY", value_parser = overload)]
    pub(crate) overload: Option<Overload>,
    /// Threads of the engine [default: from --board, or 1].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("expected an address and a port, such as 127.0.0.1:8080, found `{text}`")
    })
}

fn overload(text: &str) -> Result<Overload, String> {
    match text {
        "skip" => Ok(Overload::Skip),
        "lower_rate" => Ok(Overload::LowerRate),
        "decode_only" => Ok(Overload::DecodeOnly),
        _ => Err(format!("expected skip, lower_rate or decode_only, found `{text}`")),
    }
}

fn tap(text: &str) -> Result<[f32; 2], String> {
    match super::numbers(text)?[..] {
        [x, y] if x >= 0.0 && y >= 0.0 && x.is_finite() && y.is_finite() => Ok([x, y]),
        _ => Err("expected X,Y in pixels of the frame, 0 or more".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;
    use uniultra_node::ByteSource;

    fn parse(tail: &str) -> Result<LiveArgs, clap::Error> {
        let line = format!("uniultra live {tail}");
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Live(args) => Ok(*args),
            _ => panic!("not a live line"),
        }
    }

    #[test]
    fn the_demo_on_this_machine_is_the_default() {
        let args = parse("").unwrap();
        assert_eq!(
            (args.source, args.http.to_string()),
            (SourceSpec::Demo, "127.0.0.1:8080".into())
        );
        let args = parse("--source y4m:- --tap 1,2 --tap 3.5,4 --http [::1]:0").unwrap();
        assert_eq!(args.source, SourceSpec::Y4m(ByteSource::Stdin));
        assert_eq!(args.taps, [[1.0, 2.0], [3.5, 4.0]]);
        assert_eq!(args.overload, None);
        let given = ["skip", "lower_rate", "decode_only"]
            .map(|name| parse(&format!("--overload {name}")).unwrap().overload);
        let expected = [Overload::Skip, Overload::LowerRate, Overload::DecodeOnly];
        assert_eq!(given, expected.map(Some));
    }

    #[test]
    fn wrong_syntax_is_a_usage_error() {
        for tail in [
            "--source mp4:x",
            "--source dir:x@0",
            "--http 8080",
            "--http localhost:8080",
            "--tap 1",
            "--tap -5,120",
            "--tap nan,5",
            "--max-fps 0",
            "--overload faster",
            "--no-http --expose t",
            "--no-http --allow-host x",
            "--pixel-spacing 0",
        ] {
            assert_eq!(parse(tail).unwrap_err().exit_code(), 2, "{tail}");
        }
    }
}
