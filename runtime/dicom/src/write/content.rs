//! Content items of a structured report (PS3.3, C.17.3).

use super::CodedTerm;
use crate::data_set::DataSet;
use crate::tag;

/// Builds one content item.
#[derive(Clone, Debug)]
pub(super) struct Item(DataSet);

impl Item {
    fn new(value_type: &str, concept: &CodedTerm) -> Self {
        let mut set = DataSet::default();
        set.set_text(tag::VALUE_TYPE, value_type);
        set.set_items(tag::CONCEPT_NAME_CODE_SEQUENCE, vec![concept.item()]);
        Self(set)
    }

    pub(super) fn container(concept: &CodedTerm, template: Option<&str>) -> Self {
        let mut item = Self::new("CONTAINER", concept);
        item.0.set_text(tag::CONTINUITY_OF_CONTENT, "SEPARATE");
        if let Some(template) = template {
            let mut set = DataSet::default();
            set.set_text(tag::MAPPING_RESOURCE, "DCMR");
            set.set_text(tag::TEMPLATE_IDENTIFIER, template);
            item.0.set_items(tag::CONTENT_TEMPLATE_SEQUENCE, vec![set]);
        }
        item
    }

    pub(super) fn code(concept: &CodedTerm, value: &CodedTerm) -> Self {
        let mut item = Self::new("CODE", concept);
        item.0.set_items(tag::CONCEPT_CODE_SEQUENCE, vec![value.item()]);
        item
    }

    pub(super) fn text(concept: &CodedTerm, text: &str) -> Self {
        let mut item = Self::new("TEXT", concept);
        item.0.set_text(tag::TEXT_VALUE, text);
        item
    }

    pub(super) fn uid(concept: &CodedTerm, uid: &str) -> Self {
        let mut item = Self::new("UIDREF", concept);
        item.0.set_text(tag::UID, uid);
        item
    }

    /// A reference to an image or a segment.
    pub(super) fn image(concept: &CodedTerm, reference: DataSet) -> Self {
        let mut item = Self::new("IMAGE", concept);
        item.0.set_items(tag::REFERENCED_SOP_SEQUENCE, vec![reference]);
        item
    }

    pub(super) fn number(concept: &CodedTerm, value: &str, unit: &CodedTerm) -> Self {
        let mut measured = DataSet::default();
        measured.set_text(tag::NUMERIC_VALUE, value);
        measured.set_items(tag::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![unit.item()]);
        let mut item = Self::new("NUM", concept);
        item.0.set_items(tag::MEASURED_VALUE_SEQUENCE, vec![measured]);
        item
    }

    /// The same with children, each with its relationship to this item.
    pub(super) fn with(mut self, children: Vec<(&str, Item)>) -> Self {
        let related = |(relationship, mut child): (&str, Item)| {
            child.0.set_text(tag::RELATIONSHIP_TYPE, relationship);
            child.0
        };
        self.0.set_items(tag::CONTENT_SEQUENCE, children.into_iter().map(related).collect());
        self
    }

    pub(super) fn into_data_set(self) -> DataSet {
        self.0
    }
}

/// A decimal number that fits the 16 characters of a decimal string, with six significant digits.
pub(super) fn decimal(value: f32) -> String {
    let plain = format!("{}", (f64::from(value) * 1e3).round() / 1e3);
    if plain.len() <= 16 && value >= 1e-3 || value == 0.0 { plain } else { format!("{value:.5e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_a_decimal_string() {
        assert_eq!(decimal(12.3456), "12.346");
        assert_eq!(decimal(0.0), "0");
        assert_eq!(decimal(1.0e-5), "1.00000e-5");
        for value in [f32::MAX, f32::MIN_POSITIVE, 6.7e9, 123_456.79] {
            let text = decimal(value);
            assert!(
                text.len() <= 16 && (text.parse::<f32>().unwrap() / value - 1.0).abs() < 1e-5,
                "{text}"
            );
        }
    }
}
