//! Coded terms: what a segment shows, and the fixed terms of the documents.

use crate::WriteError;
use crate::data_set::DataSet;
use crate::error::Mismatch;
use crate::tag;
use std::str::FromStr;

/// Longest code value and scheme, in characters (value representation SH).
const MAX_CODE_CHARACTERS: usize = 16;

/// Longest meaning, in characters (value representation LO).
const MAX_MEANING_CHARACTERS: usize = 64;

/// A term of a coding scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedTerm {
    scheme: String,
    value: String,
    meaning: String,
}

impl CodedTerm {
    /// A term by its scheme (`SCT` for SNOMED CT), code and meaning.
    ///
    /// # Errors
    /// [`WriteError::Input`] if a part is empty, too long for DICOM (16, 16 and 64 characters), or has characters
    /// outside printable ASCII or a backslash.
    pub fn new(scheme: &str, value: &str, meaning: &str) -> Result<Self, WriteError> {
        let parts = [
            ("coding scheme", scheme, MAX_CODE_CHARACTERS),
            ("code", value, MAX_CODE_CHARACTERS),
            ("meaning of a code", meaning, MAX_MEANING_CHARACTERS),
        ];
        for (name, text, most) in parts {
            check_text(name, text, most)?;
        }
        Ok(Self::fixed(scheme, value, meaning))
    }

    /// A term of this crate.
    pub(crate) fn fixed(scheme: &str, value: &str, meaning: &str) -> Self {
        let [scheme, value, meaning] = [scheme, value, meaning].map(str::to_owned);
        Self { scheme, value, meaning }
    }

    /// The coding scheme.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The code.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What it means, in words.
    #[must_use]
    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    pub(crate) fn item(&self) -> DataSet {
        let mut item = DataSet::default();
        item.set_text(tag::CODE_VALUE, &self.value);
        item.set_text(tag::CODING_SCHEME_DESIGNATOR, &self.scheme);
        item.set_text(tag::CODE_MEANING, &self.meaning);
        item
    }
}

/// Checks a text that goes into a document.
pub(crate) fn check_text(name: &str, text: &str, most: usize) -> Result<(), WriteError> {
    let is_plain = |c: char| matches!(c, ' '..='~') && c != '\\';
    if text.trim().is_empty() || text.len() > most || !text.chars().all(is_plain) {
        let expected = format!("1 to {most} printable ASCII characters, none of them a backslash");
        return Err(WriteError::Input(Mismatch::new(name, expected, format!("{text:?}"))));
    }
    Ok(())
}

const ABNORMAL: [&str; 2] = ["49755003", "Morphologically Abnormal Structure"];
const ANATOMICAL: [&str; 2] = ["91723000", "Anatomical Structure"];
const TISSUE: [&str; 2] = ["85756007", "Tissue"];

/// Names for the command line, each with category and type in SNOMED CT.
const NAMES: &[(&str, [&str; 2], [&str; 2])] = &[
    ("bladder", ANATOMICAL, ["89837001", "Urinary bladder"]),
    ("breast", ANATOMICAL, ["76752008", "Breast"]),
    ("cyst", ABNORMAL, ["367643001", "Cyst"]),
    ("fetal-head", ANATOMICAL, ["69536005", "Head"]),
    ("heart", ANATOMICAL, ["80891009", "Heart"]),
    ("kidney", ANATOMICAL, ["64033007", "Kidney"]),
    ("left-atrium", ANATOMICAL, ["82471001", "Left atrium"]),
    ("left-ventricle", ANATOMICAL, ["87878005", "Left ventricle"]),
    ("lesion", ABNORMAL, ["52988006", "Lesion"]),
    ("liver", ANATOMICAL, ["10200004", "Liver"]),
    ("mass", ABNORMAL, ["4147007", "Mass"]),
    ("muscle", TISSUE, ["91727004", "Muscle"]),
    ("nodule", ABNORMAL, ["27925004", "Nodule"]),
    ("ovary", ANATOMICAL, ["15497006", "Ovary"]),
    ("placenta", ANATOMICAL, ["78067005", "Placenta"]),
    ("prostate", ANATOMICAL, ["41216001", "Prostate"]),
    ("thyroid", ANATOMICAL, ["69748006", "Thyroid"]),
    ("thyroid-nodule", ABNORMAL, ["237495005", "Thyroid nodule"]),
    ("uterus", ANATOMICAL, ["35039007", "Uterus"]),
    ("vessel", ANATOMICAL, ["59820001", "Blood vessel"]),
];

