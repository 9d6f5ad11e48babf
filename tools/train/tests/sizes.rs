//! Parameter counts of MODEL.md section 1, and the share that fine-tuning trains.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tch::Device;
use uniultra_checkpoint::{Architecture, Checkpoint, Need, Parameter};
use uniultra_manifest::EdgeLayout;
use uniultra_train::model::{Params, Spec, Trainable};

fn parameters(name: &str) -> Vec<Parameter> {
    name.parse::<Architecture>().unwrap().parameters()
}

fn count(parameters: &[Parameter], takes: impl Fn(&Parameter) -> bool) -> usize {
    parameters.iter().filter(|p| takes(p)).map(Parameter::element_count).sum()
}

#[test]
fn fine_tuning_trains_the_published_share() {
    let large = parameters("uniultra-large");
    let trained = count(&large, |p| Trainable::Peft.takes(p));
    assert_eq!(trained, 20_798_782);
    // 8.91 % of all 233,529,710, the Gaussian matrix (a buffer) not counted.
    assert_eq!((trained as f64 / 233_529_710.0 * 1e4).round(), 891.0);
    assert_eq!(count(&parameters("uniultra-tiny"), |p| Trainable::Peft.takes(p)), 12_907_102);
}

#[test]
fn each_choice_of_what_is_trained() {
    let mini = parameters("uniultra-mini");
    let of = |what: Trainable| count(&mini, |p| what.takes(p));
    assert_eq!(of(Trainable::Nothing), 0);
    let sobel = 12 * 4 * 4 * 4 * 9;
    assert_eq!(of(Trainable::Encoder) + sobel, 864_520);
    assert_eq!(of(Trainable::PeftAndNeck) - of(Trainable::Peft), 62_464);
    assert_eq!(of(Trainable::All) + sobel, 12_591_370);
}

#[test]
fn the_network_holds_what_images_need_and_nothing_else() {
    let architecture: Architecture = "uniultra-mini".parse().unwrap();
    let empty = Checkpoint::from_tensors(Default::default());
    let spec = Spec { architecture, edge_layout: EdgeLayout::Spatial };
    let (mut params, fresh) = Params::from_checkpoint(&empty, spec, 7, Device::Cpu).unwrap();
    let wanted: usize =
        count(&architecture.parameters(), |p| p.component.need() != Need::VideoOnly);
    let found: usize = params.iter().map(|(_, tensor)| tensor.numel()).sum();
    assert_eq!((found, fresh.len()), (wanted, params.iter().count()));
    let trained = params.train(Trainable::Encoder);
    assert!(
        trained
            .iter()
            .all(|(name, tensor)| { name.starts_with("image_encoder.") && tensor.requires_grad() })
    );
    let marked = params.iter().filter(|(_, tensor)| tensor.requires_grad()).count();
    assert_eq!(marked, trained.len());
}
