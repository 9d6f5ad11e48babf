//! What `inspect` says.

use super::*;
use std::collections::BTreeMap;
use uniultra_checkpoint::Tensor;

fn text(name: &str, tensors: bool) -> String {
    Subject::new(name.parse().unwrap(), None).text(tensors).unwrap()
}

/// A checkpoint of zeros with the tensors that `choose` accepts.
fn zeros(architecture: Architecture, choose: impl Fn(&Parameter) -> bool) -> Checkpoint {
    let chosen = architecture.parameters().into_iter().filter(choose).map(|p| {
        let count = p.element_count();
        (p.name, Tensor::new(p.shape, vec![0.0; count]).unwrap())
    });
    Checkpoint::from_tensors(chosen.collect::<BTreeMap<_, _>>())
}

#[test]
fn the_large_architecture_prints_every_published_number() {
    let text = text("uniultra-large", false);
    for number in [
        "864,520",
        "802,056",
        "62,464",
        "6,220",
        "4,215,109",
        "256",
        "5,922,304",
        "1,384,608",
        "197,376",
        "977",
        "12,591,370",
        "221,802,860",
        "212,703,280",
        "233,529,710",
        "20,798,782 of 233,529,710 = 8.91 %",
        "1 - 12,591,370 / 212,703,280 = 94.08 %",
        "28,406,300",
        "40,133,150",
        "12,907,102",
        "(attention 7.11), 1.58 at 512, 0.38 at 256",
    ] {
        assert!(text.contains(number), "{number} is not in:\n{text}");
    }
}

#[test]
fn a_mini_checkpoint_prints_its_parameters_and_what_is_wrong() {
    let mini: Architecture = "uniultra-mini".parse().unwrap();
    let checkpoint =
        zeros(mini, |p| p.component.need() == Need::Required && p.name != "no_mem_embed");
    let recognition = checkpoint.recognise().unwrap();
    let subject = Subject::new(mini, Some((Path::new("mini.pt"), &checkpoint, &recognition)));
    let text = subject.text(false).unwrap();
    for line in [
        "image encoder  864,520 parameters",
        "missing for image segmentation: 1\n  no_mem_embed",
        "unexpected: none",
        "object score head: absent, optional",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert!(!text.contains("sam_mask_decoder.iou_token"));
    assert!(subject.text(true).unwrap().contains("sam_mask_decoder.iou_token.weight"));

    let report = serde_json::to_value(report::report(&subject, true)).unwrap();
    assert_eq!(report["parameters"]["image_encoder"], 864_520);
    assert_eq!(report["file"]["missing"][0], "no_mem_embed");
    assert_eq!(report["file"]["sha256"], checkpoint.sha256().as_str());
    let tensors = report["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), mini.parameters().len());
    assert!(tensors.iter().any(|t| t["name"] == "no_mem_embed" && t["in_file"] == false));
}

#[test]
fn the_rows_of_the_table_cover_every_parameter_once() {
    let subject = Subject::new("uniultra-small".parse().unwrap(), None);
    let top = ROWS.iter().filter(|(_, depth, _)| *depth == 0);
    for parameter in &subject.parameters {
        let rows = top.clone().filter(|(_, _, choose)| choose(parameter)).count();
        assert_eq!(rows, 1, "{}", parameter.name);
    }
}
