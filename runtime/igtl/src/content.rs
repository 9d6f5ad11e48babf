//! What a message is about.

use crate::limits::{
    MAX_POINTS, MAX_STATUS_TEXT_BYTES, MAX_TEXT_BYTES, MAX_TYPE_NAME_BYTES, MAX_TYPE_NAMES,
};
use crate::{
    Image, Mismatch, Point, PolyData, Status, Transform, capability, fields::Fields, point,
    poly_data, status, text, transform,
};

/// What a message is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// `IMAGE`: one slice.
    Image(Image),
    /// `POINT`: at most [`MAX_POINTS`] named places.
    Points(Vec<Point>),
    /// `STRING`: a text of at most [`MAX_TEXT_BYTES`] bytes.
    Text(String),
    /// `STATUS`: how the sender is.
    Status(Status),
    /// `GET_STATUS`: the sender asks for a `STATUS`.
    GetStatus,
    /// `TRANSFORM`: where something is.
    Transform(Transform),
    /// `CAPABILITY`: at most [`MAX_TYPE_NAMES`] types of messages that the sender understands.
    Capability(Vec<String>),
    /// `GET_CAPABIL`: the sender asks for a `CAPABILITY`.
    GetCapability,
    /// `POLYDATA`: outlines.
    PolyData(PolyData),
    /// Another type, whose body was skipped.
    Other {
        /// Bytes of the body.
        body_bytes: u64,
    },
}

impl Content {
    /// The type's name in the header; `None` for [`Content::Other`].
    #[must_use]
    pub fn type_name(&self) -> Option<&'static str> {
        self.kind().map(Kind::name)
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Image(_) => Some(Kind::Image),
            Self::Points(_) => Some(Kind::Points),
            Self::Text(_) => Some(Kind::Text),
            Self::Status(_) => Some(Kind::Status),
            Self::GetStatus => Some(Kind::GetStatus),
            Self::Transform(_) => Some(Kind::Transform),
            Self::Capability(_) => Some(Kind::Capability),
            Self::GetCapability => Some(Kind::GetCapability),
            Self::PolyData(_) => Some(Kind::PolyData),
            Self::Other { .. } => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        match self {
            Self::Image(image) => image.write(out),
            Self::Points(points) => point::write(out, points),
            Self::Text(text) => text::write(out, text),
            Self::Status(status) => status.write(out),
            Self::Transform(transform) => transform.write(out),
            Self::Capability(names) => capability::write(out, names),
            Self::PolyData(data) => data.write(out),
            Self::GetStatus | Self::GetCapability => Ok(()),
            Self::Other { .. } => Err(Mismatch::new("content", "one of a known type", "another")),
        }
    }
}

/// A type of message that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Points,
    Text,
    Status,
    GetStatus,
    Transform,
    Capability,
    GetCapability,
    PolyData,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Image,
        Self::Points,
        Self::Text,
        Self::Status,
        Self::GetStatus,
        Self::Transform,
        Self::Capability,
        Self::GetCapability,
        Self::PolyData,
    ];

    pub(crate) fn of(type_name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == type_name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Image => "IMAGE",
            Self::Points => "POINT",
            Self::Text => "STRING",
            Self::Status => "STATUS",
            Self::GetStatus => "GET_STATUS",
            Self::Transform => "TRANSFORM",
            Self::Capability => "CAPABILITY",
            Self::GetCapability => "GET_CAPABIL",
            Self::PolyData => "POLYDATA",
        }
    }

    /// Most bytes of a content within its bounds; `None` where only the decoder's own bound holds.
    pub(crate) fn max_bytes(self) -> Option<usize> {
        match self {
            Self::Image => None,
            Self::Points => Some(MAX_POINTS * point::BYTES),
            Self::Text => Some(4 + MAX_TEXT_BYTES),
            Self::Status => Some(status::FIXED_BYTES + MAX_STATUS_TEXT_BYTES + 1),
            Self::GetStatus | Self::GetCapability => Some(0),
            Self::Transform => Some(transform::BYTES),
            Self::Capability => Some(MAX_TYPE_NAMES * MAX_TYPE_NAME_BYTES),
            Self::PolyData => Some(poly_data::MAX_BYTES),
        }
    }

    pub(crate) fn read(self, content: &[u8]) -> Result<Content, Mismatch> {
        let nothing = || Fields::new(content).end("content");
        match self {
            Self::Image => Image::read(content).map(Content::Image),
            Self::Points => point::read(content).map(Content::Points),
            Self::Text => text::read(content).map(Content::Text),
            Self::Status => Status::read(content).map(Content::Status),
            Self::GetStatus => nothing().map(|()| Content::GetStatus),
            Self::Transform => Transform::read(content).map(Content::Transform),
            Self::Capability => capability::read(content).map(Content::Capability),
            Self::GetCapability => nothing().map(|()| Content::GetCapability),
            Self::PolyData => PolyData::read(content).map(Content::PolyData),
        }
    }
}
