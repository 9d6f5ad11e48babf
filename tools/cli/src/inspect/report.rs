//! The report of `inspect` for other programs.

use super::{Subject, need, role};
use schemars::JsonSchema;
use serde::Serialize;
use uniultra_checkpoint::Component;
use uniultra_schema::Report;

/// What a checkpoint holds, or what an architecture would.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InspectReport {
    /// Name of the architecture, e.g. `uniultra-mini`.
    architecture: String,
    /// Size of the image encoder.
    variant: String,
    /// Whether it has CH-Adapters.
    ch_adapters: bool,
    /// Parameters of the whole.
    parameters: ParameterCounts,
    /// The parts of the model.
    components: Vec<ComponentReport>,
    /// Multiply-accumulates of the image encoder at several sizes.
    encoder_work: Vec<EncoderWork>,
    /// The checkpoint; left out for an architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileReport>,
    /// Every tensor; left out without `--tensors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<Vec<TensorReport>>,
}

/// Numbers of parameters.
#[derive(Debug, Serialize, JsonSchema)]
struct ParameterCounts {
    image_encoder: usize,
    /// With video's parts.
    whole_model: usize,
    /// Those that the published fine-tuning trains.
    trained_in_fine_tuning: usize,
}

/// One part of the model.
#[derive(Debug, Serialize, JsonSchema)]
struct ComponentReport {
    name: String,
    /// Whether an export needs it.
    need: String,
    parameters: usize,
    trained_in_fine_tuning: usize,
    tensors: usize,
    /// Tensors that the checkpoint has; left out for an architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors_in_file: Option<usize>,
}

/// Work of the image encoder at one size.
#[derive(Debug, Serialize, JsonSchema)]
struct EncoderWork {
    image_size_px: u64,
    macs: u64,
    attention_macs: u64,
}

/// A checkpoint.
#[derive(Debug, Serialize, JsonSchema)]
struct FileReport {
    /// As given.
    path: String,
    /// `null` for weights that were made up.
    format: Option<String>,
    sha256: String,
    tensors: usize,
    has_object_score_head: bool,
    has_video: bool,
    /// Tensors that an export needs and that are not there.
    missing: Vec<String>,
    /// Tensors that only video needs and that are not there.
    missing_optional: Vec<String>,
    /// Tensors that the architecture does not have.
    unexpected: Vec<String>,
    /// Entries that are not tensors.
    not_tensors: Vec<String>,
}

/// One tensor.
#[derive(Debug, Serialize, JsonSchema)]
struct TensorReport {
    name: String,
    shape: Vec<usize>,
    /// The part of the model; `null` for a tensor that the architecture does not have.
    component: Option<String>,
    /// Its role in fine-tuning; left out for such a tensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Whether the checkpoint has it; left out for an architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_file: Option<bool>,
}

impl Report for InspectReport {
    const SCHEMA: &'static str = "uniultra-inspection";
    const SCHEMA_VERSION: u32 = 1;
}

/// Everything that the tables say; tensors only if asked for.
pub(super) fn report(subject: &Subject<'_>, tensors: bool) -> InspectReport {
    let whole = subject.sum(|_| true);
    InspectReport {
        architecture: subject.architecture.name().to_string(),
        variant: subject.architecture.variant.name().to_string(),
        ch_adapters: subject.architecture.ch_adapters,
        parameters: ParameterCounts {
            image_encoder: subject.sum(|p| p.component.is_image_encoder()).parameters,
            whole_model: whole.parameters,
            trained_in_fine_tuning: whole.trained,
        },
        components: components(subject),
        encoder_work: work(subject),
        file: file(subject),
        tensors: tensors.then(|| list(subject)),
    }
}

fn file(subject: &Subject<'_>) -> Option<FileReport> {
    let (path, checkpoint, found) = subject.file?;
    Some(FileReport {
        path: path.display().to_string(),
        format: checkpoint.format().map(|format| format.to_string()),
        sha256: checkpoint.sha256().to_string(),
        tensors: checkpoint.names().count(),
        has_object_score_head: found.has_object_score_head,
        has_video: found.has_video,
        missing: found.missing.clone(),
        missing_optional: found.missing_optional.clone(),
        unexpected: found.unexpected.clone(),
        not_tensors: checkpoint.ignored().to_vec(),
    })
}

fn components(subject: &Subject<'_>) -> Vec<ComponentReport> {
    let component = |component: Component| {
        let sum = subject.sum(|p| p.component == component);
        ComponentReport {
            name: component.name().to_string(),
            need: need(component).to_string(),
            parameters: sum.parameters,
            trained_in_fine_tuning: sum.trained,
            tensors: sum.tensors,
            tensors_in_file: subject.file.is_some().then_some(sum.present),
        }
    };
    Component::ALL.map(component).into()
}

fn list(subject: &Subject<'_>) -> Vec<TensorReport> {
    let known = subject.parameters.iter().map(|p| TensorReport {
        name: p.name.clone(),
        shape: p.shape.clone(),
        component: Some(p.component.name().to_string()),
        role: Some(role(p.kind).to_string()),
        in_file: subject.file.map(|(_, checkpoint, _)| checkpoint.contains(&p.name)),
    });
    let unexpected = subject.unexpected().map(|(name, shape)| TensorReport {
        name: name.to_string(),
        shape: shape.to_vec(),
        component: None,
        role: None,
        in_file: Some(true),
    });
    known.chain(unexpected).collect()
}

fn work(subject: &Subject<'_>) -> Vec<EncoderWork> {
    let at = |size| {
        let work = subject.architecture.encoder_work(size);
        EncoderWork {
            image_size_px: size,
            macs: work.total_macs,
            attention_macs: work.attention_macs,
        }
    };
    [1024, 512, 256].map(at).into()
}
