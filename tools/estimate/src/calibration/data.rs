//! What others measured on boards, and what the same networks take under the counter.

use crate::EstimateError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Times on boards.
const MEASURED: &str = include_str!("../../data/measured.toml");
/// Where it lies, for messages.
const MEASURED_FILE: &str = "tools/estimate/data/measured.toml";
/// Counts, as `cargo xtask race --classics --record` writes them.
const COUNTED: &str = include_str!("../../data/classics.json");
/// Where it lies, for messages.
const COUNTED_FILE: &str = "tools/estimate/data/classics.json";

/// Version of both files' layouts.
const VERSION: u32 = 1;
/// What the file of counts calls itself.
const KIND: &str = "uniultra-classics";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    schema_version: u32,
    boards: Vec<Board>,
}

/// A kind of core of a board, one thread.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Board {
    id: String,
    name: String,
    core: String,
    mhz: u32,
    section: String,
    command: String,
    measured_ms: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classics {
    kind: String,
    version: u32,
    date: String,
    emulator: String,
    engine: String,
    setting: String,
    counts: Vec<Counted>,
}

/// One run of a network as on a kind of core.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    core: String,
    network: String,
    instructions: u64,
    classes: Vec<u64>,
    misses: [u64; 2],
    memory_bytes: u64,
}

/// A network that was measured on a board and counted for its kind of core.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Pair {
    /// Kind of core.
    pub core: String,
    /// The board, by a short name.
    pub board: String,
    /// Clock of its cores as the source has it, in MHz.
    pub mhz: u32,
    /// The network, by the name that the source has for it.
    pub network: String,
    /// Mean time of a run on one thread that was measured, in milliseconds.
    pub measured_ms: f64,
    /// Instructions of a run.
    pub instructions: u64,
    /// Lines that the modelled caches of the first and of the second level did not have.
    pub misses: [u64; 2],
    /// Bytes between the second level and memory.
    pub memory_bytes: u64,
}

impl Pair {
    /// Whether the network is in int8; the source says so in its name.
    #[must_use]
    pub fn is_int8(&self) -> bool {
        self.network.ends_with("_int8")
    }
}

/// Everything that was measured and counted, and where it is from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pairs {
    pub(super) pairs: Vec<Pair>,
    /// Date, emulator, engine and its setting.
    pub(super) counted: [String; 4],
    /// A line for each board: where its times are from.
    pub(super) sources: Vec<String>,
}

impl Pairs {
    /// The pairs that came with the program.
    pub(super) fn shipped() -> Result<Self, EstimateError> {
        Self::parse(MEASURED, COUNTED)
    }

    /// Every network of every board for which both are known.
    pub(super) fn parse(measured: &str, counted: &str) -> Result<Self, EstimateError> {
        let wrong = |file: &str, reason: String| EstimateError::Calibration {
            path: Path::new(file).to_path_buf(),
            reason,
        };
        let measured: Measured =
            toml::from_str(measured).map_err(|e| wrong(MEASURED_FILE, e.to_string()))?;
        let classics: Classics =
            serde_json::from_str(counted).map_err(|e| wrong(COUNTED_FILE, e.to_string()))?;
        if measured.schema_version != VERSION {
            let found = measured.schema_version;
            return Err(wrong(MEASURED_FILE, format!("expected version {VERSION}, found {found}")));
        }
        let Classics { kind, version, date, emulator, engine, setting, counts } = classics;
        if kind != KIND || version != VERSION {
            let reason = format!("expected {KIND} {VERSION}, found {kind} {version}");
            return Err(wrong(COUNTED_FILE, reason));
        }
        let mut pairs = Vec::new();
        for board in &measured.boards {
            for (network, &measured_ms) in &board.measured_ms {
                if !(measured_ms.is_finite() && measured_ms > 0.0) || board.mhz == 0 {
                    let reason = format!("{}, {network}: expected a time above 0", board.id);
                    return Err(wrong(MEASURED_FILE, reason));
                }
                let of = |c: &&Counted| c.core == board.core && c.network == *network;
                let Some(counted) = counts.iter().find(of) else { continue };
                if counted.instructions == 0
                    || counted.classes.iter().sum::<u64>() != counted.instructions
                {
                    let reason = format!(
                        "{network} on {}: expected classes that sum up to the instructions",
                        board.core
                    );
                    return Err(wrong(COUNTED_FILE, reason));
                }
                pairs.push(Pair {
                    core: board.core.clone(),
                    board: board.id.clone(),
                    mhz: board.mhz,
                    network: network.clone(),
                    measured_ms,
                    instructions: counted.instructions,
                    misses: counted.misses,
                    memory_bytes: counted.memory_bytes,
                });
            }
        }
        pairs.sort_by(|a, b| (&a.core, &a.board, &a.network).cmp(&(&b.core, &b.board, &b.network)));
        let source = |b: &Board| {
            format!(
                "{} ({}): ncnn, benchmark/README.md, \"{}\", benchncnn {}",
                b.id, b.name, b.section, b.command
            )
        };
        let sources = measured.boards.iter().map(source).collect();
        Ok(Self { pairs, counted: [date, emulator, engine, setting], sources })
    }
}
