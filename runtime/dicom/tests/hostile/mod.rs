//! What must hold for any bytes that are taken for a DICOM file. A fuzz target can use it.

use uniultra_core::{MAX_SIDE_PX, MIN_SIDE_PX};
use uniultra_dicom::{Algorithm, DicomImage, Measurements, SegmentKind, Segmentation};

/// Frames of one file that are decoded. A small file can state many that are alike.
const MAX_DECODED: usize = 4;

/// Opens the bytes, decodes some frames, and writes documents about the image. It panics if the library does, or
/// if something that was accepted breaks a guarantee. Returns how many frames were decoded.
pub(crate) fn read(bytes: &[u8]) -> usize {
    let Ok(image) = DicomImage::from_bytes(bytes.to_vec()) else { return 0 };
    let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
    assert!(sides.contains(&image.width()) && sides.contains(&image.height()));
    assert!(image.frame_count() >= 1);
    let (x, y) = (image.width() / 2, image.height() / 2);
    if let Ok(Some(spacing)) = image.spacing_at(x, y) {
        assert!(spacing.x_mm() > 0.0 && spacing.y_mm() > 0.0);
    }
    if let Ok(Some(times)) = image.frame_times_ms() {
        assert_eq!(times.len(), image.frame_count());
        assert!(times.is_sorted());
    }
    assert!(!image.summary().to_string().is_empty());
    assert!(image.frame(image.frame_count()).is_err());
    let mut decoded = 0;
    for index in 0..image.frame_count().min(MAX_DECODED) {
        if let Ok(frame) = image.frame(index) {
            assert_eq!([frame.width(), frame.height()], [image.width(), image.height()]);
            decoded += 1;
        }
    }
    document(&image);
    decoded
}

/// Values are copied from a source that may hold anything.
fn document(image: &DicomImage) {
    let Ok(kind) = "mass".parse::<SegmentKind>() else { return };
    let Ok(algorithm) = Algorithm::new("test", "1") else { return };
    let Ok(mut segmentation) = Segmentation::new(image, kind, algorithm) else { return };
    let [width, height] = [image.width(), image.height()];
    let Ok(mask) = uniultra_core::Mask::from_binary(width, height, vec![1; width * height]) else {
        return;
    };
    if segmentation.add(0, &mask, Measurements::default()).is_ok() {
        let mut written = Vec::new();
        if segmentation.write_seg(&mut written).is_ok() {
            assert!(written.len() > width * height / 8);
        }
        let _ = segmentation.write_sr(&mut Vec::new());
    }
}
