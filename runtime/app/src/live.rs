//! `uniultra live`: the node on the command line.

use crate::args::LiveArgs;
use crate::board::RunSetup;
use crate::failure::{AppError, abandon};
use crate::model::ModelSource;
use crate::output::print;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use uniultra::MAX_LIVE_OBJECTS;
use uniultra_manifest::{Board, Overload as BoardOverload};
use uniultra_node::{Addresses, HttpOptions, NodeOptions, Overload, SourceSpec, Token, Watchdog};

/// Runs the command.
pub(crate) fn run(args: &LiveArgs, board: Option<&Path>) -> anyhow::Result<()> {
    let options = options(args)?;
    let model = ModelSource::resolve(args.model.as_deref())?;
    let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second signal ends the program at once, if the first does not.
        signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let options = NodeOptions {
        deadline: setup.board().map(deadline),
        watchdog: setup.watchdog().map(|limit| Watchdog { limit, barks }),
        overload: overload(args, setup.board()),
        ..options
    };
    let segmenter = setup.open(&model)?;
    let exposed = args.expose.as_deref();
    let figures = uniultra_node::run(segmenter, options, &stop, |addresses| {
        announce(addresses, exposed);
    })?;
    if args.no_http {
        print(&format!(
            "{} frames received, {} processed, {} skipped, {} recorded\n",
            figures.received, figures.processed, figures.dropped, figures.recorded
        ))?;
    }
    Ok(())
}

fn options(args: &LiveArgs) -> anyhow::Result<NodeOptions> {
    if args.taps.len() > MAX_LIVE_OBJECTS {
        let found = args.taps.len();
        let message = format!("expected at most {MAX_LIVE_OBJECTS} --tap, found {found}");
        return Err(AppError::Usage(message).into());
    }
    let igtl_source = args.source == SourceSpec::OpenIgtLink;
    if igtl_source && args.igtl.is_none() {
        let message = "expected --igtl ADDRESS:PORT with --source igtl".to_string();
        return Err(AppError::Usage(message).into());
    }
    if args.no_http && args.record.is_none() && args.igtl.is_none() {
        let message =
            "expected --record or --igtl with --no-http: nobody would see the outlines".to_string();
        return Err(AppError::Usage(message).into());
    }
    let token = args.expose.as_deref().map(Token::read).transpose()?;
    let http = HttpOptions { address: args.http, token, hosts: args.hosts.clone() };
    Ok(NodeOptions {
        source: args.source.clone(),
        pixel_spacing: args.pixel_spacing,
        taps: args.taps.clone(),
        http: (!args.no_http).then_some(http),
        igtl: args.igtl,
        record: args.record.clone(),
        max_rate_hz: args.max_fps.map(|fps| fps as f32),
        deadline: None,
        watchdog: None,
        overload: Overload::default(),
    })
}

/// Says where the page is. The token itself is not shown: screens and logs are read by others.
fn announce(addresses: &Addresses, exposed: Option<&Path>) {
    let mut text = String::new();
    if let Some(address) = addresses.http {
        text += &format!("http://{address}/\n");
    }
    if let (Some(address), Some(token)) = (addresses.http, exposed) {
        text += &format!(
            "from other machines: http://THIS-MACHINE:{}/#token=TOKEN, with the token in {}\n",
            address.port(),
            token.display()
        );
    }
    if let Some(address) = addresses.igtl {
        text += &format!("OpenIGTLink on {address}\n");
    }
    text += "Ctrl+C ends. Research use only, not a medical device.\n";
    if let Err(error) = print(&text) {
        log::warn!("stdout: {error}");
    }
}

/// The command line wins over the profile.
fn overload(args: &LiveArgs, board: Option<&Board>) -> Overload {
    match args.overload.or(board.map(|board| board.live.overload)).unwrap_or_default() {
        BoardOverload::Skip => Overload::Skip,
        BoardOverload::LowerRate => Overload::LowerRate,
        BoardOverload::DecodeOnly => Overload::DecodeOnly,
    }
}

/// A frame with one object: an encode and a click.
fn deadline(board: &Board) -> Duration {
    Duration::from_millis(u64::from(board.budget.encode_ms + board.budget.click_ms))
}

fn barks(silent: Duration) {
    let message =
        format!("watchdog: the session gave no sign of life for {} ms", silent.as_millis());
    abandon(&AppError::Missed(message).into());
}
