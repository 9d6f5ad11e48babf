//! Bounds of this crate, with their reasons. What is over a bound is refused by name.

/// Largest file, in bytes. Minutes of uncompressed colour cine fit.
pub const MAX_FILE_BYTES: u64 = 2 << 30;

/// Largest data set that a deflated file may unfold to, in bytes. A deflated file can claim a thousand times its
/// own size.
pub const MAX_INFLATED_BYTES: u64 = 256 << 20;

/// Most data elements in front of the pixel data, items and nested elements included. A cine with a functional
/// group for each frame has some ten thousand.
pub const MAX_ELEMENTS: usize = 200_000;

/// Longest value that is kept, in bytes: a palette of 65536 entries of 16 bits.
pub const MAX_VALUE_BYTES: usize = 128 << 10;

/// Most bytes of all values that are kept together.
pub const MAX_KEPT_BYTES: usize = 8 << 20;

/// Deepest nesting of sequences. Reports of measurements nest about ten deep, images less.
pub const MAX_DEPTH: usize = 16;

/// Most fragments of compressed pixel data. Devices write one for each frame, or some for a large frame.
pub const MAX_FRAGMENTS: usize = 1 << 18;

/// Most frames of an image: an hour at 60 frames a second.
pub const MAX_FRAMES: usize = 216_000;

/// Most ultrasound regions of an image. Devices write up to ten.
pub const MAX_REGIONS: usize = 64;

/// Most frames that a segmentation holds. Frame numbers fit 16 bits in many viewers.
pub const MAX_SEGMENTED_FRAMES: usize = 65_535;
