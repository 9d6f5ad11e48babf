//! The segmentation object (PS3.3, A.51): one binary segment, a frame for each segmented frame of the source.

use super::CodedTerm;
use super::segmentation::{Identifiers, Segmentation, SegmentedFrame};
use crate::data_set::DataSet;
use crate::tag;

/// The one segment's number.
const SEGMENT_NUMBER: u16 = 1;

pub(super) fn data_set(segmentation: &Segmentation, identifiers: &Identifiers) -> DataSet {
    let mut set = DataSet::default();
    set.extend(segmentation.source.frame_of_reference.clone());
    set.extend(segmentation.source.compression.clone());
    set.set_text(tag::SERIES_DESCRIPTION, "Segmentation");
    set.set_text(tag::IMAGE_TYPE, "DERIVED\\PRIMARY");
    set.set_text(tag::CONTENT_LABEL, "SEGMENTATION");
    set.set_text(tag::CONTENT_DESCRIPTION, &segmentation.label);
    set.set_text(tag::CONTENT_CREATOR_NAME, "");
    set_references(&mut set, segmentation);
    set_pixels(&mut set, segmentation);
    // Unknown, as for most ultrasound; the element has to be there all the same.
    set.set_text(tag::PATIENT_ORIENTATION, "");
    set.set_text(tag::SEGMENTATION_TYPE, "BINARY");
    set.set_text(tag::SEGMENTS_OVERLAP, "NO");
    set.set_items(tag::SEGMENT_SEQUENCE, vec![segment(segmentation, identifiers)]);
    set_dimensions(&mut set, identifiers);
    set.set_items(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared_groups(segmentation)]);
    let frames = segmentation.frames.iter();
    let groups = frames.map(|frame| frame_groups(segmentation, frame)).collect();
    set.set_items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups);
    set
}

/// The source's series and instance (common instance reference).
fn set_references(set: &mut DataSet, segmentation: &Segmentation) {
    let source = &segmentation.source;
    let mut series = DataSet::default();
    series.set_text(tag::SERIES_INSTANCE_UID, &source.series_uid);
    series.set_items(tag::REFERENCED_INSTANCE_SEQUENCE, vec![source.reference()]);
    set.set_items(tag::REFERENCED_SERIES_SEQUENCE, vec![series]);
}

