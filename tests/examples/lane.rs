//! Our runtime's lane in the race of `cargo xtask race`: one pack in one process.
//!
//! ```text
//! lane --pack DIR --inputs DIR --threads N
//! ```
//!
//! `--inputs` is a folder of `race_inputs`. Requests come on stdin and answers go to stdout, one
//! JSON object a line; `tests/peers/README.md` has the protocol. An answer with `error` is the
//! last.

use serde_json::{Value, json};
use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::{
    Embedding, EngineOptions, TractNetwork, cpu_features, engine_name, peak_rss_mib,
};
use uniultra_manifest::Manifest;
use uniultra_tests::npy;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A racer that went away reads no answer, so a failed write changes nothing.
            let _ = answer(&json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Outcome<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut lane: Option<Lane> = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let runs = request["runs"].as_u64().unwrap_or(1);
        let reply = match (request["do"].as_str(), &mut lane) {
            (Some("load"), empty) => {
                let start = Instant::now();
                let loaded = empty.insert(Lane::load(&options)?);
                loaded.describe(elapsed_ms(start), options.threads)
            }
            (Some("encode"), Some(lane)) => json!({ "ms": timed(runs, || lane.encode())? }),
            (Some("click"), Some(lane)) => json!({ "ms": timed(runs, || lane.click())? }),
            (Some("outputs"), Some(lane)) => {
                let folder = request["folder"].as_str().ok_or("`outputs` needs a `folder`")?;
                lane.write(Path::new(folder))?;
                json!({})
            }
            (Some("quit"), _) => {
                answer(&json!({ "peak_mib": peak_rss_mib() }))?;
                return Ok(());
            }
            _ => return Err(format!("expected a request of the protocol, found {request}").into()),
        };
        answer(&reply)?;
    }
    Ok(())
}

fn answer(reply: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{reply}")?;
    out.flush()
}

struct Options {
    pack: PathBuf,
    inputs: PathBuf,
    threads: usize,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let (mut pack, mut inputs, mut threads) = (None, None, 1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(format!("{word} needs a value"))?;
            match word.as_str() {
                "--pack" => pack = Some(value.into()),
                "--inputs" => inputs = Some(value.into()),
                "--threads" => threads = value.parse()?,
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        let pack = pack.ok_or("--pack is missing")?;
        Ok(Self { pack, inputs: inputs.ok_or("--inputs is missing")?, threads })
    }
}

struct Lane {
    network: TractNetwork,
    manifest: Manifest,
    image: Vec<f32>,
    click: DecoderInput,
    embedding: Option<Embedding>,
    output: DecoderOutput,
}

impl Lane {
    fn load(options: &Options) -> Outcome<Self> {
        let engine = EngineOptions::new().with_threads(options.threads);
        let (network, manifest) = TractNetwork::open(&options.pack, &engine)?;
        let read = |name: &str| npy::read(&options.inputs.join(name).with_extension("npy"));
        let point_coords = read("point_coords")?;
        let side = manifest.model.image_size / 4;
        let click = DecoderInput {
            point_coords: point_coords.as_chunks::<2>().0.to_vec(),
            point_labels: read("point_labels")?,
            mask_input: None,
        };
        let (image, output) = (read("image")?, DecoderOutput::new(side));
        Ok(Self { network, manifest, image, click, embedding: None, output })
    }

    fn describe(&self, load_ms: f64, threads: usize) -> Value {
        json!({
            "load_ms": load_ms,
            "engine": format!("uniultra-engine {} on {}", env!("CARGO_PKG_VERSION"), engine_name()),
            "setting": format!("threads {threads}"),
            "cpu_features": cpu_features(),
        })
    }

    fn encode(&mut self) -> Outcome<()> {
        self.embedding = Some(self.network.encode(&self.image)?);
        Ok(())
    }

    fn click(&mut self) -> Outcome<()> {
        let embedding = self.embedding.as_ref().ok_or("expected `encode` before `click`")?;
        self.network.decode(embedding, &self.click, &mut self.output)?;
        Ok(())
    }

    /// The outputs of the last `encode` and `click`, each as `NAME.npy`.
    fn write(&self, folder: &Path) -> Outcome<()> {
        let embedding = self.embedding.as_ref().ok_or("expected `encode` before `outputs`")?;
        std::fs::create_dir_all(folder)?;
        let network = &self.manifest.image_encoder;
        for (tensor, values) in network.outputs.iter().zip(embedding.values()?) {
            let file = folder.join(&tensor.name).with_extension("npy");
            npy::write(&file, &[values.len()], values)?;
        }
        let DecoderOutput { logits, predicted_iou, object_score_logit, .. } = &self.output;
        for (name, values) in [
            ("masks", logits.as_slice()),
            ("iou_predictions", predicted_iou),
            ("object_score_logits", &[*object_score_logit]),
        ] {
            npy::write(&folder.join(name).with_extension("npy"), &[values.len()], values)?;
        }
        Ok(())
    }
}

/// Milliseconds of each of `runs` runs.
fn timed(runs: u64, mut work: impl FnMut() -> Outcome<()>) -> Outcome<Vec<f64>> {
    let mut taken = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        taken.push(elapsed_ms(start));
    }
    Ok(taken)
}

fn elapsed_ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
