//! So many encodes and so many clicks of a pack on one thread, and nothing else: what
//! `cargo xtask cross --count` counts the instructions of, as the difference between runs.
//!
//! ```text
//! steps --pack DIR --encodes N --clicks N [--plain] [--work]
//! ```
//!
//! `--plain` runs the engine's operations without the runtime's own. `--work` prints the
//! multiply-accumulates of one encode and one click, floats before integers, a line each.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use uniultra_core::{DecoderInput, DecoderOutput, Network, PointLabel, Prompts};
use uniultra_engine::{Embedding, EngineOptions, PlanRun, TractNetwork};
use uniultra_manifest::Pack;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if stderr fails.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    pack: PathBuf,
    encodes: u32,
    clicks: u32,
    plain: bool,
    work: bool,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut pack = None;
        let (mut encodes, mut clicks, mut plain, mut work) = (1, 1, false, false);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--pack" => pack = Some(value()?.into()),
                "--encodes" => encodes = value()?.parse()?,
                "--clicks" => clicks = value()?.parse()?,
                "--plain" => plain = true,
                "--work" => work = true,
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        Ok(Self { pack: pack.ok_or("--pack is missing")?, encodes, clicks, plain, work })
    }
}

fn run(options: &Options) -> Outcome<()> {
    let pack = Pack::open(&options.pack)?;
    let engine = EngineOptions::default();
    let network = match options.plain {
        true => TractNetwork::without_kernels(&pack, &engine)?,
        false => TractNetwork::of(&pack, &engine)?,
    };
    let model = &pack.manifest().model;
    let side = model.image_size;
    // Any values do: no path through the networks depends on them.
    let image: Vec<f32> =
        (0..model.channels.count() * side * side).map(|i| (i % 251) as f32 / 251.0).collect();
    let middle = side as f32 / 2.0;
    let prompts = Prompts::new().with_point(middle, middle, PointLabel::Positive)?;
    let input = DecoderInput::of(&prompts, side, side, side)?;
    let mut output = DecoderOutput::new(side / 4);
    let mut click = |embedding: &Embedding| network.decode(embedding, &input, &mut output);

    if options.work {
        let (embedding, runs) = network.recorded(|| network.encode(&image));
        let embedding = embedding?;
        let (clicked, clicks) = network.recorded(|| click(&embedding));
        clicked?;
        let mut stdout = std::io::stdout().lock();
        for (what, runs) in [("encode", runs), ("click", clicks)] {
            let [real, integer] = macs(&runs);
            writeln!(stdout, "{what} {real} {integer}")?;
        }
        return Ok(());
    }
    let mut embedding = None;
    for _ in 0..options.encodes {
        embedding = Some(network.encode(&image)?);
    }
    let embedding = embedding.ok_or("--encodes: expected 1 or more")?;
    for _ in 0..options.clicks {
        click(&embedding)?;
    }
    Ok(())
}

/// Multiply-accumulates of floats and of integers.
fn macs(runs: &[PlanRun]) -> [u64; 2] {
    let ops = || runs.iter().flat_map(|run| &run.ops);
    [ops().map(|op| op.real_macs).sum(), ops().map(|op| op.integer_macs).sum()]
}
