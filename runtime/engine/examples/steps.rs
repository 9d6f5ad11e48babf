//! Encodes and clicks of a pack on one thread, and nothing else: what `cargo xtask cross --count` counts
//! the instructions of.
//!
//! ```text
//! steps --pack DIR [--rounds N] [--plain]
//! ```
//!
//! It says each of these in a line, at once, when it has done it: `loaded`; N times `encode`; N times
//! `click`; `encode: R I` and `click: R I`, the multiply-accumulates of floats and of integers that one takes;
//! and `encode of OP: R I`, the same of each kind of operation.
//! `--plain` runs the engine's operations without the runtime's own.

use std::collections::BTreeMap;
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
    rounds: u32,
    plain: bool,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut pack = None;
        let (mut rounds, mut plain) = (3, false);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--pack" => pack = Some(value()?.into()),
                "--rounds" => rounds = value()?.parse()?,
                "--plain" => plain = true,
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        Ok(Self { pack: pack.ok_or("--pack is missing")?, rounds, plain })
    }
}

fn run(options: &Options) -> Outcome<()> {
    let pack = Pack::open(&options.pack)?;
    let engine = EngineOptions::default();
    let network = match options.plain {
        true => TractNetwork::without_kernels(&pack, &engine)?,
        false => TractNetwork::from_pack(&pack, &engine)?,
    };
    let model = &pack.manifest().model;
    let side = model.image_size;
    // Any values do: no path through the networks depends on them.
    let image: Vec<f32> =
        (0..model.channels.count() * side * side).map(|i| (i % 251) as f32 / 251.0).collect();
    let middle = side as f32 / 2.0;
    let prompts = Prompts::new().with_point(middle, middle, PointLabel::Positive)?;
    let input = DecoderInput::from_prompts(&prompts, side, side, side)?;
    let mut output = DecoderOutput::new(side / 4);
    let mut click = |embedding: &Embedding| network.decode(embedding, &input, &mut output);

    // Standard output passes a line on when it ends.
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "loaded")?;
    let mut embedding = None;
    for _ in 0..options.rounds {
        embedding = Some(network.encode(&image)?);
        writeln!(stdout, "encode")?;
    }
    let embedding = embedding.ok_or("--rounds: expected 1 or more")?;
    for _ in 0..options.rounds {
        click(&embedding)?;
        writeln!(stdout, "click")?;
    }
    let (encoded, encodes) = network.recorded(|| network.encode(&image));
    encoded?;
    let (clicked, clicks) = network.recorded(|| click(&embedding));
    clicked?;
    for (what, runs) in [("encode", encodes), ("click", clicks)] {
        let ops = macs(&runs);
        let [real, integer] = [0, 1].map(|kind| ops.values().map(|macs| macs[kind]).sum::<u64>());
        writeln!(stdout, "{what}: {real} {integer}")?;
        for (op, [real, integer]) in ops {
            writeln!(stdout, "{what} of {op}: {real} {integer}")?;
        }
    }
    Ok(())
}

/// Multiply-accumulates of floats and of integers, of each kind of operation.
fn macs(runs: &[PlanRun]) -> BTreeMap<&str, [u64; 2]> {
    let mut macs: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for op in runs.iter().flat_map(|run| &run.ops) {
        let of_kind = macs.entry(&op.op).or_default();
        of_kind[0] += op.real_macs;
        of_kind[1] += op.integer_macs;
    }
    macs
}
