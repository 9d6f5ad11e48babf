//! Content of `STATUS`: how the sender is.

use crate::Mismatch;
use crate::fields::{Fields, check_most, check_no_zero, padded_text, put_padded};
use crate::limits::MAX_STATUS_TEXT_BYTES;

/// Longest name of an error, in bytes. Fixed by the content.
const NAME_BYTES: usize = 20;

/// Bytes in front of the text.
pub(crate) const FIXED_BYTES: usize = 30;

/// How a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// One of the protocol's codes, such as [`Status::OK`].
    pub code: u16,
    /// A number whose meaning the sender defines.
    pub sub_code: i64,
    /// A name of the state, at most 20 bytes, without a zero.
    pub name: String,
    /// A sentence for a person, at most [`MAX_STATUS_TEXT_BYTES`] bytes, without a zero.
    pub text: String,
}

impl Status {
    /// All is well.
    pub const OK: u16 = 1;
    /// An error that no other code describes.
    pub const UNKNOWN_ERROR: u16 = 2;
    /// Something that was asked for is not there.
    pub const NOT_FOUND: u16 = 4;
    /// The device does something else.
    pub const BUSY: u16 = 6;
    /// A message did not arrive whole.
    pub const CHECKSUM_ERROR: u16 = 9;
    /// The device is set up in a wrong way.
    pub const CONFIGURATION_ERROR: u16 = 10;
    /// Memory or storage is short.
    pub const NOT_ENOUGH_RESOURCES: u16 = 11;
    /// A message that the device does not take.
    pub const ILLEGAL_INSTRUCTION: u16 = 12;
    /// The device starts up.
    pub const NOT_READY: u16 = 13;
    /// The device shuts down.
    pub const EXITING: u16 = 19;

    pub(crate) fn read(content: &[u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(content);
        let code = fields.u16("code")?;
        let sub_code = fields.i64("sub-code")?;
        let name = fields.padded("name", NAME_BYTES)?;
        let text = padded_text("text", fields.bytes("text", fields.remaining())?)?;
        check_most("text", MAX_STATUS_TEXT_BYTES, text.len())?;
        Ok(Self { code, sub_code, name, text })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        out.extend(self.code.to_be_bytes());
        out.extend(self.sub_code.to_be_bytes());
        put_padded(out, "name", &self.name, NAME_BYTES)?;
        check_most("text", MAX_STATUS_TEXT_BYTES, self.text.len())?;
        check_no_zero("text", &self.text)?;
        out.extend_from_slice(self.text.as_bytes());
        // Receivers in C take the text where it lies, so it ends in a zero.
        out.push(0);
        Ok(())
    }
}
