//! From a raw case to a frame and a mask for each set.

use crate::case::{RawCase, Spacing, Truth};
use crate::outline::fill_outline;
use crate::polygon::fill;
use crate::sets::ddti;
use crate::{PrepareError, SetSpec, Volume};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use uniultra_core::{DecodeOptions, Frame, MAX_SIDE_PX, Mask, PixelSpacing, Pixels};

/// Largest file that is read: the largest frame, uncompressed 16-bit RGB, and its header.
const MAX_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// Extensions that are read as [`Volume`].
const VOLUMES: [&str; 4] = [".nii", ".nii.gz", ".mha", ".mhd"];

/// A case that was read.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) frame: Frame,
    pub(crate) spacing: Option<PixelSpacing>,
    /// A mask for each set, in their order; it may be empty.
    pub(crate) masks: Vec<Mask>,
}

/// Reads an image and draws its masks. The inner error says why there is no usable mask.
///
/// # Errors
/// [`PrepareError::Image`] if the image cannot be read.
pub(crate) fn draw(
    case: &RawCase,
    sets: &[SetSpec],
) -> Result<Result<Drawn, String>, PrepareError> {
    let (frame, in_header) = image(&case.image)?;
    let size = [frame.width(), frame.height()];
    let spacing = match case.spacing {
        Spacing::Unknown => None,
        Spacing::Known(spacing) => Some(spacing),
        Spacing::InHeader => in_header,
    };
    Ok(masks(case, size, sets).map(|masks| Drawn { frame, spacing, masks }))
}

fn masks(case: &RawCase, size: [usize; 2], sets: &[SetSpec]) -> Result<Vec<Mask>, String> {
    let [width, height] = size;
    let pixels = match &case.truth {
        Truth::Missing(what) => return Err(what.clone()),
        Truth::Masks(paths) => {
            let mut union = vec![0; width * height];
            for path in paths {
                for (value, more) in union.iter_mut().zip(binary(path, size)?) {
                    *value |= more;
                }
            }
            union
        }
        Truth::Outline(path) => fill_outline(&binary(path, size)?, width, height),
        Truth::Marks { xml, image } => {
            let mut mask = vec![0; width * height];
            for polygon in ddti::polygons(xml, *image)? {
                fill(&polygon, width, height, &mut mask);
            }
            mask
        }
        Truth::Labels(path) => labels(path, size, sets)?,
    };
    let mask_of = |set: &SetSpec| {
        let is_object = |value: u8| match set.labels {
            [] => value != 0,
            labels => labels.contains(&value),
        };
        let data = pixels.iter().map(|&value| u8::from(is_object(value))).collect();
        Mask::from_binary(width, height, data).map_err(|error| error.to_string())
    };
    let masks: Vec<Mask> = sets.iter().map(mask_of).collect::<Result<_, _>>()?;
    let has_object = masks.iter().any(|mask| mask.area_px() > 0);
    match case.object {
        Some(true) if !has_object => Err("expected an object in the mask, found none".to_string()),
        Some(false) if has_object => Err("expected an empty mask, found an object".to_string()),
        _ => Ok(masks),
    }
}

/// A picture of any format, upright.
fn image(path: &Path) -> Result<(Frame, Option<PixelSpacing>), PrepareError> {
    let refuse = |reason: String| PrepareError::Image { path: path.to_path_buf(), reason };
    if is_volume(path) {
        let volume = Volume::open(path).map_err(|error| refuse(error.to_string()))?;
        let spacing = volume.pixel_spacing();
        let frame = volume.into_frame().map_err(|error| refuse(error.to_string()))?;
        return Ok((gray(frame).map_err(refuse)?, spacing));
    }
    let bytes = bytes_of(path).map_err(refuse)?;
    let frame = Frame::decode(&bytes).map_err(|error| refuse(error.to_string()))?;
    Ok((gray(frame).map_err(refuse)?, None))
}

