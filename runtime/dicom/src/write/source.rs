//! What documents take over from their source, and how they refer to it.

use crate::data_set::DataSet;
use crate::tag::{self, Tag};
use crate::{DicomImage, ReadError, TransferSyntax, WriteError};

/// Patient, clinical trial, study: copied as they are, with the character set of their texts.
const COPIED: &[Tag] = &[
    tag::SPECIFIC_CHARACTER_SET,
    tag::TIMEZONE_OFFSET_FROM_UTC,
    tag::PATIENT_NAME,
    tag::PATIENT_ID,
    tag::ISSUER_OF_PATIENT_ID,
    tag::TYPE_OF_PATIENT_ID,
    tag::PATIENT_BIRTH_DATE,
    tag::PATIENT_BIRTH_TIME,
    tag::PATIENT_SEX,
    tag::OTHER_PATIENT_NAMES,
    tag::PATIENT_AGE,
    tag::PATIENT_SIZE,
    tag::PATIENT_WEIGHT,
    tag::ETHNIC_GROUP,
    tag::PATIENT_COMMENTS,
    tag::PATIENT_IDENTITY_REMOVED,
    tag::DEIDENTIFICATION_METHOD,
    tag::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
    tag::CLINICAL_TRIAL_SPONSOR_NAME,
    tag::CLINICAL_TRIAL_PROTOCOL_ID,
    tag::CLINICAL_TRIAL_PROTOCOL_NAME,
    tag::CLINICAL_TRIAL_SITE_ID,
    tag::CLINICAL_TRIAL_SITE_NAME,
    tag::CLINICAL_TRIAL_SUBJECT_ID,
    tag::CLINICAL_TRIAL_SUBJECT_READING_ID,
    tag::STUDY_INSTANCE_UID,
    tag::STUDY_DATE,
    tag::STUDY_TIME,
    tag::STUDY_ID,
    tag::STUDY_DESCRIPTION,
    tag::ACCESSION_NUMBER,
    tag::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tag::REFERRING_PHYSICIAN_NAME,
];

/// Elements that have to be there, though they may be empty.
const REQUIRED: &[Tag] = &[
    tag::PATIENT_NAME,
    tag::PATIENT_ID,
    tag::PATIENT_BIRTH_DATE,
    tag::PATIENT_SEX,
    tag::STUDY_DATE,
    tag::STUDY_TIME,
    tag::STUDY_ID,
    tag::ACCESSION_NUMBER,
    tag::REFERRING_PHYSICIAN_NAME,
];

/// The image that a document is about.
#[derive(Clone)]
pub(crate) struct Source {
    /// Patient and study.
    pub(crate) common: DataSet,
    /// Frame of reference, if the image has one.
    pub(crate) frame_of_reference: DataSet,
    /// Lossy compression of the pixels that were segmented.
    pub(crate) compression: DataSet,
    pub(crate) class_uid: String,
    pub(crate) instance_uid: String,
    pub(crate) series_uid: String,
    pub(crate) study_uid: String,
    /// Date and time of the content, as texts.
    pub(crate) date: String,
    pub(crate) time: String,
    pub(crate) frames: usize,
}

