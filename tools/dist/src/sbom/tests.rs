use super::super::{crates, elf, libraries};
use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use uniultra_manifest::Pack;

fn example(time_s: u64) -> String {
    let commit = Commit { time_s, id: Some("c0ffee".to_string()), dirty: false };
    let workspace = uniultra_checkout::workspace::Workspace::find().unwrap();
    let pack = Pack::open(&workspace.root.join(super::super::PACK)).unwrap();
    let binary = elf::good_stub();
    document(Subject {
        commit: &commit,
        binary: &binary,
        crates: &crates::example(Path::new("/x")),
        libraries: &libraries::linked(&binary),
        models: pack.manifest(),
    })
    .unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn by_name<'a>(bom: &'a Value, name: &str) -> &'a Value {
    let components = bom["components"].as_array().unwrap();
    components.iter().find(|found| found["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_a_new_number() {
    assert_eq!(example(7), example(7));
    let [one, other] = [7, 8].map(|time| parsed(&example(time))["serialNumber"].clone());
    assert_ne!(one, other);
    let number = one.as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    let lengths: Vec<usize> = number.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert!(number.chars().all(|c| c == '-' || matches!(c, '0'..='9' | 'a'..='f')), "{number}");
}

#[test]
fn a_reader_of_the_format_takes_it() {
    let text = example(1_764_315_420);
    let read = Bom::parse_from_json_v1_5(text.as_bytes()).unwrap();
    let checked = read.validate_version(SpecVersion::V1_5);
    assert!(checked.passed(), "{checked:?}");
    let bom = parsed(&text);
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(bom["version"], 1);
    assert_eq!(bom["metadata"]["timestamp"], "2025-11-28T07:37:00Z");
    let all = bom["components"].as_array().unwrap().iter().chain([&bom["metadata"]["component"]]);
    let mut references = BTreeSet::new();
    for component in all {
        assert!(references.insert(component["bom-ref"].as_str().unwrap()), "twice: {component}");
    }
    // The graph names each component once, and nothing else.
    let graph = bom["dependencies"].as_array().unwrap();
    let nodes: Vec<&str> = graph.iter().map(|node| node["ref"].as_str().unwrap()).collect();
    assert_eq!(nodes.iter().copied().collect::<BTreeSet<_>>(), references);
    assert_eq!(nodes.len(), references.len());
    for node in graph {
        for needed in node["dependsOn"].as_array().into_iter().flatten() {
            assert!(references.contains(needed.as_str().unwrap()), "{needed}");
        }
    }
}

#[test]
fn crates_libraries_and_weights_are_components() {
    let bom = parsed(&example(7));
    let log = by_name(&bom, "log");
    assert_eq!(log["purl"], "pkg:cargo/log@0.4.1");
    assert_eq!(log["hashes"][0]["content"], "ab".repeat(32));
    assert_eq!(log["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(
        (&log["scope"], &by_name(&bom, "cc")["scope"]),
        (&"required".into(), &"excluded".into())
    );
    assert_eq!(by_name(&bom, "glibc")["version"], "2.36");

    let model = by_name(&bom, "uniultra-mini-int8/mask_decoder.onnx");
    assert_eq!(model["type"], "machine-learning-model");
    assert_eq!(model["hashes"][0]["content"].as_str().unwrap().len(), 64);
    let card = &model["modelCard"];
    assert!(card["quantitativeAnalysis"]["performanceMetrics"][0]["value"].is_string(), "{card}");
    assert!(
        card["considerations"]["technicalLimitations"][0]
            .as_str()
            .unwrap()
            .contains("not a medical")
    );

    let program = &bom["metadata"]["component"];
    let hash = sha256_hex(&elf::good_stub());
    assert_eq!(program["hashes"][0]["content"], hash.as_str());
    let graph = bom["dependencies"].as_array().unwrap();
    let root = graph.iter().find(|node| node["ref"] == program["bom-ref"]).unwrap();
    let needed = root["dependsOn"].as_array().unwrap();
    for reference in [&log["bom-ref"], &model["bom-ref"], &by_name(&bom, "glibc")["bom-ref"]] {
        assert!(needed.contains(reference), "{reference}");
    }
}

#[test]
fn build_parts_of_versions_are_encoded() {
    let id = Id { name: "a".to_string(), version: "1.0.0+2".to_string() };
    assert_eq!(purl(&id).unwrap().to_string(), "pkg:cargo/a@1.0.0%2B2");
}

#[test]
fn a_licence_that_is_no_expression_is_named() {
    let Licenses(found) = licence("MIT OR Apache-2.0");
    assert!(matches!(found[..], [LicenseChoice::Expression(_)]));
    let Licenses(found) = licence("as you like it");
    assert!(matches!(found[..], [LicenseChoice::License(_)]));
}
