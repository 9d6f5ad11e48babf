//! Every number of MODEL.md section 1, as a sum over the inventory.

use super::*;
use std::collections::BTreeSet;

fn named(name: &str) -> Architecture {
    name.parse().unwrap()
}

fn encoder(name: &str) -> usize {
    named(name).count(Component::is_image_encoder)
}

fn whole(name: &str) -> usize {
    named(name).count(|_| true)
}

#[test]
fn mini_has_the_published_sizes() {
    let mini = named("uniultra-mini");
    let of = |component| mini.count(|c| c == component);
    assert_eq!(of(Component::Trunk), 802_056);
    assert_eq!(of(Component::Neck), 62_464);
    assert_eq!(encoder("uniultra-mini"), 864_520);
    assert_eq!(of(Component::PromptEncoder), 6_220);
    assert_eq!(of(Component::MaskDecoder) + of(Component::ObjectScoreHead), 4_215_109);
    assert_eq!(of(Component::NoMemEmbed), 256);
    assert_eq!(of(Component::MemoryAttention), 5_922_304);
    assert_eq!(of(Component::MemoryEncoder), 1_384_608);
    assert_eq!(of(Component::ObjPtrProj), 197_376);
    assert_eq!(of(Component::SmallTables), 448 + 256 + 256 + 17);
    assert_eq!(whole("uniultra-mini"), 12_591_370);
}

#[test]
fn the_only_buffer_is_the_gaussian_matrix() {
    let parameters = named("sam2-tiny").parameters();
    let buffers: Vec<_> = parameters.iter().filter(|p| p.kind == ParameterKind::Buffer).collect();
    let [gaussian] = buffers.as_slice() else { panic!("{buffers:?}") };
    assert_eq!(gaussian.shape, [2, 128]);
    assert_eq!((gaussian.element_count(), gaussian.parameter_count()), (256, 0));
}

#[test]
fn teachers_have_the_published_sizes() {
    assert_eq!(encoder("uniultra-large"), 221_802_860);
    assert_eq!(encoder("sam2-large"), 212_703_280);
    assert_eq!(whole("uniultra-large"), 233_529_710);
    assert_eq!(encoder("uniultra-tiny"), 28_406_300);
    assert_eq!(whole("uniultra-tiny"), 40_133_150);
}

#[test]
fn fine_tuning_trains_the_published_share() {
    let large = named("uniultra-large");
    assert_eq!(large.trainable_count(), 20_798_782);
    assert_eq!(named("uniultra-tiny").trainable_count(), 12_907_102);
    let percent = 100.0 * 20_798_782_f64 / whole("uniultra-large") as f64;
    assert_eq!(format!("{percent:.2}"), "8.91");
}

#[test]
fn the_student_is_compressed_as_published() {
    let percent = 100.0 * (1.0 - whole("uniultra-mini") as f64 / encoder("sam2-large") as f64);
    assert_eq!(format!("{percent:.2}"), "94.08");
}

#[test]
fn stock_tiny_has_metas_468_keys_and_305_without_video_and_object_score() {
    let parameters = named("sam2-tiny").parameters();
    assert_eq!(parameters.len(), 468);
    let image = parameters.iter().filter(|p| p.component.need() == Need::Required);
    assert_eq!(image.count(), 305);
}

#[test]
fn names_are_unique_and_in_the_order_of_the_components() {
    for architecture in Architecture::all() {
        let parameters = architecture.parameters();
        let names: BTreeSet<_> = parameters.iter().map(|p| &p.name).collect();
        assert_eq!(names.len(), parameters.len(), "{architecture}");
        assert!(parameters.is_sorted_by_key(|p| p.component));
        let found: BTreeSet<_> = parameters.iter().map(|p| p.component).collect();
        assert!(found.into_iter().eq(Component::ALL), "{architecture}");
    }
}

#[test]
fn adapters_are_all_that_uniultra_adds() {
    let stock: BTreeSet<_> = named("sam2-base+").parameters().into_iter().map(|p| p.name).collect();
    for parameter in named("uniultra-base+").parameters() {
        assert_eq!(parameter.is_adapter(), !stock.contains(&parameter.name), "{}", parameter.name);
    }
}

#[test]
fn names_read_back() {
    for architecture in Architecture::all() {
        assert_eq!(named(&architecture.name()), architecture);
    }
    let message = "sam3-large".parse::<Architecture>().unwrap_err().to_string();
    assert!(message.contains("uniultra-large") && message.contains("`sam3-large`"), "{message}");
}
