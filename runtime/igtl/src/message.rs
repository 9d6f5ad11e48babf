//! A message, and its bytes.

use crate::limits::HEADER_BYTES;
use crate::{
    Content, EncodeError, Header, HeaderVersion, Metadata, Mismatch, Timestamp, checksum, header,
    metadata,
};

/// A header and what it announces.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// What the message says about itself.
    pub header: Header,
    /// What it is about.
    pub content: Content,
}

impl Message {
    /// A message in the plain form, which everyone understands.
    #[must_use]
    pub fn new(device_name: impl Into<String>, timestamp: Timestamp, content: Content) -> Self {
        let header = Header {
            version: HeaderVersion::Plain,
            type_name: content.type_name().unwrap_or("OTHER").to_owned(),
            device_name: device_name.into(),
            timestamp,
            message_id: 0,
            metadata: Vec::new(),
        };
        Self { header, content }
    }

    /// The same message in the extended form, with a message id and metadata.
    #[must_use]
    pub fn extended(mut self, message_id: u32, metadata: Vec<Metadata>) -> Self {
        let version = HeaderVersion::Extended;
        self.header = Header { version, message_id, metadata, ..self.header };
        self
    }

    /// The message's bytes. What was encoded can be decoded, if the decoder allows its size.
    ///
    /// ```
    /// use uniultra_igtl::{Content, Message, Timestamp};
    ///
    /// let message = Message::new("Board", Timestamp::UNUSED, Content::Text("ready".into()));
    /// let bytes = message.encode()?;
    /// assert_eq!(&bytes[58..], b"\x00\x03\x00\x05ready");
    /// # Ok::<(), uniultra_igtl::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`EncodeError`] if a field does not fit the format or is over a bound, if the type in the header is not
    /// that of the content, if the plain form has a message id or metadata, and for [`Content::Other`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.write()
            .map_err(|mismatch| EncodeError { type_name: self.header.type_name.clone(), mismatch })
    }

    fn write(&self) -> Result<Vec<u8>, Mismatch> {
        let Header { version, type_name, message_id, metadata, .. } = &self.header;
        if let Some(expected) = self.content.type_name().filter(|expected| expected != type_name) {
            return Err(Mismatch::new("type", expected, type_name));
        }
        let mut bytes = Vec::new();
        header::write(&mut bytes, &self.header)?;
        let mut body = Vec::new();
        match version {
            HeaderVersion::Plain => {
                if *message_id != 0 || !metadata.is_empty() {
                    let found = format!("id {message_id} and {} metadata", metadata.len());
                    return Err(Mismatch::new("plain form", "no message id or metadata", found));
                }
                self.content.write(&mut body)?;
            }
            HeaderVersion::Extended => {
                metadata::write_header(&mut body, *message_id, metadata)?;
                self.content.write(&mut body)?;
                metadata::write_metadata(&mut body, metadata)?;
            }
        }
        bytes.extend((body.len() as u64).to_be_bytes());
        bytes.extend(checksum::extend(0, &body).to_be_bytes());
        debug_assert_eq!(bytes.len(), HEADER_BYTES);
        bytes.append(&mut body);
        Ok(bytes)
    }
}
