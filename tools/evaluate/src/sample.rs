//! One image in memory: frame, objects and truth.

use crate::components::Components;
use crate::prompt::Object;
use crate::{Case, ImageError};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use uniultra_core::{Frame, FrameError, MAX_SIDE_PX, Mask, Pixels};

/// Largest file that is read: the largest frame, uncompressed 16-bit RGB, and its header.
const MAX_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// An image with what is to be found in it.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) frame: Frame,
    /// None where the mask is empty.
    pub(crate) objects: Vec<Object>,
    /// The union of the objects.
    pub(crate) truth: Mask,
}

impl Sample {
    /// Reads image and mask.
    pub(crate) fn load(case: &Case) -> Result<Self, ImageError> {
        let frame = read(&case.image, "image")?;
        let mask = binary(&read(&case.mask, "mask")?)?;
        let sizes = [[frame.width(), frame.height()], [mask.width(), mask.height()]];
        if sizes[0] != sizes[1] {
            return Err(ImageError::Size { image: sizes[0], mask: sizes[1] });
        }
        Self::of(frame, &mask)
    }

    /// Finds the objects of a mask.
    pub(crate) fn of(frame: Frame, mask: &Mask) -> Result<Self, ImageError> {
        let components = Components::of(mask);
        let mut objects = Vec::new();
        let mut truth = vec![0; mask.data().len()];
        for index in components.objects() {
            let component = components.mask(index)?;
            add(&mut truth, &component);
            objects.extend(Object::of(component)?);
        }
        if let (true, Some((_, found_px))) = (objects.is_empty(), components.largest()) {
            return Err(ImageError::OnlySpecks { found_px });
        }
        let truth = Mask::from_binary(mask.width(), mask.height(), truth)?;
        Ok(Self { frame, objects, truth })
    }
}

/// Adds a mask to a union.
pub(crate) fn add(union: &mut [u8], mask: &Mask) {
    for (value, more) in union.iter_mut().zip(mask.data()) {
        *value |= more;
    }
}

fn read(path: &Path, what: &'static str) -> Result<Frame, ImageError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|source| ImageError::Read { what, source })?;
    Frame::decode(&bytes).map_err(|source: FrameError| ImageError::Decode { what, source })
}

/// A mask file's pixels. Only 0 and 255 are accepted: a mask of 0 and 1 would otherwise be empty,
/// and a resampled one would have lost its outline.
fn binary(frame: &Frame) -> Result<Mask, ImageError> {
    let refuse = |found: String| ImageError::MaskValue { found };
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
        let sample = Sample::of(black(), &mask).unwrap();
        assert_eq!((sample.objects.len(), sample.truth.area_px()), (1, 20));
    }

    #[test]
    fn empty_is_not_the_same_as_specks_only() {
        let sample = Sample::of(black(), &binary(&black()).unwrap()).unwrap();
        assert!(sample.objects.is_empty());
        let mut data = vec![0; 5000];
        data[300..304].fill(255);
        let mask = binary(&frame(Pixels::Gray8(data))).unwrap();
        assert!(matches!(Sample::of(black(), &mask), Err(ImageError::OnlySpecks { found_px: 4 })));
    }

    #[test]
    fn masks_are_black_and_white() {
        let mut gray = vec![0; 5000];
        gray[7] = 1;
        let mut colour = vec![255; 15000];
        colour[4] = 0;
        for bad in [Pixels::Gray8(gray), Pixels::Rgb8(colour), Pixels::Gray16(vec![0; 5000])] {
            assert!(matches!(binary(&frame(bad)), Err(ImageError::MaskValue { .. })));
        }
        let white = binary(&frame(Pixels::Rgb8(vec![255; 15000]))).unwrap();
        assert_eq!(white.area_px(), 5000);
    }
}
