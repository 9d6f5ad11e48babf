//! The form in which decoded images stay in memory: 8-bit gray, and each object as runs of pixels.

use crate::SampleError;
use crate::components::Components;
use crate::sample::components_of;
use uniultra_core::{Frame, Mask, Pixels};
use uniultra_phantom::Phantom;

/// An image with its objects.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// `[height, width]`.
    pub(crate) gray: Vec<u8>,
    pub(crate) objects: Vec<PackedObject>,
}

/// One object.
#[derive(Debug)]
pub(crate) struct PackedObject {
    /// First place and end (excluded) of each run, in row-major order.
    runs: Vec<[u32; 2]>,
    /// Number of pixels.
    pub(crate) area_px: usize,
    /// The tight box (x0, y0, x1, y1) around the pixels, in parts of the image.
    pub(crate) bounds: [f64; 4],
}

impl Packed {
    /// Packs a frame. Colours become luma, and all samples are rounded to 8 bit.
    pub(crate) fn pack(frame: &Frame, mask: &Mask) -> Result<Self, SampleError> {
        let (width, height) = (frame.width(), frame.height());
        let gray = match frame.pixels() {
            Pixels::Gray8(values) => values.clone(),
            _ => (0..width * height)
                .map(|at| frame.gray(at % width, at / width).unwrap_or_default())
                .map(|value| (value * 255.0).round() as u8)
                .collect(),
        };
        let objects = components_of(mask)?.iter().filter_map(PackedObject::pack).collect();
        Ok(Self { width, height, gray, objects })
    }

    /// Packs a simulated frame. A target that is clipped to a speck counts as an object if it is
    /// the only one, because the frame is not empty.
    pub(crate) fn pack_phantom(phantom: Phantom) -> Result<Self, SampleError> {
        let (width, height) = phantom.image.dimensions();
        let (width, height) = (width as usize, height as usize);
        let mask = Mask::from_binary(width, height, phantom.mask.into_raw())?;
        let objects = match components_of(&mask) {
            Err(SampleError::OnlySpecks { .. }) => {
                let components = Components::from_mask(&mask);
                let largest = components.largest();
                largest.map(|(index, _)| components.mask(index)).transpose()?.into_iter().collect()
            }
            found => found?,
        };
        let objects = objects.iter().filter_map(PackedObject::pack).collect();
        Ok(Self { width, height, gray: phantom.image.into_raw(), objects })
    }

    /// Share of the image that its smallest object covers, 0 to 1; `None` without an object.
    pub(crate) fn smallest_object(&self) -> Option<f64> {
        let area_px = self.objects.iter().map(|object| object.area_px).min()?;
        Some(area_px as f64 / (self.width * self.height) as f64)
    }

    /// Memory taken, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let runs: usize = self.objects.iter().map(|object| size_of_val(&object.runs[..])).sum();
        self.gray.len() + runs
    }
}

impl PackedObject {
    /// Packs a mask; `None` if it is empty.
    fn pack(mask: &Mask) -> Option<Self> {
        let bounds = mask.bounding_box()?;
        let mut runs = Vec::new();
        let mut area_px = 0;
        for y in bounds.y0..=bounds.y1 {
            let row = y * mask.width();
            let mut x = bounds.x0;
            while x <= bounds.x1 {
                let start = x;
                while x <= bounds.x1 && mask.data()[row + x] != 0 {
                    x += 1;
                }
                if x > start {
                    runs.push([(row + start) as u32, (row + x) as u32]);
                    area_px += x - start;
                }
                x += 1;
            }
        }
        let [x0, x1] = [bounds.x0, bounds.x1 + 1].map(|x| x as f64 / mask.width() as f64);
        let [y0, y1] = [bounds.y0, bounds.y1 + 1].map(|y| y as f64 / mask.height() as f64);
        Some(Self { runs, area_px, bounds: [x0, y0, x1, y1] })
    }

    /// Draws the object with `value` into a picture of the image's size.
    pub(crate) fn draw(&self, picture: &mut [u8], value: u8) {
        for &[start, end] in &self.runs {
            picture[start as usize..end as usize].fill(value);
        }
    }
}
