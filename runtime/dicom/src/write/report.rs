//! The report of measurements (PS3.16, template 1500), with a group for each frame (template 1410).

use super::CodedTerm;
use super::content::{Item, decimal};
use super::equipment::MANUFACTURER;
use super::segmentation::{Identifiers, Measurements, Segmentation, SegmentedFrame};
use super::source::reference;
use crate::data_set::DataSet;
use crate::tag;
use crate::uid::SEGMENTATION_STORAGE;

const CONTAINS: &str = "CONTAINS";
const CONTEXT: &str = "HAS OBS CONTEXT";
const MODIFIER: &str = "HAS CONCEPT MOD";

fn dicom(value: &str, meaning: &str) -> CodedTerm {
    CodedTerm::fixed("DCM", value, meaning)
}

fn snomed(value: &str, meaning: &str) -> CodedTerm {
    CodedTerm::fixed("SCT", value, meaning)
}

fn unit(value: &str, meaning: &str) -> CodedTerm {
    CodedTerm::fixed("UCUM", value, meaning)
}

pub(super) fn data_set(segmentation: &Segmentation, identifiers: &Identifiers) -> DataSet {
    let mut set = root(segmentation, identifiers).into_data_set();
    set.set_text(tag::SERIES_DESCRIPTION, "Measurements");
    set.set_text(tag::COMPLETION_FLAG, "COMPLETE");
    set.set_text(tag::VERIFICATION_FLAG, "UNVERIFIED");
    set.set_empty_if_missing(tag::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE);
    set.set_empty_if_missing(tag::PERFORMED_PROCEDURE_CODE_SEQUENCE);
    set_evidence(&mut set, segmentation, identifiers);
    set
}

/// All instances that the report refers to: the source and the segmentation.
fn set_evidence(set: &mut DataSet, segmentation: &Segmentation, identifiers: &Identifiers) {
    let source = &segmentation.source;
    let series = |uid: &str, instance: DataSet| {
        let mut item = DataSet::default();
        item.set_text(tag::SERIES_INSTANCE_UID, uid);
        item.set_items(tag::REFERENCED_SOP_SEQUENCE, vec![instance]);
        item
    };
    let mut study = DataSet::default();
    study.set_text(tag::STUDY_INSTANCE_UID, &source.study_uid);
    let seg = reference(SEGMENTATION_STORAGE, &identifiers.seg_instance);
    let all =
        vec![series(&source.series_uid, source.reference()), series(&identifiers.seg_series, seg)];
    study.set_items(tag::REFERENCED_SERIES_SEQUENCE, all);
    set.set_items(tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![study]);
}

fn root(segmentation: &Segmentation, identifiers: &Identifiers) -> Item {
    let algorithm = &segmentation.algorithm;
    let language = Item::code(
        &dicom("121049", "Language of Content Item and Descendants"),
        &CodedTerm::fixed("RFC5646", "en", "English"),
    );
    let observer = [
        Item::code(&dicom("121005", "Observer Type"), &dicom("121007", "Device")),
        Item::uid(&dicom("121012", "Device Observer UID"), &identifiers.device),
        Item::text(&dicom("121013", "Device Observer Name"), &algorithm.name),
        Item::text(&dicom("121014", "Device Observer Manufacturer"), MANUFACTURER),
        Item::text(&dicom("121015", "Device Observer Model Name"), &algorithm.name),
    ];
    let procedure = Item::code(
        &dicom("121058", "Procedure reported"),
        &snomed("16310003", "Diagnostic ultrasonography"),
    );
    let groups = segmentation.frames.iter().enumerate();
    let groups = groups
        .map(|(position, frame)| (CONTAINS, group(segmentation, identifiers, position, frame)));
    let measurements =
        Item::container(&dicom("126010", "Imaging Measurements"), None).with(groups.collect());

    let mut children = vec![(MODIFIER, language)];
    children.extend(observer.map(|item| (CONTEXT, item)));
    children.push((MODIFIER, procedure));
    children.push((CONTAINS, measurements));
    Item::container(&dicom("126000", "Imaging Measurement Report"), Some("1500")).with(children)
}

fn group(
    segmentation: &Segmentation,
    identifiers: &Identifiers,
    position: usize,
    frame: &SegmentedFrame,
) -> Item {
    let mut segment = reference(SEGMENTATION_STORAGE, &identifiers.seg_instance);
    segment.set_text(tag::REFERENCED_FRAME_NUMBER, (position + 1).to_string());
    let source = segmentation.source.frame_reference(frame.index);
    let algorithm = &segmentation.algorithm;
    let mut children = vec![
        (CONTEXT, Item::text(&dicom("112039", "Tracking Identifier"), &segmentation.label)),
        (CONTEXT, Item::uid(&dicom("112040", "Tracking Unique Identifier"), &identifiers.tracking)),
        (
            CONTAINS,
            Item::code(&snomed("276214006", "Finding category"), segmentation.kind.category()),
        ),
        (CONTAINS, Item::code(&dicom("121071", "Finding"), segmentation.kind.property())),
        (CONTAINS, Item::image(&dicom("121214", "Referenced Segmentation Frame"), segment)),
        (CONTAINS, Item::image(&dicom("121233", "Source image for segmentation"), source)),
        (MODIFIER, Item::text(&dicom("111001", "Algorithm Name"), &algorithm.name)),
        (MODIFIER, Item::text(&dicom("111003", "Algorithm Version"), &algorithm.version)),
    ];
    children.extend(
        numbers(&frame.measurements, frame.area_px).into_iter().map(|item| (CONTAINS, item)),
    );
    Item::container(&dicom("125007", "Measurement Group"), Some("1410")).with(children)
}

/// A group needs a measurement. Where millimetres are unknown, it is the area in pixels.
fn numbers(measurements: &Measurements, area_px: usize) -> Vec<Item> {
    let [mm, mm2] = [unit("mm", "millimeter"), unit("mm2", "square millimeter")];
    let area = snomed("42798000", "Area");
    let all = [
        (area.clone(), measurements.area_mm2, &mm2),
        (snomed("103339001", "Long axis"), measurements.long_axis_mm, &mm),
        (snomed("103340004", "Short axis"), measurements.short_axis_mm, &mm),
        (snomed("131191004", "Perimeter"), measurements.perimeter_mm, &mm),
    ];
    let known = all.iter().filter_map(|(concept, value, unit)| {
        value.map(|value| Item::number(concept, &decimal(value), unit))
    });
    let mut items: Vec<Item> = known.collect();
    if measurements.area_mm2.is_none() {
        items.push(Item::number(&area, &area_px.to_string(), &unit("{pixels}", "pixels")));
    }
    items
}
