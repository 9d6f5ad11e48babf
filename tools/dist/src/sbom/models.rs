//! Model weights as components: one for each ONNX file, with its hash and what `model.toml` says of it.

use super::sha256;
use cyclonedx_bom::models::component::Classification;
use cyclonedx_bom::models::component_data::{ComponentData, ComponentDataType};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::modelcard::{
    Dataset, Datasets, ModelCard, ModelParameters, PerformanceMetric, PerformanceMetrics,
    QuantitativeAnalysis,
};
use cyclonedx_bom::prelude::{Component, NormalizedString};
use serde_json::{Value, json};
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

/// What the models are for, and are not, for every model card of a document: `cyclonedx-bom` has no fields
/// for it yet.
pub(super) fn add_considerations(document: &mut Value, manifest: &Manifest) {
    let components = document["components"].as_array_mut().into_iter().flatten();
    let cards = components.filter_map(|component| component.get_mut("modelCard"));
    for card in cards {
        card["considerations"] = json!({
            "useCases": [manifest.provenance.intended_use],
            "technicalLimitations": [NOT_A_DEVICE],
        });
    }
}

fn component(manifest: &Manifest, what: &str, network: &Network) -> Component {
    let model = &manifest.model;
    let name = format!("{}/{}", model.id, network.file);
    let reference = Some(format!("model:{name}@{}", model.version));
    let description = format!("{what}; ONNX, {} bytes", network.bytes);
    Component {
        description: Some(NormalizedString::new(&description)),
        hashes: Some(sha256(network.sha256.as_str())),
        licenses: Some(Licenses(vec![LicenseChoice::license(&manifest.provenance.licence)])),
        model_card: Some(card(manifest)),
        ..Component::new(Classification::MachineLearningModel, &name, &model.version, reference)
    }
}

fn card(manifest: &Manifest) -> ModelCard {
    let model = &manifest.model;
    let metric = |(name, value): (&String, &f64)| PerformanceMetric {
        metric_type: Some(name.clone()),
        value: Some(value.to_string()),
        slice: None,
        confidence_interval: None,
    };
    let metrics = manifest.metrics.iter().map(metric).collect();
    let training = ComponentData {
        bom_ref: None,
        data_type: ComponentDataType::Dataset,
        name: Some("training data".to_string()),
        contents: None,
        classification: None,
        sensitive_data: None,
        graphics: None,
        description: Some(manifest.provenance.training_data.clone()),
        governance: None,
    };
    ModelCard {
        bom_ref: None,
        model_parameters: Some(ModelParameters {
            approach: None,
            task: Some("promptable image segmentation".to_string()),
            architecture_family: Some("SAM 2".to_string()),
            model_architecture: Some(format!(
                "UniUltra, variant {}, {} px input, {}",
                model.variant, model.image_size, model.precision
            )),
            datasets: Some(Datasets(vec![Dataset::Component(training)])),
            inputs: None,
            outputs: None,
        }),
        quantitative_analysis: Some(QuantitativeAnalysis {
            performance_metrics: Some(PerformanceMetrics(metrics)),
            graphics: None,
        }),
        considerations: None,
        properties: None,
    }
}
