//! A document as a file: preamble, file meta information, data set.

use crate::WriteError;
use crate::data_set::DataSet;
use crate::tag;
use std::io::Write;

const PREAMBLE_BYTES: usize = 128;
const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";

/// Identifies this implementation: a random UUID, chosen once.
const IMPLEMENTATION_UID: &str = "2.25.256840907658677279287328489847044273228";
const IMPLEMENTATION_NAME: &str = "UNIULTRA_EDGE";

pub(super) fn write(
    out: &mut impl Write,
    class_uid: &str,
    instance_uid: &str,
    mut set: DataSet,
) -> Result<(), WriteError> {
    set.set_text(tag::SOP_CLASS_UID, class_uid);
    set.set_text(tag::SOP_INSTANCE_UID, instance_uid);
    let mut meta = DataSet::default();
    meta.set_bytes(tag::FILE_META_INFORMATION_VERSION, vec![0, 1]);
    meta.set_text(tag::MEDIA_STORAGE_SOP_CLASS_UID, class_uid);
    meta.set_text(tag::MEDIA_STORAGE_SOP_INSTANCE_UID, instance_uid);
    meta.set_text(tag::TRANSFER_SYNTAX_UID, EXPLICIT_LITTLE_ENDIAN);
    meta.set_text(tag::IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_UID);
    meta.set_text(tag::IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_NAME);
    let mut encoded_meta = Vec::new();
    meta.encode(&mut encoded_meta)?;

    let mut head = DataSet::default();
    // Seven short elements.
    head.set_u32s(tag::FILE_META_INFORMATION_GROUP_LENGTH, &[encoded_meta.len() as u32]);
    let mut bytes = vec![0; PREAMBLE_BYTES];
    bytes.extend(b"DICM");
    head.encode(&mut bytes)?;
    bytes.extend(encoded_meta);
    set.encode(&mut bytes)?;
    out.write_all(&bytes)?;
    Ok(())
}
