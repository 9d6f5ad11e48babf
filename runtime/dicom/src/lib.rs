//! DICOM ultrasound to frames, and masks and measurements to DICOM.
//!
//! ```text
//! file ─> DicomImage ─> frame(index) ─> uniultra_core::Frame
//!             │   └──── regions, spacing_at(x, y), frame_times_ms
//!             └─> Segmentation { masks, measurements } ─> write_seg: DICOM segmentation
//!                                                    └──> write_sr:  DICOM structured report
//! ```
//!
//! ```
//! use uniultra_dicom::DicomImage;
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/regions.dcm");
//! let image = DicomImage::open(path)?;
//! assert_eq!((image.width(), image.height(), image.frame_count()), (96, 64, 3));
//! // Indices count from 0. Only this frame is decoded.
//! let frame = image.frame(2)?;
//! assert_eq!(frame.width(), 96);
//! // The region under a point says what its pixels measure, if they measure lengths.
//! let spacing = image.spacing_at(5, 5)?.ok_or("no lengths here")?;
//! assert_eq!((spacing.x_mm(), spacing.y_mm()), (0.1, 0.2));
//! assert_eq!(image.frame_times_ms()?, Some(vec![0.0, 33.5, 74.75]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Segmentation`] has an example of writing.
//!
//! Ultrasound images and cines are read, and secondary captures: unsigned samples of 8 or 16 bits, gray, RGB, YBR
//! or with a palette. [`TransferSyntax`] lists the encodings. What is not read is refused by name: other classes,
//! signed samples, big-endian files, video, JPEG of 12 bits, JPEG 2000 of more than 8 bits, segmented palettes.
//!
//! A file may hold anything. Every length is compared with the bytes that are there before anything is taken, and
//! [`limits`] bounds everything else. Errors say what was expected and what was found.

mod codec;
mod container;
mod data_set;
mod error;
mod image;
pub mod limits;
mod pixels;
mod region;
mod summary;
mod tag;
mod timing;
mod transfer_syntax;
mod uid;
mod vr;
mod write;

pub use error::{Mismatch, ReadError, WriteError};
pub use image::DicomImage;
pub use region::{PhysicalUnit, Region, SpatialFormat};
pub use summary::{BurnedInAnnotation, Summary};
pub use tag::Tag;
pub use transfer_syntax::TransferSyntax;
pub use write::{Algorithm, CodedTerm, Measurements, SegmentKind, Segmentation};