fn set_pixels(set: &mut DataSet, segmentation: &Segmentation) {
    let [width, height] = segmentation.size_px;
    set.set_u16(tag::SAMPLES_PER_PIXEL, 1);
    set.set_text(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    set.set_text(tag::NUMBER_OF_FRAMES, segmentation.frames.len().to_string());
    // Sides are at most 8192.
    set.set_u16(tag::ROWS, height as u16);
    set.set_u16(tag::COLUMNS, width as u16);
    set.set_u16(tag::BITS_ALLOCATED, 1);
    set.set_u16(tag::BITS_STORED, 1);
    set.set_u16(tag::HIGH_BIT, 0);
    set.set_u16(tag::PIXEL_REPRESENTATION, 0);
    set.set_bytes(tag::PIXEL_DATA, segmentation.bits.clone());
}

fn segment(segmentation: &Segmentation, identifiers: &Identifiers) -> DataSet {
    let algorithm = &segmentation.algorithm;
    let mut item = DataSet::default();
    item.set_u16(tag::SEGMENT_NUMBER, SEGMENT_NUMBER);
    item.set_text(tag::SEGMENT_LABEL, &segmentation.label);
    item.set_text(tag::SEGMENT_ALGORITHM_TYPE, "SEMIAUTOMATIC");
    item.set_text(tag::SEGMENT_ALGORITHM_NAME, &algorithm.name);
    item.set_items(
        tag::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE,
        vec![segmentation.kind.category().item()],
    );
    item.set_items(
        tag::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE,
        vec![segmentation.kind.property().item()],
    );
    item.set_text(tag::TRACKING_ID, &segmentation.label);
    item.set_text(tag::TRACKING_UID, &identifiers.tracking);
    let mut identification = DataSet::default();
    let family = CodedTerm::fixed("DCM", "123110", "Artificial Intelligence");
    identification.set_items(tag::ALGORITHM_FAMILY_CODE_SEQUENCE, vec![family.item()]);
    identification.set_text(tag::ALGORITHM_NAME, &algorithm.name);
    identification.set_text(tag::ALGORITHM_VERSION, &algorithm.version);
    item.set_items(tag::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, vec![identification]);
    item
}

/// Two dimensions: the segment, and the frame's number in the source. Ultrasound has no positions in space.
fn set_dimensions(set: &mut DataSet, identifiers: &Identifiers) {
    let mut organization = DataSet::default();
    organization.set_text(tag::DIMENSION_ORGANIZATION_UID, &identifiers.dimensions);
    set.set_items(tag::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization]);
    let dimensions = [
        (tag::REFERENCED_SEGMENT_NUMBER, tag::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
        (tag::TEMPORAL_POSITION_INDEX, tag::FRAME_CONTENT_SEQUENCE, "Frame of the source"),
    ];
    let items = dimensions.map(|(pointer, group, label)| {
        let mut item = DataSet::default();
        item.set_text(tag::DIMENSION_ORGANIZATION_UID, &identifiers.dimensions);
        item.set_tag(tag::DIMENSION_INDEX_POINTER, pointer);
        item.set_tag(tag::FUNCTIONAL_GROUP_POINTER, group);
        item.set_text(tag::DIMENSION_DESCRIPTION_LABEL, label);
        item
    });
    set.set_items(tag::DIMENSION_INDEX_SEQUENCE, items.into());
}

fn shared_groups(segmentation: &Segmentation) -> DataSet {
    let mut groups = DataSet::default();
    let mut identification = DataSet::default();
    identification.set_u16(tag::REFERENCED_SEGMENT_NUMBER, SEGMENT_NUMBER);
    groups.set_items(tag::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    if let Some(spacing) = segmentation.spacing {
        let mut measures = DataSet::default();
        // Rows first.
        measures.set_text(tag::PIXEL_SPACING, format!("{}\\{}", spacing.y_mm(), spacing.x_mm()));
        // Unknown in ultrasound, but highdicom 0.28 reads no file without it, and zero is not allowed. A value so
        // thin cannot be taken for a slice of a volume.
        measures.set_text(tag::SLICE_THICKNESS, "0.001");
        groups.set_items(tag::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    }
    groups
}

fn frame_groups(segmentation: &Segmentation, frame: &SegmentedFrame) -> DataSet {
    let mut content = DataSet::default();
    // A source has at most 216000 frames. The second dimension is the frame number itself.
    content.set_u32s(tag::DIMENSION_INDEX_VALUES, &[1, frame.index as u32 + 1]);
    content.set_u32s(tag::TEMPORAL_POSITION_INDEX, &[frame.index as u32 + 1]);

    let mut source_image = segmentation.source.frame_reference(frame.index);
    source_image.set_text(tag::SPATIAL_LOCATIONS_PRESERVED, "YES");
    let purpose = CodedTerm::fixed("DCM", "121322", "Source image for image processing operation");
    source_image.set_items(tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, vec![purpose.item()]);
    let mut derivation = DataSet::default();
    let code = CodedTerm::fixed("DCM", "113076", "Segmentation");
    derivation.set_items(tag::DERIVATION_CODE_SEQUENCE, vec![code.item()]);
    derivation.set_items(tag::SOURCE_IMAGE_SEQUENCE, vec![source_image]);

    let mut groups = DataSet::default();
    groups.set_items(tag::FRAME_CONTENT_SEQUENCE, vec![content]);
    groups.set_items(tag::DERIVATION_IMAGE_SEQUENCE, vec![derivation]);
    groups
}
