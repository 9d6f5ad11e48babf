//! Why a pack cannot be quantized.

use std::path::PathBuf;
use uniultra_engine::EngineError;
use uniultra_evaluate::EvaluateError;
use uniultra_export::ExportError;
use uniultra_manifest::ManifestError;
use uniultra_onnx::OnnxError;

/// A failure; messages say what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The configuration is refused.
    #[error("configuration: {0}")]
    Config(String),
    /// The f32 pack is refused.
    #[error(transparent)]
    Pack(#[from] ManifestError),
    /// The pack is quantized already.
    #[error("`{id}`: expected an f32 pack, found {found}")]
    AlreadyQuantized {
        /// The pack's id.
        id: String,
        /// Its precision, or the operation that gave it away.
        found: String,
    },
    /// A graph holds nothing that could be quantized.
    #[error("{network}: expected layers with constant weights of at least 8 inputs, found none")]
    NoLayers {
        /// Which network.
        network: String,
    },
    /// `--exclude` names nothing.
    #[error(
        "exclude `{name}`: expected a layer or the beginning of one, found none; the layers are {layers}"
    )]
    UnknownLayer {
        /// The name.
        name: String,
        /// Some that there are.
        layers: String,
    },
    /// `[qat]` in the pack's manifest names something that its graphs do not have.
    #[error(
        "model.toml: qat.input_ranges: expected layers of the graphs, found `{name}`; export the weights anew"
    )]
    UntrainedLayer {
        /// The name.
        name: String,
    },
    /// An ONNX file or a weight in it is refused.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A weight or an activation is NaN or infinite.
    #[error("{what}: expected finite values, found {found}")]
    NotFinite {
        /// Name of the weight or tensor.
        what: String,
        /// The value.
        found: f32,
    },
    /// No frame could be used.
    #[error("calibration: expected at least one frame with an object, found {found}")]
    NoFrames {
        /// How many there were, and what was wrong with the first.
        found: String,
    },
    /// All frames hold one gray level.
    #[error("calibration: expected frames with content, found {frames} of one gray level each")]
    Constant {
        /// Number of frames.
        frames: usize,
    },
    /// The engine refuses or fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Finding or evaluating images failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Running the segmenter on a frame failed.
    #[error("frame {frame}: {reason}")]
    Frame {
        /// Set and stem.
        frame: String,
        /// The reason.
        reason: String,
    },
    /// The budget cannot be kept even with every layer in float, or was not a number.
    #[error("max Dice drop: expected a number of at least 0, found {found}")]
    Budget {
        /// What was asked.
        found: f32,
    },
    /// The pack cannot be written.
    #[error(transparent)]
    Write(#[from] ExportError),
    /// A report cannot be written.
    #[error(transparent)]
    Report(#[from] uniultra_report::ReportError),
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}
