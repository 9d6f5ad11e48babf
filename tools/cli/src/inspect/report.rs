//! The report of `inspect` for other programs.

use super::{Subject, need, role};
use serde_json::{Value, json};
use uniultra_checkpoint::Component;

/// Everything that the tables say; tensors only if asked for.
pub(super) fn report(subject: &Subject<'_>, tensors: bool) -> Value {
    let whole = subject.sum(|_| true);
    let mut report = json!({
        "architecture": subject.architecture.name(),
        "variant": subject.architecture.variant.name(),
        "ch_adapters": subject.architecture.ch_adapters,
        "parameters": {
            "image_encoder": subject.sum(|p| p.component.is_image_encoder()).parameters,
            "whole_model": whole.parameters,
            "trained_in_fine_tuning": whole.trained,
        },
        "components": components(subject),
        "encoder_work": work(subject),
    });
    if let Some((path, checkpoint, found)) = subject.file {
        report["file"] = json!({
            "path": path.display().to_string(),
            "format": checkpoint.format().map(|format| format.to_string()),
            "sha256": checkpoint.sha256().as_str(),
            "tensors": checkpoint.names().count(),
            "has_object_score_head": found.has_object_score_head,
            "has_video": found.has_video,
            "missing": found.missing,
            "missing_optional": found.missing_optional,
            "unexpected": found.unexpected,
            "not_tensors": checkpoint.ignored(),
        });
    }
    if tensors {
        report["tensors"] = list(subject);
    }
    report
}

fn components(subject: &Subject<'_>) -> Vec<Value> {
    let component = |component: Component| {
        let sum = subject.sum(|p| p.component == component);
        let mut value = json!({
            "name": component.name(),
            "need": need(component),
            "parameters": sum.parameters,
            "trained_in_fine_tuning": sum.trained,
            "tensors": sum.tensors,
        });
        if subject.file.is_some() {
            value["tensors_in_file"] = json!(sum.present);
        }
        value
    };
    Component::ALL.map(component).to_vec()
}

fn list(subject: &Subject<'_>) -> Value {
    let known = subject.parameters.iter().map(|p| {
        let mut value = json!({
            "name": p.name,
            "shape": p.shape,
            "component": p.component.name(),
            "role": role(p.kind),
        });
        if let Some((_, checkpoint, _)) = subject.file {
            value["in_file"] = json!(checkpoint.contains(&p.name));
        }
        value
    });
    let unexpected = subject.unexpected().map(
        |(name, shape)| json!({ "name": name, "shape": shape, "component": null, "in_file": true }),
    );
    known.chain(unexpected).collect()
}

fn work(subject: &Subject<'_>) -> Vec<Value> {
    let at = |size| {
        let work = subject.architecture.encoder_work(size);
        json!({
            "image_size_px": size,
            "macs": work.total_macs,
            "attention_macs": work.attention_macs,
        })
    };
    [1024, 512, 256].map(at).to_vec()
}
