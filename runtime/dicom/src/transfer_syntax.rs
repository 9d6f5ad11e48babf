//! Transfer syntaxes: those that are read, and the names of the others.

use crate::ReadError;
use crate::error::Mismatch;

/// How a file's data elements and pixels are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferSyntax {
    /// Implicit VR Little Endian.
    ImplicitLittleEndian,
    /// Explicit VR Little Endian.
    ExplicitLittleEndian,
    /// Deflated Explicit VR Little Endian.
    Deflated,
    /// RLE Lossless.
    Rle,
    /// JPEG Baseline (Process 1).
    JpegBaseline,
    /// JPEG Extended (Process 2 and 4). Only 8 bits are decoded.
    JpegExtended,
    /// JPEG Lossless, Non-Hierarchical (Process 14).
    JpegLossless,
    /// JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1).
    JpegLosslessFirstOrder,
    /// JPEG-LS Lossless.
    JpegLs,
    /// JPEG-LS Lossy (Near-Lossless).
    JpegLsNearLossless,
    /// JPEG 2000 (Lossless Only). Only 8 bits are decoded.
    Jpeg2000Lossless,
    /// JPEG 2000. Only 8 bits are decoded.
    Jpeg2000,
}

use TransferSyntax as T;

const READ: &[(T, &str, &str)] = &[
    (T::ImplicitLittleEndian, "1.2.840.10008.1.2", "Implicit VR Little Endian"),
    (T::ExplicitLittleEndian, "1.2.840.10008.1.2.1", "Explicit VR Little Endian"),
    (T::Deflated, "1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian"),
    (T::Rle, "1.2.840.10008.1.2.5", "RLE Lossless"),
    (T::JpegBaseline, "1.2.840.10008.1.2.4.50", "JPEG Baseline"),
    (T::JpegExtended, "1.2.840.10008.1.2.4.51", "JPEG Extended"),
    (T::JpegLossless, "1.2.840.10008.1.2.4.57", "JPEG Lossless"),
    (T::JpegLosslessFirstOrder, "1.2.840.10008.1.2.4.70", "JPEG Lossless, First-Order Prediction"),
    (T::JpegLs, "1.2.840.10008.1.2.4.80", "JPEG-LS Lossless"),
    (T::JpegLsNearLossless, "1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless"),
    (T::Jpeg2000Lossless, "1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless"),
    (T::Jpeg2000, "1.2.840.10008.1.2.4.91", "JPEG 2000"),
];

const REFUSED: &[(&str, &str)] = &[
    ("1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian"),
    ("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
    ("1.2.840.10008.1.2.4.52", "JPEG Extended (Process 3 and 5)"),
    ("1.2.840.10008.1.2.4.53", "JPEG Spectral Selection (Process 6 and 8)"),
    ("1.2.840.10008.1.2.4.55", "JPEG Full Progression (Process 10 and 12)"),
    ("1.2.840.10008.1.2.4.58", "JPEG Lossless (Process 15)"),
    ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component Lossless"),
    ("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component"),
    ("1.2.840.10008.1.2.4.94", "JPIP Referenced"),
    ("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate"),
    ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile, Main Level"),
    ("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile, High Level"),
    ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile, Level 4.1"),
    ("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile, Level 4.1"),
    ("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 High Profile, Level 4.2, 2D Video"),
    ("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 High Profile, Level 4.2, 3D Video"),
    ("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile, Level 4.2"),
    ("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile, Level 5.1"),
    ("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile, Level 5.1"),
    ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless"),
    ("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression"),
    ("1.2.840.10008.1.2.4.112", "JPEG XL"),
    ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Lossless"),
    ("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options Lossless"),
    ("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000"),
    ("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression"),
];

impl TransferSyntax {
    pub(crate) fn from_uid(uid: &str) -> Result<Self, ReadError> {
        if let Some((syntax, ..)) = READ.iter().find(|(_, known, _)| *known == uid) {
            return Ok(*syntax);
        }
        let found = match REFUSED.iter().find(|(known, _)| *known == uid) {
            Some((_, name)) => format!("{uid} ({name})"),
            None => format!("{uid:?}"),
        };
        let expected =
            "uncompressed little-endian or deflated data, RLE, JPEG, JPEG-LS or JPEG 2000";
        Err(ReadError::Unsupported(Mismatch::new("transfer syntax", expected, found)))
    }

    fn entry(self) -> Option<&'static (Self, &'static str, &'static str)> {
        READ.iter().find(|(syntax, ..)| *syntax == self)
    }

    /// Its unique identifier.
    #[must_use]
    pub fn uid(self) -> &'static str {
        self.entry().map_or("", |(_, uid, _)| uid)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |(_, _, name)| name)
    }

    /// Whether the pixel data is in fragments, each compressed.
    #[must_use]
    pub fn is_encapsulated(self) -> bool {
        !matches!(self, T::ImplicitLittleEndian | T::ExplicitLittleEndian | T::Deflated)
    }

    pub(crate) fn has_explicit_vr(self) -> bool {
        self != T::ImplicitLittleEndian
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_refused_by_name() {
        let message = |uid: &str| TransferSyntax::from_uid(uid).unwrap_err().to_string();
        assert!(
            message("1.2.840.10008.1.2.4.102")
                .ends_with("(MPEG-4 AVC/H.264 High Profile, Level 4.1)")
        );
        assert!(message("1.2.3").ends_with("found \"1.2.3\""));
        for (syntax, uid, name) in READ {
            assert_eq!(TransferSyntax::from_uid(uid).unwrap(), *syntax);
            assert_eq!((syntax.uid(), syntax.name()), (*uid, *name));
        }
    }
}
