//! Instructions, counted under emulation: `boards/instructions.json`.

use crate::{EstimateError, PackWork, PhaseWork};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use uniultra_schema::ModelIdentity;

/// Says what the file is.
const KIND: &str = "uniultra-instructions";

/// Version of the file's layout.
pub const INSTRUCTIONS_VERSION: u32 = 1;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The file of this version of the program.
const SHIPPED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../boards/instructions.json"));

/// The graph with the runtime's own operations in it; other names are of graphs that it is compared with.
const OURS: &str = "ours";

/// How far two graphs' multiply-accumulates may differ and be one graph: the engine's own operations are
/// not cut alike for every processor.
const SAME: f64 = 0.01;

/// What was counted, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstructionCounts {
    /// Always `uniultra-instructions`.
    pub kind: String,
    /// Always [`INSTRUCTIONS_VERSION`].
    pub version: u32,
    /// When, as YYYY-MM-DD.
    pub date: String,
    /// The emulator and its version.
    pub emulator: String,
    /// Each model on each kind of core.
    pub models: Vec<CountedModel>,
}

/// One model on one kind of core, on one thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedModel {
    /// Kind of core.
    pub core: String,
    /// `ours` for what the runtime makes of the model, else what it is compared with.
    pub graph: String,
    /// Id of the model.
    pub model: String,
    /// Arithmetic of its graphs.
    pub precision: String,
    /// Side of its input, in pixels.
    pub image_size_px: usize,
    /// The image encoder, and the mask decoder's part of a frame.
    pub encode: CountedPhase,
    /// The mask decoder from prompt to logits.
    pub click: CountedPhase,
}

/// One encode or one click.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedPhase {
    /// Instructions.
    pub instructions: u64,
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Lines that the modelled caches of the first and of the second level did not have, where they were
    /// modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misses: Option<[u64; 2]>,
}

/// What a phase takes as on a core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) instructions: f64,
    /// Of both caches, where they were modelled.
    pub(crate) misses: Option<[f64; 2]>,
}

/// What was found for a model as on a core.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) basis: Basis,
    pub(crate) encode: Taken,
    pub(crate) click: Taken,
    /// The kind of core whose caches were modelled.
    pub(crate) misses_of: String,
}

/// Where an estimate has its instructions from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Counted with this model for this kind of core.
    Counted {
        /// The kind of core that it was counted for.
        core: String,
    },
    /// Counted with another model, and scaled by multiply-accumulates.
    Scaled {
        /// The kind of core that it was counted for.
        core: String,
        /// Id of the other model.
        model: String,
        /// Side of the other model's input, in pixels.
        image_size_px: usize,
    },
    /// Unknown: the estimate rests on the vector pipes alone.
    Pipes,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted { core } => write!(f, "instructions counted for {core}"),
            Self::Scaled { core, model, image_size_px } => {
                write!(f, "instructions scaled from {model} at {image_size_px} px on {core}")
            }
            Self::Pipes => f.write_str("no instructions counted: vector pipes alone"),
        }
    }
}

impl CountedPhase {
    fn macs(&self) -> f64 {
        (self.real_macs + self.integer_macs) as f64
    }

    fn taken(&self, factor: f64, misses: Option<[u64; 2]>) -> Taken {
        let misses = misses.map(|both| both.map(|count| count as f64 * factor));
        Taken { instructions: self.instructions as f64 * factor, misses }
    }

    /// Whether both take the same instructions: two processors that run the same code.
    fn executes(&self, other: &Self) -> bool {
        self.instructions.abs_diff(other.instructions) * 1000 <= self.instructions
    }

    /// The factor for other multiply-accumulates.
    fn scale(&self, work: &PhaseWork) -> f64 {
        work.macs() as f64 / self.macs().max(1.0)
    }

    fn is_of(&self, work: &PhaseWork) -> bool {
        let near = |a: u64, b: u64| a.abs_diff(b) as f64 <= SAME * (a.max(b) as f64);
        near(self.real_macs, work.real_macs) && near(self.integer_macs, work.integer_macs)
    }
}

impl InstructionCounts {
    /// The counts that came with the program.
    ///
    /// # Errors
    /// [`EstimateError::Counts`] never, for a test reads them.
    pub fn shipped() -> Result<Self, EstimateError> {
        Self::parse(SHIPPED, Path::new("boards/instructions.json"))
    }

