//! OpenIGTLink messages to bytes and back: images, points and texts in, masks, outlines and states out.
//!
//! ```text
//! socket ─> bytes ─> Decoder ─> Message { header, content }
//! socket <─ bytes <─ Message::encode
//! ```
//!
//! Nothing here opens a socket. A peer may send anything: sizes are checked before memory is taken, checksums
//! always, and every list has a bound in [`limits`]. Errors say what was expected and what was found.
//!
//! Protocol versions 1 to 3 are read and written. Their headers have only two numbers: 1 for the
//! [plain](HeaderVersion::Plain) form of versions 1 and 2, and 2 for the [extended](HeaderVersion::Extended)
//! form of version 3.
//!
//! Of `IMAGE`, one whole slice of 8 or 16 bits or of RGB colours is read; of `POLYDATA`, points, lines and
//! polygons. Messages of other types are reported as [`Content::Other`].

mod capability;
mod checksum;
mod content;
mod decoder;
mod error;
mod fields;
mod geometry;
mod header;
mod image;
pub mod limits;
mod message;
mod metadata;
mod point;
mod poly_data;
mod status;
mod text;
mod timestamp;
mod transform;

pub use content::Content;
pub use decoder::Decoder;
pub use error::{DecodeError, EncodeError, Mismatch};
pub use geometry::{Coordinates, Geometry};
pub use header::{Header, HeaderVersion};
pub use image::{Image, Pixels};
pub use message::Message;
pub use metadata::Metadata;
pub use point::Point;
pub use poly_data::PolyData;
pub use status::Status;
pub use timestamp::Timestamp;
pub use transform::Transform;
