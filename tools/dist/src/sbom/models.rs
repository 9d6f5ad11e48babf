//! Model weights as components: one for each ONNX file, with its hash and what `model.toml` says of it.

use super::schema::{
    Analysis, Component, Considerations, Dataset, Hash, Kind, Licence, Metric, ModelCard,
    ModelParameters, Named,
};
use uniultra_manifest::{Manifest, Network};

const NOT_A_DEVICE: &str = "Research software, not a medical device; not for diagnosis.";

/// Image encoder and mask decoder. Their hashes are those of the manifest, which were checked when the
/// pack was read.
pub(super) fn components(manifest: &Manifest) -> [Component; 2] {
    [
        component(manifest, "image encoder: a frame's embedding", &manifest.image_encoder),
        component(
            manifest,
            "mask decoder: masks from embedding and prompt",
            &manifest.mask_decoder,
        ),
    ]
}

fn component(manifest: &Manifest, what: &str, network: &Network) -> Component {
    let model = &manifest.model;
    let name = format!("{}/{}", model.id, network.file);
    let reference = format!("model:{name}@{}", model.version);
    Component {
        version: Some(model.version.clone()),
        description: Some(format!("{what}; ONNX, {} bytes", network.bytes)),
        hashes: vec![Hash::sha256(network.sha256.as_str())],
        licenses: vec![Licence::License(Named { name: manifest.provenance.licence.clone() })],
        model_card: Some(card(manifest)),
        ..Component::new(Kind::MachineLearningModel, reference, name)
    }
}

fn card(manifest: &Manifest) -> ModelCard {
    let model = &manifest.model;
    let metric =
        |(name, value): (&String, &f64)| Metric { kind: name.clone(), value: value.to_string() };
    ModelCard {
        model_parameters: ModelParameters {
            task: "promptable image segmentation",
            architecture_family: "SAM 2",
            model_architecture: format!(
                "UniUltra, variant {}, {} px input, {}",
                model.variant, model.image_size, model.precision
            ),
            datasets: vec![Dataset {
                kind: "dataset",
                name: "training data",
                description: manifest.provenance.training_data.clone(),
            }],
        },
        quantitative_analysis: Analysis {
            performance_metrics: manifest.metrics.iter().map(metric).collect(),
        },
        considerations: Considerations {
            use_cases: vec![manifest.provenance.intended_use.clone()],
            technical_limitations: vec![NOT_A_DEVICE.to_string()],
        },
    }
}
