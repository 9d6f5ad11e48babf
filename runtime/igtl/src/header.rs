//! The header that starts every message.

use crate::fields::{Fields, padded_text, put_padded, shown};
use crate::limits::{MAX_DEVICE_NAME_BYTES, MAX_TYPE_NAME_BYTES};
use crate::{Metadata, Mismatch, Timestamp};

/// The form of a message. Its number in the header is not that of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderVersion {
    /// Number 1, of the protocol's versions 1 and 2: the body is the content. Everyone understands it.
    #[default]
    Plain,
    /// Number 2, of the protocol's version 3: the body also has a message id and metadata.
    Extended,
}

impl HeaderVersion {
    fn number(self) -> u16 {
        match self {
            Self::Plain => 1,
            Self::Extended => 2,
        }
    }
}

/// What a message says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The message's form.
    pub version: HeaderVersion,
    /// What the content is, such as `IMAGE`. At most 12 printable ASCII characters without spaces.
    pub type_name: String,
    /// Who sends it, or the name of the data. At most 20 printable ASCII characters; may be empty.
    pub device_name: String,
    /// When the content came about.
    pub timestamp: Timestamp,
    /// A number that the sender chose. 0 in the plain form, and for content that was skipped.
    pub message_id: u32,
    /// Keys and values. Empty in the plain form, and for content that was skipped.
    pub metadata: Vec<Metadata>,
}

/// The header's bytes. The type was checked to be plain text; the device's name is checked later.
#[derive(Clone, Debug)]
pub(crate) struct RawHeader {
    pub(crate) version: HeaderVersion,
    pub(crate) type_name: String,
    device_name: [u8; MAX_DEVICE_NAME_BYTES],
    timestamp: Timestamp,
    pub(crate) body_bytes: u64,
    pub(crate) checksum: u64,
}

impl RawHeader {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(bytes);
        let version = match fields.u16("version")? {
            1 => HeaderVersion::Plain,
            2 => HeaderVersion::Extended,
            other => return Err(Mismatch::new("version", "1 or 2", other)),
        };
        let type_bytes = fields.bytes("type", MAX_TYPE_NAME_BYTES)?;
        let type_name = padded_text("type", type_bytes)?;
        check_type_name("type", &type_name)?;
        let mut device_name = [0; MAX_DEVICE_NAME_BYTES];
        device_name.copy_from_slice(fields.bytes("device name", MAX_DEVICE_NAME_BYTES)?);
        Ok(Self {
            version,
            type_name,
            device_name,
            timestamp: Timestamp(fields.u64("timestamp")?),
            body_bytes: fields.u64("body size")?,
            checksum: fields.u64("checksum")?,
        })
    }

    pub(crate) fn device_name(&self) -> Result<String, Mismatch> {
        let name = padded_text("device name", &self.device_name)?;
        check_device_name(&name)?;
        Ok(name)
    }

    pub(crate) fn into_header(self, device_name: String) -> Header {
        Header {
            version: self.version,
            type_name: self.type_name,
            device_name,
            timestamp: self.timestamp,
            message_id: 0,
            metadata: Vec::new(),
        }
    }
}

/// Writes the header without body size and checksum, which are known later.
pub(crate) fn write(out: &mut Vec<u8>, header: &Header) -> Result<(), Mismatch> {
    out.extend(header.version.number().to_be_bytes());
    check_type_name("type", &header.type_name)?;
    put_padded(out, "type", &header.type_name, MAX_TYPE_NAME_BYTES)?;
    check_device_name(&header.device_name)?;
    put_padded(out, "device name", &header.device_name, MAX_DEVICE_NAME_BYTES)?;
    out.extend(header.timestamp.0.to_be_bytes());
    Ok(())
}

pub(crate) fn check_type_name(field: &'static str, name: &str) -> Result<(), Mismatch> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Mismatch::new(field, "a name in ASCII", shown(name.as_bytes())));
    }
    Ok(())
}

fn check_device_name(name: &str) -> Result<(), Mismatch> {
    if !name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Mismatch::new("device name", "ASCII", shown(name.as_bytes())));
    }
    Ok(())
}
