//! Data sets to bytes: Explicit VR Little Endian, sequences with their lengths.

use super::{DataSet, Value};
use crate::WriteError;
use crate::tag::Tag;
use crate::vr::{Vr, has_long_length};

/// The tag that starts an item of a sequence, with its two numbers in file order.
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];

impl DataSet {
    /// Appends all elements to `out`.
    ///
    /// # Errors
    /// [`WriteError::Source`] if a value is too long for its representation. Only a copied value can be: a source
    /// with implicit representations has longer lengths.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        for (tag, element) in self.iter() {
            match &element.value {
                Value::Bytes(bytes) => put_value(out, tag, element.vr, bytes)?,
                Value::Items(items) => {
                    let mut content = Vec::new();
                    for item in items {
                        let mut inner = Vec::new();
                        item.encode(&mut inner)?;
                        content.extend(ITEM);
                        content.extend(length_u32(tag, inner.len())?.to_le_bytes());
                        content.extend(inner);
                    }
                    put_value(out, tag, Vr::SQ, &content)?;
                }
            }
        }
        Ok(())
    }
}

fn put_value(out: &mut Vec<u8>, tag: Tag, vr: Vr, bytes: &[u8]) -> Result<(), WriteError> {
    let even = bytes.len().next_multiple_of(2);
    out.extend([(tag.0 >> 16) as u16, tag.0 as u16].map(u16::to_le_bytes).as_flattened());
    out.extend(vr.letters());
    if has_long_length(vr.letters()) {
        out.extend([0; 2]);
        out.extend(length_u32(tag, even)?.to_le_bytes());
    } else {
        let length = u16::try_from(even).map_err(|_| too_long(tag, usize::from(u16::MAX), even))?;
        out.extend(length.to_le_bytes());
    }
    out.extend_from_slice(bytes);
    if even > bytes.len() {
        out.push(vr.padding());
    }
    Ok(())
}

fn length_u32(tag: Tag, bytes: usize) -> Result<u32, WriteError> {
    // The largest number means that the length is not given.
    let most = u32::MAX - 1;
    u32::try_from(bytes)
        .ok()
        .filter(|length| *length <= most)
        .ok_or_else(|| too_long(tag, most as usize, bytes))
}

fn too_long(tag: Tag, most: usize, found: usize) -> WriteError {
    WriteError::Source {
        tag,
        expected: format!("at most {most} bytes"),
        found: format!("{found} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag;

    #[test]
    fn elements_are_in_order_and_even() {
        let mut item = DataSet::default();
        item.set_text(tag::CODE_VALUE, "M-1");
        let mut set = DataSet::default();
        set.set_items(tag::CONCEPT_CODE_SEQUENCE, vec![item]);
        set.set_text(tag::SOP_CLASS_UID, "1.2.3");
        set.set_u16(tag::ROWS, 16);
        let mut out = Vec::new();
        set.encode(&mut out).unwrap();
        let expected: &[&[u8]] = &[
            b"\x08\x00\x16\x00UI\x06\x001.2.3\0",
            b"\x28\x00\x10\x00US\x02\x00\x10\x00",
            b"\x40\x00\x68\xA1SQ\0\0\x14\0\0\0\xFE\xFF\x00\xE0\x0C\0\0\0\x08\x00\x00\x01SH\x04\x00M-1 ",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error() {
        let mut set = DataSet::default();
        set.set_text(tag::PATIENT_NAME, "x".repeat(70_000));
        let message = set.encode(&mut Vec::new()).unwrap_err().to_string();
        assert_eq!(
            message,
            "DICOM: (0010,0010) of the source: expected at most 65535 bytes, found 70000 bytes"
        );
    }
}
