//! Series and equipment: the same in both documents.

use super::segmentation::Segmentation;
use crate::data_set::DataSet;
use crate::tag;

pub(super) const MANUFACTURER: &str = "UniUltra Edge";

/// The standard asks for a serial number, and software has none.
const NO_SERIAL_NUMBER: &str = "0";

impl Segmentation {
    /// Sets the elements of patient, study, series and equipment.
    pub(super) fn set_series(
        &self,
        set: &mut DataSet,
        modality: &str,
        series_uid: &str,
        number: u32,
    ) {
        set.extend(self.source.common.clone());
        set.set_text(tag::MODALITY, modality);
        set.set_text(tag::SERIES_INSTANCE_UID, series_uid);
        set.set_text(tag::SERIES_NUMBER, number.to_string());
        set.set_text(tag::INSTANCE_NUMBER, "1");
        set.set_text(tag::SERIES_DATE, &self.source.date);
        set.set_text(tag::SERIES_TIME, &self.source.time);
        set.set_text(tag::CONTENT_DATE, &self.source.date);
        set.set_text(tag::CONTENT_TIME, &self.source.time);
        set.set_text(tag::MANUFACTURER, MANUFACTURER);
        set.set_text(tag::MANUFACTURER_MODEL_NAME, &self.algorithm.name);
        set.set_text(tag::DEVICE_SERIAL_NUMBER, NO_SERIAL_NUMBER);
        set.set_text(tag::SOFTWARE_VERSIONS, &self.algorithm.version);
    }
}
