//! Connected components of a mask.

use uniultra_core::{Mask, MaskError, PixelBox};

/// A component that covers less than one part in this many of the image is not an object.
const SMALLEST_OBJECT: usize = 1000;

/// The 8-connected components of a mask, numbered in row-major order of their first pixels.
#[derive(Debug)]
pub struct Components {
    width: usize,
    height: usize,
    /// Component of each pixel from 1; 0 is background.
    labels: Vec<u32>,
    areas_px: Vec<usize>,
}

impl Components {
    /// Labels a mask by flood filling.
    #[must_use]
    pub fn from_mask(mask: &Mask) -> Self {
        let (width, height) = (mask.width(), mask.height());
        let mut labels = vec![0_u32; width * height];
        let mut areas_px = Vec::new();
        let mut open = Vec::new();
        for start in 0..labels.len() {
            if mask.data()[start] == 0 || labels[start] != 0 {
                continue;
            }
            let label = areas_px.len() as u32 + 1;
            let mut area_px = 0;
            labels[start] = label;
            open.push(start);
            while let Some(at) = open.pop() {
                area_px += 1;
                let (x, y) = (at % width, at / width);
                for v in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for u in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        let next = v * width + u;
                        if mask.data()[next] != 0 && labels[next] == 0 {
                            labels[next] = label;
                            open.push(next);
                        }
                    }
                }
            }
            areas_px.push(area_px);
        }
        Self { width, height, labels, areas_px }
    }

    /// Area of each component, in pixels.
    #[must_use]
    pub fn areas_px(&self) -> &[usize] {
        &self.areas_px
    }

    /// The tight box of each component.
    #[must_use]
    pub fn tight_boxes(&self) -> Vec<PixelBox> {
        let nowhere = PixelBox { x0: usize::MAX, y0: usize::MAX, x1: 0, y1: 0 };
        let mut boxes = vec![nowhere; self.areas_px.len()];
        for (at, &label) in self.labels.iter().enumerate() {
            let (x, y) = (at % self.width, at / self.width);
            let index = (label as usize).checked_sub(1);
            if let Some(found) = index.and_then(|index| boxes.get_mut(index)) {
                let PixelBox { x0, y0, x1, y1 } = *found;
                *found = PixelBox { x0: x0.min(x), y0: y0.min(y), x1: x1.max(x), y1: y1.max(y) };
            }
        }
        boxes
    }

    /// The component with that number, from 0, as a mask of the whole image; an empty mask if there
    /// is no such component.
    ///
    /// # Errors
    /// [`MaskError`] never happens for components of a mask; it is passed on, not hidden.
    pub fn mask(&self, index: usize) -> Result<Mask, MaskError> {
        let label = index as u32 + 1;
        let data = self.labels.iter().map(|&found| u8::from(found == label)).collect();
        Mask::from_binary(self.width, self.height, data)
    }

    /// The largest component and its area in pixels; the first of equals.
    #[must_use]
    pub fn largest(&self) -> Option<(usize, usize)> {
        let areas = self.areas_px.iter().copied().enumerate();
        areas.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// Those large enough to be objects: at least 0.1 % of the image.
    pub fn objects(&self) -> impl Iterator<Item = usize> + '_ {
        let image_px = self.width * self.height;
        let large = move |area_px: usize| area_px * SMALLEST_OBJECT >= image_px;
        (0..self.areas_px.len()).filter(move |&index| large(self.areas_px[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn::mask_of;

    #[test]
    fn diagonal_neighbours_are_connected() {
        let mask = mask_of(&["#..#", ".#..", "...#"]);
        let components = Components::from_mask(&mask);
        assert_eq!(components.areas_px(), [2, 1, 1]);
        assert_eq!(components.mask(0).unwrap(), mask_of(&["#...", ".#..", "...."]));
        assert_eq!(components.largest(), Some((0, 2)));
        let boxes = components.tight_boxes();
        let each: Vec<_> = boxes.iter().map(|b| [b.x0, b.y0, b.x1, b.y1]).collect();
        assert_eq!(each, [[0, 0, 1, 1], [3, 0, 3, 0], [3, 2, 3, 2]]);
    }

    #[test]
    fn a_ring_and_its_core_are_two() {
        let mask = mask_of(&["#####", "#...#", "#.#.#", "#...#", "#####"]);
        assert_eq!(Components::from_mask(&mask).areas_px(), [16, 1]);
    }

    #[test]
    fn the_first_of_equals_is_largest() {
        assert_eq!(Components::from_mask(&mask_of(&["#.#", "..."])).largest(), Some((0, 1)));
        assert_eq!(Components::from_mask(&mask_of(&["..."])).largest(), None);
    }

    #[test]
    fn objects_have_a_thousandth_of_the_image() {
        // 100 x 50 pixels: 5 are a thousandth, 4 are not.
        let mut data = vec![0; 5000];
        data[..5].fill(1);
        data[200..204].fill(1);
        let components = Components::from_mask(&Mask::from_binary(100, 50, data).unwrap());
        assert_eq!(components.areas_px(), [5, 4]);
        assert_eq!(components.objects().collect::<Vec<_>>(), [0]);
    }
}