/// What a segment shows: a category, and a type within it.
///
/// Parses from a name (see [`SegmentKind::names`]), or from `SCHEME:CODE:MEANING` for the type. A type by its
/// code is a morphologically abnormal structure, unless the category follows after a slash in the same form:
///
/// ```
/// use uniultra_dicom::SegmentKind;
///
/// let kind: SegmentKind = "thyroid-nodule".parse()?;
/// assert_eq!(kind.property().value(), "237495005");
/// let kind: SegmentKind = "SCT:4147007:Mass".parse()?;
/// assert_eq!(kind.category().meaning(), "Morphologically Abnormal Structure");
/// let kind: SegmentKind = "SCT:78067005:Placenta/SCT:91723000:Anatomical Structure".parse()?;
/// assert_eq!(kind.category().value(), "91723000");
/// # Ok::<(), uniultra_dicom::WriteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentKind {
    category: CodedTerm,
    property: CodedTerm,
}

impl SegmentKind {
    /// A kind from its two terms.
    #[must_use]
    pub fn new(category: CodedTerm, property: CodedTerm) -> Self {
        Self { category, property }
    }

    /// The names that are known, in alphabetical order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, ..)| *name)
    }

    /// The segmented property's category.
    #[must_use]
    pub fn category(&self) -> &CodedTerm {
        &self.category
    }

    /// The segmented property's type.
    #[must_use]
    pub fn property(&self) -> &CodedTerm {
        &self.property
    }
}

impl FromStr for SegmentKind {
    type Err = WriteError;

    fn from_str(text: &str) -> Result<Self, WriteError> {
        let snomed = |[value, meaning]: [&str; 2]| CodedTerm::fixed("SCT", value, meaning);
        if let Some((_, category, property)) = NAMES.iter().find(|(name, ..)| *name == text) {
            return Ok(Self::new(snomed(*category), snomed(*property)));
        }
        let (property, category) = match text.split_once('/') {
            Some((property, category)) => (property, Some(category)),
            None => (text, None),
        };
        let term = |part: &str| {
            let mut parts = part.splitn(3, ':');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(scheme), Some(value), Some(meaning)) => {
                    CodedTerm::new(scheme, value, meaning)
                }
                _ => {
                    let names = Self::names().collect::<Vec<_>>().join(", ");
                    let expected = format!("SCHEME:CODE:MEANING, or one of {names}");
                    Err(WriteError::Input(Mismatch::new(
                        "segment code",
                        expected,
                        format!("{part:?}"),
                    )))
                }
            }
        };
        let property = term(property)?;
        let category = category.map_or_else(|| Ok(snomed(ABNORMAL)), term)?;
        Ok(Self { category, property })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_all_parse() {
        let names: Vec<_> = SegmentKind::names().collect();
        assert!(names.is_sorted());
        for name in names {
            assert!(name.parse::<SegmentKind>().is_ok(), "{name}");
        }
    }

    #[test]
    fn wrong_codes_are_refused() {
        let message = |text: &str| text.parse::<SegmentKind>().unwrap_err().to_string();
        assert!(
            message("liverr").starts_with(
                "DICOM: segment code: expected SCHEME:CODE:MEANING, or one of bladder"
            )
        );
        assert!(message("SCT::Mass").contains("code: expected 1 to 16 printable"));
        assert!(message("SCT:1:a\\b").contains("none of them a backslash"));
        assert!(message(&format!("SCT:1:{}", "x".repeat(65))).contains("1 to 64"));
    }
}