/// A mask's pixels, 0 and 1. Those from 128 on are object, because JPEG blurs outlines; of a mask of 0
/// and 1 those of 1.
fn binary(path: &Path, size: [usize; 2]) -> Result<Vec<u8>, String> {
    let values = values(path, size)?;
    let largest = values.iter().copied().max().unwrap_or_default();
    let least = if largest <= 1 { 1 } else { 128 };
    Ok(values.iter().map(|&value| u8::from(value >= least)).collect())
}

/// A mask's labels: 0 and those of the sets.
fn labels(path: &Path, size: [usize; 2], sets: &[SetSpec]) -> Result<Vec<u8>, String> {
    let values = values(path, size)?;
    let is_known = |value: u8| value == 0 || sets.iter().any(|set| set.labels.contains(&value));
    match values.iter().find(|&&value| !is_known(value)) {
        Some(value) => {
            let known: Vec<_> =
                sets.iter().flat_map(|set| set.labels).map(ToString::to_string).collect();
            Err(format!("{}: expected labels 0, {}, found {value}", name(path), known.join(", ")))
        }
        None => Ok(values),
    }
}

/// A mask file's values `[height, width]`, as stored.
fn values(path: &Path, size: [usize; 2]) -> Result<Vec<u8>, String> {
    let refuse = |reason: String| format!("{}: {reason}", name(path));
    let (found, values) = if is_volume(path) {
        let volume = Volume::open(path).map_err(|error| refuse(error.to_string()))?;
        let found = [volume.width(), volume.height()];
        let labels = volume.labels().map(<[u8]>::to_vec);
        (found, labels.ok_or_else(|| refuse("expected one label a pixel, found colours".into()))?)
    } else {
        let stored = DecodeOptions::new().with_stored_orientation();
        let bytes = bytes_of(path).map_err(refuse)?;
        let frame =
            Frame::decode_with(&bytes, &stored).map_err(|error| refuse(error.to_string()))?;
        let frame = gray(frame.frame).map_err(refuse)?;
        let found = [frame.width(), frame.height()];
        match frame.pixels() {
            Pixels::Gray8(values) => (found, values.clone()),
            // Masks that a viewer drew: white or a colour on black.
            Pixels::Rgb8(values) => {
                let (pixels, _) = values.as_chunks::<3>();
                (
                    found,
                    pixels.iter().map(|pixel| pixel.iter().copied().max().unwrap_or(0)).collect(),
                )
            }
            Pixels::Gray16(_) | Pixels::Rgb16(_) => {
                return Err(refuse("expected 8 bit, found 16 bit".to_string()));
            }
        }
    };
    if found == size {
        return Ok(values);
    }
    let [[width, height], [w, h]] = [size, found];
    Err(refuse(format!("expected {width}x{height} pixels as the image has, found {w}x{h}")))
}

/// A frame whose three channels are equal, as one channel.
fn gray(frame: Frame) -> Result<Frame, String> {
    let Pixels::Rgb8(values) = frame.pixels() else { return Ok(frame) };
    let (pixels, _) = values.as_chunks::<3>();
    if pixels.iter().any(|[r, g, b]| r != g || g != b) {
        return Ok(frame);
    }
    let values = pixels.iter().map(|[value, ..]| *value).collect();
    Frame::new(frame.width(), frame.height(), Pixels::Gray8(values))
        .map_err(|error| error.to_string())
}

