//! One image in memory: frame, objects and truth.

use crate::components::Components;
use crate::object::Object;
use crate::{Case, SampleError};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use uniultra_core::{DecodeOptions, DecodedFrame, Frame, FrameError, MAX_SIDE_PX, Mask, Pixels};

/// Largest file that is read: the largest frame, uncompressed 16-bit RGB, and its header.
const MAX_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// An image, and the objects in it.
#[derive(Debug)]
pub struct Sample {
    /// The image.
    pub frame: Frame,
    /// The mask's components of at least 0.1 % of the image; none where the mask is empty.
    pub objects: Vec<Object>,
    /// The union of the objects.
    pub truth: Mask,
}

impl Sample {
    /// Reads image and mask.
    ///
    /// # Errors
    /// [`SampleError`] if one cannot be read, the mask is not binary, their sizes differ, or the
    /// mask holds nothing but specks.
    pub fn load(case: &Case) -> Result<Self, SampleError> {
        let (frame, mask) = read_pair(case)?;
        Self::new(frame, &mask)
    }

    /// Finds the objects of a mask.
    ///
    /// # Errors
    /// [`SampleError::OnlySpecks`] if the mask is not empty but has no object.
    pub fn new(frame: Frame, mask: &Mask) -> Result<Self, SampleError> {
        let mut objects = Vec::new();
        let mut truth = vec![0; mask.data().len()];
        for component in components_of(mask)? {
            unite(&mut truth, &component);
            objects.extend(Object::from_mask(component)?);
        }
        let truth = Mask::from_binary(mask.width(), mask.height(), truth)?;
        Ok(Self { frame, objects, truth })
    }
}

/// Reads image and mask, of one size; the mask with all its components, however small. An image that
/// states its orientation is turned upright, a mask is taken as stored.
///
/// # Errors
/// [`SampleError`] if one cannot be read, the mask is not binary, or their sizes differ.
pub fn read_pair(case: &Case) -> Result<(Frame, Mask), SampleError> {
    read_files(&case.image, &case.mask)
}

fn read_files(image: &Path, mask: &Path) -> Result<(Frame, Mask), SampleError> {
    let image = read(image, "image", &DecodeOptions::new())?;
    let stored = DecodeOptions::new().with_stored_orientation();
    let mask = binary(&read(mask, "mask", &stored)?.frame)?;
    let DecodedFrame { frame, orientation_applied, .. } = image;
    let sizes = [[frame.width(), frame.height()], [mask.width(), mask.height()]];
    if sizes[0] == sizes[1] {
        Ok((frame, mask))
    } else {
        let [image, mask] = sizes;
        Err(SampleError::Size { image, mask, orientation_applied })
    }
}

/// The mask of each object; none for an empty mask.
pub(crate) fn components_of(mask: &Mask) -> Result<Vec<Mask>, SampleError> {
    let components = Components::from_mask(mask);
    let objects: Vec<Mask> =
        components.objects().map(|index| components.mask(index)).collect::<Result<_, _>>()?;
    match components.largest() {
        Some((_, found_px)) if objects.is_empty() => Err(SampleError::OnlySpecks { found_px }),
        _ => Ok(objects),
    }
}

/// Adds a mask to a union of 0 and 1, `[height, width]` as the mask.
pub fn unite(union: &mut [u8], mask: &Mask) {
    for (value, more) in union.iter_mut().zip(mask.data()) {
        *value |= more;
    }
}

fn read(
    path: &Path,
    what: &'static str,
    options: &DecodeOptions,
) -> Result<DecodedFrame, SampleError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|source| SampleError::Read { what, source })?;
    Frame::decode_with(&bytes, options)
        .map_err(|source: FrameError| SampleError::Decode { what, source })
}

