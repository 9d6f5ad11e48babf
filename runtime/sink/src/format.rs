//! The formats of outputs, and the names that fit them.

use crate::SinkError;
use std::path::Path;

/// A format that this project writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An image.
    Png,
    /// An array of NumPy.
    Npy,
    /// A report.
    Json,
    /// A DICOM object: a segmentation or a structured report.
    Dicom,
}

/// Endings that stand for a format. Any other ending may be part of a name, as in `mask.2026-11-30`.
const KNOWN: &[&str] = &[
    "apng",
    "avif",
    "bmp",
    "bz2",
    "csv",
    "dcm",
    "dib",
    "dicom",
    "exr",
    "gif",
    "gz",
    "h5",
    "hdr",
    "heic",
    "heif",
    "htm",
    "html",
    "ico",
    "j2k",
    "jfif",
    "jp2",
    "jpe",
    "jpeg",
    "jpg",
    "json",
    "jsonl",
    "jxl",
    "log",
    "mat",
    "md",
    "mha",
    "mhd",
    "ndjson",
    "nii",
    "npy",
    "npz",
    "nrrd",
    "onnx",
    "pam",
    "pbm",
    "pdf",
    "pgm",
    "pickle",
    "pkl",
    "png",
    "pnm",
    "ppm",
    "psd",
    "pt",
    "pth",
    "raw",
    "safetensors",
    "svg",
    "tar",
    "tga",
    "tif",
    "tiff",
    "toml",
    "tsv",
    "txt",
    "webp",
    "xls",
    "xlsx",
    "xml",
    "xz",
    "yaml",
    "yml",
    "zip",
    "zst",
];

impl Format {
    /// Endings of files of this format, the usual one first.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png"],
            Self::Npy => &["npy"],
            // One document on one line, so also a file of lines and plain text.
            Self::Json => &["json", "jsonl", "ndjson", "txt", "log"],
            Self::Dicom => &["dcm", "dicom"],
        }
    }

    /// Checks that a name does not end in another format: a viewer would be misled.
    ///
    /// # Errors
    /// [`SinkError::Name`].
    pub fn check_name(self, path: &Path) -> Result<(), SinkError> {
        let Some(found) = path.extension().and_then(|ending| ending.to_str()) else {
            return Ok(());
        };
        let lower = found.to_ascii_lowercase();
        let own = self.endings();
        if own.contains(&lower.as_str()) || !KNOWN.contains(&lower.as_str()) {
            return Ok(());
        }
        let (path, expected) = (path.to_path_buf(), own[0]);
        Err(SinkError::Name { path, expected, found: found.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_format_is_refused() {
        let fits = |format: Format, name: &str| format.check_name(name.as_ref()).is_ok();
        for name in ["mask.png", "mask.PNG", "mask", "mask.v2", "mask.2026-11-30", ".png", "-"] {
            assert!(fits(Format::Png, name), "{name}");
        }
        for name in ["mask.jpg", "mask.TIFF", "a.b/mask.json", "mask.png.gz", "mask.npy"] {
            let error = Format::Png.check_name(name.as_ref()).unwrap_err();
            assert!(!error.is_output() && error.to_string().contains("expected"), "{error}");
        }
        assert!(fits(Format::Npy, "logits.npy") && !fits(Format::Npy, "logits.npz"));
        assert!(fits(Format::Json, "r.json") && fits(Format::Json, "r.log"));
        assert!(fits(Format::Json, "r.jsonl") && !fits(Format::Json, "r.png"));
        assert!(fits(Format::Dicom, "seg.dcm") && fits(Format::Dicom, "1.2.840.10008"));
        assert!(!fits(Format::Dicom, "seg.png") && !fits(Format::Json, "sr.dcm"));
        assert!(Format::Json.endings().iter().all(|ending| KNOWN.contains(ending)));
    }
}