impl Source {
    pub(crate) fn read(image: &DicomImage) -> Result<Self, WriteError> {
        let set = image.data_set();
        let uid = |tag, name: &str| {
            set.required_uid(tag, name).map_err(|error| match error {
                ReadError::Element(mismatch) => WriteError::Input(mismatch),
                other => {
                    WriteError::Input(crate::Mismatch::new(name, "a unique identifier", other))
                }
            })
        };
        let mut common = DataSet::default();
        for tag in COPIED {
            common.copy(set, *tag);
        }
        for tag in REQUIRED {
            common.set_empty_if_missing(*tag);
        }
        let mut frame_of_reference = DataSet::default();
        if set.text(tag::FRAME_OF_REFERENCE_UID).is_some() {
            frame_of_reference.copy(set, tag::FRAME_OF_REFERENCE_UID);
            frame_of_reference.copy(set, tag::POSITION_REFERENCE_INDICATOR);
            frame_of_reference.set_empty_if_missing(tag::POSITION_REFERENCE_INDICATOR);
        }
        let [date, time] = date_and_time(set);
        Ok(Self {
            common,
            frame_of_reference,
            compression: compression(image),
            class_uid: uid(tag::SOP_CLASS_UID, "SOP class")?,
            instance_uid: uid(tag::SOP_INSTANCE_UID, "SOP instance")?,
            series_uid: uid(tag::SERIES_INSTANCE_UID, "series")?,
            study_uid: uid(tag::STUDY_INSTANCE_UID, "study")?,
            date,
            time,
            frames: image.frame_count(),
        })
    }

    /// A reference to the whole image.
    pub(crate) fn reference(&self) -> DataSet {
        reference(&self.class_uid, &self.instance_uid)
    }

    /// A reference to the frame with this index. An image of one frame has no frame numbers.
    pub(crate) fn frame_reference(&self, index: usize) -> DataSet {
        let mut item = self.reference();
        if self.frames > 1 {
            item.set_text(tag::REFERENCED_FRAME_NUMBER, (index + 1).to_string());
        }
        item
    }
}

pub(crate) fn reference(class_uid: &str, instance_uid: &str) -> DataSet {
    let mut item = DataSet::default();
    item.set_text(tag::REFERENCED_SOP_CLASS_UID, class_uid);
    item.set_text(tag::REFERENCED_SOP_INSTANCE_UID, instance_uid);
    item
}

/// When the image was made. The clock is not asked, so that the same input gives the same bytes. Without any date
/// it is the first day of 1900, which nobody takes for a real one.
fn date_and_time(set: &DataSet) -> [String; 2] {
    let pairs = [
        (tag::CONTENT_DATE, tag::CONTENT_TIME),
        (tag::ACQUISITION_DATE, tag::ACQUISITION_TIME),
        (tag::SERIES_DATE, tag::SERIES_TIME),
        (tag::STUDY_DATE, tag::STUDY_TIME),
    ];
    let is_date = |date: &String| date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
    let is_time = |time: &String| {
        (2..=16).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let found = pairs.iter().find_map(|(date, time)| {
        let date = set.text(*date).filter(is_date)?;
        Some([date, set.text(*time).filter(is_time).unwrap_or_else(|| "000000".to_owned())])
    });
    found.unwrap_or_else(|| ["19000101", "000000"].map(str::to_owned))
}

/// Says whether the pixels were compressed with loss at any time, and how much.
fn compression(image: &DicomImage) -> DataSet {
    use TransferSyntax as T;
    let set = image.data_set();
    let method = match image.transfer_syntax() {
        T::JpegBaseline | T::JpegExtended => Some("ISO_10918_1"),
        T::JpegLsNearLossless => Some("ISO_14495_1"),
        T::Jpeg2000 => Some("ISO_15444_1"),
        _ => None,
    };
    let mut result = DataSet::default();
    if method.is_none() && set.text(tag::LOSSY_IMAGE_COMPRESSION).as_deref() != Some("01") {
        result.set_text(tag::LOSSY_IMAGE_COMPRESSION, "00");
        return result;
    }
    result.set_text(tag::LOSSY_IMAGE_COMPRESSION, "01");
    for (tag, default) in [
        (tag::LOSSY_IMAGE_COMPRESSION_RATIO, format!("{:.2}", image.compression_ratio())),
        (tag::LOSSY_IMAGE_COMPRESSION_METHOD, method.unwrap_or("ISO_10918_1").to_owned()),
    ] {
        match set.text(tag) {
            Some(_) => result.copy(set, tag),
            None => result.set_text(tag, default),
        }
    }
    result
}