    /// Counts from a file.
    ///
    /// # Errors
    /// [`EstimateError::Counts`] if it cannot be read or is another file.
    pub fn open(path: &Path) -> Result<Self, EstimateError> {
        let wrong = |reason: String| EstimateError::Counts { path: path.to_path_buf(), reason };
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(wrong(format!("expected at most {MAX_BYTES} bytes, found {size}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, EstimateError> {
        let wrong = |reason: String| EstimateError::Counts { path: path.to_path_buf(), reason };
        let counts: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let Self { kind, version, .. } = &counts;
        if kind != KIND || *version != INSTRUCTIONS_VERSION {
            let expected = format!("{KIND} {INSTRUCTIONS_VERSION}");
            return Err(wrong(format!("expected {expected}, found {kind} {version}")));
        }
        let empty = |phase: &CountedPhase| phase.instructions == 0 || phase.macs() == 0.0;
        if let Some(model) = counts.models.iter().find(|m| empty(&m.encode) || empty(&m.click)) {
            return Err(wrong(format!("{} on {}: a count is 0", model.model, model.core)));
        }
        Ok(counts)
    }

    /// What an encode and a click take as on `core`, and where the counts come from; none if nothing like it
    /// was counted.
    pub(crate) fn find(&self, core: &str, facts: &ModelIdentity, work: &PackWork) -> Option<Found> {
        let like = |model: &&CountedModel| {
            model.core == core && model.graph == OURS && model.precision == facts.precision
        };
        let same = |model: &&CountedModel| {
            model.image_size_px == facts.image_size
                && model.encode.is_of(&work.encode)
                && model.click.is_of(&work.click)
        };
        if let Some(model) = self.models.iter().filter(like).find(same) {
            let basis = Basis::Counted { core: core.to_string() };
            return Some(self.found(basis, model, [1.0, 1.0]));
        }
        let ratio = |model: &CountedModel| {
            (model.encode.macs() / (work.encode.macs() as f64).max(1.0)).ln().abs()
        };
        let nearest = self.models.iter().filter(like);
        let model = nearest.min_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
        let (image_size_px, id) = (model.image_size_px, model.model.clone());
        let basis = Basis::Scaled { core: core.to_string(), model: id, image_size_px };
        let factors = [model.encode.scale(&work.encode), model.click.scale(&work.click)];
        Some(self.found(basis, model, factors))
    }

    fn found(&self, basis: Basis, model: &CountedModel, factors: [f64; 2]) -> Found {
        let twin = self.with_misses(model).unwrap_or(model);
        let [encode, click] = factors;
        Found {
            basis,
            encode: model.encode.taken(encode, twin.encode.misses),
            click: model.click.taken(click, twin.click.misses),
            misses_of: twin.core.clone(),
        }
    }

    /// The model itself if its misses were counted, else the same on a core that executes the same instructions.
    fn with_misses<'a>(&'a self, model: &'a CountedModel) -> Option<&'a CountedModel> {
        let alike = |other: &&CountedModel| {
            other.model == model.model
                && other.graph == model.graph
                && other.image_size_px == model.image_size_px
                && other.encode.executes(&model.encode)
                && other.click.executes(&model.click)
        };
        let known = |m: &&CountedModel| m.encode.misses.is_some() && m.click.misses.is_some();
        std::iter::once(model).chain(self.models.iter().filter(alike)).find(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{counts, facts, work};

    #[test]
    fn the_shipped_counts_can_be_read() {
        InstructionCounts::shipped().unwrap();
    }

    #[test]
    fn a_model_that_was_counted_is_known_by_its_work() {
        let found = counts().find("cortex-a53", &facts(), &work()).unwrap();
        assert_eq!(found.basis, Basis::Counted { core: "cortex-a53".to_string() });
        assert_eq!([found.encode.instructions, found.click.instructions], [3e9, 4e8]);
        assert_eq!(found.encode.misses, None);
        // Half a percent more is the same graph, cut elsewhere; half as much again is another.
        let mut other = work();
        other.encode.real_macs += other.encode.real_macs / 200;
        let found = counts().find("cortex-a53", &facts(), &other).unwrap();
        assert!(matches!(found.basis, Basis::Counted { .. }));
        other.encode.real_macs = work().encode.real_macs * 3 / 2;
        let found = counts().find("cortex-a53", &facts(), &other).unwrap();
        let scale = other.encode.macs() as f64 / work().encode.macs() as f64;
        assert!(matches!(found.basis, Basis::Scaled { image_size_px: 512, .. }));
        let [encode, click] = [found.encode.instructions, found.click.instructions];
        assert!((encode - 3e9 * scale).abs() < 1.0 && (click - 4e8).abs() < 1.0, "{found:?}");
    }

    #[test]
    fn misses_are_of_the_core_or_of_one_that_executes_the_same() {
        let mut counts = counts();
        counts.models[0].encode.misses = Some([7, 5]);
        counts.models[0].click.misses = Some([3, 1]);
        let mut twin = counts.models[0].clone();
        twin.core = "cortex-a72".to_string();
        twin.encode.misses = None;
        twin.encode.instructions += 1000;
        counts.models.push(twin);
        let find = |counts: &InstructionCounts| {
            let found = counts.find("cortex-a72", &facts(), &work()).unwrap();
            (found.encode.misses, found.misses_of)
        };
        assert_eq!(find(&counts), (Some([7.0, 5.0]), "cortex-a53".to_string()));
        counts.models[1].encode.misses = Some([9, 2]);
        assert_eq!(find(&counts), (Some([9.0, 2.0]), "cortex-a72".to_string()));
        // Other code: its misses say nothing.
        counts.models[1].encode.misses = None;
        counts.models[1].encode.instructions *= 2;
        assert_eq!(find(&counts).0, None);
    }

    #[test]
    fn other_cores_precisions_and_graphs_are_not_taken_for_it() {
        assert!(counts().find("cortex-a76", &facts(), &work()).is_none());
        let f32 = ModelIdentity { precision: "f32".to_string(), ..facts() };
        assert!(counts().find("cortex-a53", &f32, &work()).is_none());
        let mut plain = counts();
        plain.models[0].graph = "plain".to_string();
        assert!(plain.find("cortex-a53", &facts(), &work()).is_none());
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let refused = |text: &str| {
            InstructionCounts::parse(text, Path::new("c.json")).unwrap_err().to_string()
        };
        let text = serde_json::to_string(&counts()).unwrap();
        let wrong = refused(&text.replace(KIND, "other"));
        assert!(wrong.contains("c.json") && wrong.contains("found other 1"), "{wrong}");
        assert!(refused("{}").contains("missing field"));
        assert!(refused(&text.replace("3000000000", "0")).contains("a count is 0"));
        let absent = InstructionCounts::open(Path::new("absent.json")).unwrap_err().to_string();
        assert!(absent.contains("absent.json"));
    }
}
