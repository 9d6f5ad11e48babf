//! Sizes that the protocol fixes, and the bounds of this crate with their reasons.
//!
//! Whoever can reach the socket can send anything, so every list and every text has a bound. What is over it
//! is refused by name.

/// Bytes of the header that starts every message.
pub const HEADER_BYTES: usize = 58;

/// Longest type name, in bytes. Fixed by the header.
pub const MAX_TYPE_NAME_BYTES: usize = 12;

/// Longest device name, in bytes. Fixed by the header.
pub const MAX_DEVICE_NAME_BYTES: usize = 20;

/// Largest side of an image, in pixels: the largest frame that the runtime takes.
pub const MAX_IMAGE_SIDE_PX: usize = 8192;

/// Least distance of two pixels, in millimetres. Ultrasound resolves nothing below some micrometres, and much
/// smaller values make lengths and areas lose their digits.
pub const MIN_SPACING_MM: f32 = 1e-6;

/// Largest distance of two pixels, in millimetres. No probe sees as far as a metre.
pub const MAX_SPACING_MM: f32 = 1e3;

/// Most points of a `POINT` message. People set fiducials one by one.
pub const MAX_POINTS: usize = 1024;

/// Most type names of a `CAPABILITY` message. The protocol defines less than a hundred.
pub const MAX_TYPE_NAMES: usize = 256;

/// Longest text of a `STATUS` message, in bytes. It is a sentence for a person.
pub const MAX_STATUS_TEXT_BYTES: usize = 4096;

/// Longest text of a `STRING` message, in bytes. Its length is a 16-bit number.
pub const MAX_TEXT_BYTES: usize = u16::MAX as usize;

/// Most entries of metadata of a message. Senders attach about ten.
pub const MAX_METADATA: usize = 128;

/// Most bytes of a message's metadata, keys, values and index together. Values are short texts.
pub const MAX_METADATA_BYTES: usize = 64 * 1024;

/// Most points of a `POLYDATA` message. An outline has at most some thousand.
pub const MAX_POLY_POINTS: usize = 65_536;

/// Most lines, and most polygons, of a `POLYDATA` message. An outline is one cell; a mask has few.
pub const MAX_POLY_CELLS: usize = 4096;

/// Most indices of the lines, and of the polygons, of a `POLYDATA` message: all points, and the first point
/// of each line again where it closes.
pub const MAX_POLY_INDICES: usize = MAX_POLY_POINTS + MAX_POLY_CELLS;