fn is_volume(path: &Path) -> bool {
    let name = name(path).to_ascii_lowercase();
    VOLUMES.iter().any(|end| name.ends_with(end))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageFormat, Rgb, RgbImage};
    use std::path::PathBuf;

    const SIZE: [u32; 2] = [32, 20];

    struct Scratch(tempfile::TempDir);

    impl Scratch {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        /// A picture whose value is 0 or as `value` says.
        fn gray(&self, name: &str, value: impl Fn(u32, u32) -> u8) -> PathBuf {
            let path = self.0.path().join(name);
            GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| [value(x, y)].into())
                .save_with_format(&path, ImageFormat::Png)
                .unwrap();
            path
        }
    }

    fn drawn(case: &RawCase, sets: &[SetSpec]) -> Result<Drawn, String> {
        draw(case, sets).unwrap()
    }

    const ONE: [SetSpec; 1] = [SetSpec::binary("one", "object")];

    #[test]
    fn mask_files_are_united() {
        let scratch = Scratch::new();
        let image = scratch.gray("i.png", |x, y| (x + y) as u8);
        let masks = vec![
            scratch.gray("a.png", |x, _| if x < 5 { 255 } else { 3 }),
            scratch.gray("b.png", |x, _| u8::from(x > 29)),
        ];
        let case = RawCase::alone("a".into(), image.clone(), Truth::Masks(masks));
        let found = drawn(&case, &ONE).unwrap();
        assert_eq!(found.masks[0].area_px(), 7 * 20);
        assert_eq!(found.frame.gray(3, 4), Some(7.0 / 255.0));
        let small = scratch.0.path().join("small.png");
        GrayImage::new(16, 20).save(&small).unwrap();
        let case = RawCase::alone("a".into(), image, Truth::Masks(vec![small]));
        let message = drawn(&case, &ONE).unwrap_err();
        assert!(message.contains("small.png") && message.contains("32x20"), "{message}");
    }

    #[test]
    fn labels_are_split_and_strangers_refused() {
        let sets =
            [SetSpec::labelled("a", "first", &[1, 7]), SetSpec::labelled("b", "second", &[2, 8])];
        let scratch = Scratch::new();
        let image = scratch.gray("i.png", |_, _| 9);
        let label = scratch.gray("l.png", |x, _| (x % 3) as u8);
        let case = RawCase::alone("a".into(), image.clone(), Truth::Labels(label));
        let areas: Vec<_> = drawn(&case, &sets).unwrap().masks.iter().map(Mask::area_px).collect();
        assert_eq!(areas, [11 * 20, 10 * 20]);
        let label = scratch.gray("l.png", |x, _| x as u8);
        let case = RawCase::alone("a".into(), image, Truth::Labels(label));
        let message = drawn(&case, &sets).unwrap_err();
        assert!(message.contains("l.png: expected labels 0, 1, 7, 2, 8, found 3"), "{message}");
    }

    #[test]
    fn a_claim_about_the_object_is_checked() {
        let scratch = Scratch::new();
        let image = scratch.gray("i.png", |_, _| 9);
        let empty = scratch.gray("e.png", |_, _| 0);
        let mut case = RawCase::alone("a".into(), image, Truth::Masks(vec![empty]));
        case.object = Some(true);
        assert!(drawn(&case, &ONE).unwrap_err().contains("expected an object"));
        case.object = Some(false);
        assert_eq!(drawn(&case, &ONE).unwrap().masks[0].area_px(), 0);
    }

    #[test]
    fn gray_in_three_channels_becomes_one_and_colour_stays() {
        let scratch = Scratch::new();
        let path = scratch.0.path().join("i.png");
        RgbImage::from_fn(32, 20, |x, _| Rgb([x as u8; 3])).save(&path).unwrap();
        assert!(matches!(image(&path).unwrap().0.pixels(), Pixels::Gray8(_)));
        RgbImage::from_fn(32, 20, |x, _| Rgb([x as u8, 0, 0])).save(&path).unwrap();
        assert!(matches!(image(&path).unwrap().0.pixels(), Pixels::Rgb8(_)));
    }

    #[test]
    fn a_damaged_image_is_named() {
        let scratch = Scratch::new();
        let path = scratch.gray("i.png", |x, y| (x * y) as u8);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let case = RawCase::alone("a".into(), path, Truth::Missing(String::new()));
        let message = draw(&case, &ONE).unwrap_err().to_string();
        assert!(message.contains("i.png"), "{message}");
    }
}
