//! Reading and setting values.

use super::{DataSet, Value};
use crate::ReadError;
use crate::error::Mismatch;
use crate::tag::Tag;
use crate::vr::Vr;

/// Most characters of a wrong value that an error shows.
const SHOWN_CHARACTERS: usize = 40;

fn wrong(name: &str, expected: impl ToString, found: impl ToString) -> ReadError {
    ReadError::Element(Mismatch::new(name, expected, found))
}

/// Text for an error: cut if it is long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((cut, _)) => format!("{:?}...", text.get(..cut).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// Values of an element. `name` is what errors call it.
impl DataSet {
    /// The bytes; `None` if the element is missing or is a sequence.
    pub(crate) fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match &self.get(tag)?.value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Items(_) => None,
        }
    }

    /// The items of a sequence; none if it is missing.
    pub(crate) fn items(&self, tag: Tag) -> &[Self] {
        match self.get(tag).map(|element| &element.value) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// The text without its padding; `None` if it is missing or empty. Bytes outside ASCII are replaced: the text
    /// is for codes, numbers and messages.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let bytes = self.bytes(tag)?;
        let visible = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            0 => ' ',
            _ => char::REPLACEMENT_CHARACTER,
        };
        let text: String = bytes.iter().map(visible).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An unsigned number of 16 bits.
    pub(crate) fn u16(&self, tag: Tag, name: &str) -> Result<Option<u16>, ReadError> {
        let Some(bytes) = self.bytes(tag).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        match bytes {
            [low, high] => Ok(Some(u16::from_le_bytes([*low, *high]))),
            _ => Err(wrong(name, "2 bytes", format!("{} bytes", bytes.len()))),
        }
    }

    /// An unsigned number of 16 bits that has to be there.
    pub(crate) fn required_u16(&self, tag: Tag, name: &str) -> Result<u16, ReadError> {
        self.u16(tag, name)?.ok_or_else(|| wrong(name, "a number", "nothing"))
    }

    /// An unsigned number of 32 bits.
    pub(crate) fn u32(&self, tag: Tag, name: &str) -> Result<Option<u32>, ReadError> {
        let Some(bytes) = self.bytes(tag).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        match bytes.try_into() {
            Ok(bytes) => Ok(Some(u32::from_le_bytes(bytes))),
            Err(_) => Err(wrong(name, "4 bytes", format!("{} bytes", bytes.len()))),
        }
    }

    /// A floating-point number of 64 bits, finite.
    pub(crate) fn f64(&self, tag: Tag, name: &str) -> Result<Option<f64>, ReadError> {
        let Some(bytes) = self.bytes(tag).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        let Ok(bytes) = bytes.try_into() else {
            return Err(wrong(name, "8 bytes", format!("{} bytes", bytes.len())));
        };
        let value = f64::from_le_bytes(bytes);
        if !value.is_finite() {
            return Err(wrong(name, "a finite number", value));
        }
        Ok(Some(value))
    }

    /// Decimal numbers as text, separated by backslashes; empty if the element is missing or empty.
    pub(crate) fn decimals(&self, tag: Tag, name: &str) -> Result<Vec<f64>, ReadError> {
        let Some(text) = self.text(tag) else { return Ok(Vec::new()) };
        let parse = |part: &str| match part.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(wrong(name, "decimal numbers", shown(part))),
        };
        text.split('\\').map(parse).collect()
    }

    /// A whole number as text.
    pub(crate) fn integer(&self, tag: Tag, name: &str) -> Result<Option<i64>, ReadError> {
        let Some(text) = self.text(tag) else { return Ok(None) };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(wrong(name, "a whole number", shown(&text))),
        }
    }

    /// A unique identifier that has to be there.
    pub(crate) fn required_uid(&self, tag: Tag, name: &str) -> Result<String, ReadError> {
        let text = self.text(tag).ok_or_else(|| wrong(name, "a unique identifier", "nothing"))?;
        if !crate::uid::is_valid(&text) {
            return Err(wrong(name, "a unique identifier", shown(&text)));
        }
        Ok(text)
    }
}

/// Setting values. The representation is the one of the tag.
impl DataSet {
    fn set(&mut self, tag: Tag, value: Value) {
        // Every tag that has a name here is in the list, so the default does not occur.
        self.insert(tag, tag.vr().unwrap_or(Vr::OB), value);
    }

    /// Sets a text or identifier.
    pub(crate) fn set_text(&mut self, tag: Tag, text: impl AsRef<str>) {
        self.set(tag, Value::Bytes(text.as_ref().as_bytes().to_vec()));
    }

    pub(crate) fn set_bytes(&mut self, tag: Tag, bytes: Vec<u8>) {
        self.set(tag, Value::Bytes(bytes));
    }

    pub(crate) fn set_u16(&mut self, tag: Tag, value: u16) {
        self.set(tag, Value::Bytes(value.to_le_bytes().to_vec()));
    }

    pub(crate) fn set_u32s(&mut self, tag: Tag, values: &[u32]) {
        self.set(tag, Value::Bytes(values.iter().flat_map(|value| value.to_le_bytes()).collect()));
    }

    /// Sets a pointer to another element: group and element are separate numbers of 16 bits.
    pub(crate) fn set_tag(&mut self, tag: Tag, pointer: Tag) {
        let words = [(pointer.0 >> 16) as u16, pointer.0 as u16];
        self.set(tag, Value::Bytes(words.map(u16::to_le_bytes).as_flattened().to_vec()));
    }

    pub(crate) fn set_items(&mut self, tag: Tag, items: Vec<Self>) {
        self.set(tag, Value::Items(items));
    }

    /// Adds an empty element if there is none: the standard requires the element but allows it to be empty.
    pub(crate) fn set_empty_if_missing(&mut self, tag: Tag) {
        if self.contains(tag) {
            return;
        }
        let value = match tag.vr() {
            Some(Vr::SQ) => Value::Items(Vec::new()),
            _ => Value::Bytes(Vec::new()),
        };
        self.set(tag, value);
    }
}