/// A mask file's pixels. Only 0 and 255 are accepted: a mask of 0 and 1 would otherwise be empty,
/// and a resampled one would have lost its outline.
fn binary(frame: &Frame) -> Result<Mask, SampleError> {
    let refuse = |found: String| SampleError::MaskValue { found };
    let data: Vec<u8> = match frame.pixels() {
        Pixels::Gray8(values) => values.clone(),
        Pixels::Rgb8(values) => {
            let (pixels, _) = values.as_chunks::<3>();
            if let Some(pixel) = pixels.iter().find(|[r, g, b]| r != g || g != b) {
                return Err(refuse(format!("colour {pixel:?}")));
            }
            pixels.iter().map(|[gray, ..]| *gray).collect()
        }
        Pixels::Gray16(_) | Pixels::Rgb16(_) => return Err(refuse("16 bit".to_string())),
    };
    match data.iter().find(|value| !matches!(value, 0 | 255)) {
        Some(value) => Err(refuse(value.to_string())),
        None => Ok(Mask::from_binary(frame.width(), frame.height(), data)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(pixels: Pixels) -> Frame {
        Frame::new(100, 50, pixels).unwrap()
    }

    fn black() -> Frame {
        frame(Pixels::Gray8(vec![0; 5000]))
    }

    #[test]
    fn objects_leave_specks_out_of_the_truth() {
        let mut data = vec![0; 5000];
        data[..20].fill(255);
        data[300..304].fill(255);
        let mask = binary(&frame(Pixels::Gray8(data))).unwrap();
        let sample = Sample::new(black(), &mask).unwrap();
        assert_eq!((sample.objects.len(), sample.truth.area_px()), (1, 20));
    }

    #[test]
    fn empty_is_not_the_same_as_specks_only() {
        let sample = Sample::new(black(), &binary(&black()).unwrap()).unwrap();
        assert!(sample.objects.is_empty());
        let mut data = vec![0; 5000];
        data[300..304].fill(255);
        let mask = binary(&frame(Pixels::Gray8(data))).unwrap();
        assert!(matches!(
            Sample::new(black(), &mask),
            Err(SampleError::OnlySpecks { found_px: 4 })
        ));
    }

    /// An EXIF block with the orientation alone, little-endian.
    fn exif(orientation: u8) -> Vec<u8> {
        let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
        [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
    }

    /// Writes a PNG that is white in its first columns.
    fn write(path: &Path, [width, height]: [u32; 2], orientation: u8) {
        use image::{ExtendedColorType, ImageEncoder};
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        let row: Vec<u8> = (0..width).map(|x| if x < 12 { 255 } else { 0 }).collect();
        let pixels = row.repeat(height as usize);
        encoder.write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn images_are_turned_upright_and_masks_are_taken_as_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (image, mask) = (path("image.png"), path("mask.png"));
        let read = |image_size, image_orientation, mask_size, mask_orientation| {
            write(&image, image_size, image_orientation);
            write(&mask, mask_size, mask_orientation);
            read_files(&image, &mask)
        };
        // Upside down: the image's first columns become its last.
        let (frame, found) = read([40, 30], 3, [40, 30], 1).unwrap();
        assert_eq!((frame.gray(39, 0), frame.gray(0, 0)), (Some(1.0), Some(0.0)));
        assert!(found.contains(0, 0) && !found.contains(39, 0));
        // A mask is not turned, whatever it says.
        let (_, found) = read([40, 30], 3, [40, 30], 3).unwrap();
        assert!(found.contains(0, 0) && !found.contains(39, 0));
        // A quarter turn: the mask must have the size of the upright image.
        assert!(read([40, 30], 6, [30, 40], 6).is_ok());
        let message = read([40, 30], 6, [40, 30], 6).unwrap_err().to_string();
        assert!(message.contains("30x40") && message.contains("EXIF orientation 6"), "{message}");
        let message = read([40, 30], 1, [30, 40], 1).unwrap_err().to_string();
        assert!(!message.contains("EXIF"), "{message}");
    }

    #[test]
    fn masks_are_black_and_white() {
        let mut gray = vec![0; 5000];
        gray[7] = 1;
        let mut colour = vec![255; 15000];
        colour[4] = 0;
        for bad in [Pixels::Gray8(gray), Pixels::Rgb8(colour), Pixels::Gray16(vec![0; 5000])] {
            assert!(matches!(binary(&frame(bad)), Err(SampleError::MaskValue { .. })));
        }
        let white = binary(&frame(Pixels::Rgb8(vec![255; 15000]))).unwrap();
        assert_eq!(white.area_px(), 5000);
    }
}
