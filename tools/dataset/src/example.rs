//! One example: an image and its objects at the network's size.

use crate::affine::Affine;
use crate::augment::AugmentConfig;
use crate::geometry::{self, Flips};
use crate::packed::Packed;
use crate::photometry;
use crate::stream::Stream;
use crate::warp::{Region, Source, warp};

/// One example at the network's size S.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Index of the set in the configuration.
    pub set: usize,
    /// The image's stem.
    pub stem: String,
    /// Gray values `[S, S]`, each in 0..=1.
    pub image: Vec<f32>,
    /// Each object's mask `[S, S]`, 0 or 1 and never empty; none for an image without an object.
    pub objects: Vec<Vec<u8>>,
}

/// Geometries that are tried before the image is only flipped.
const TRIES: usize = 5;

/// An object that keeps less than this part of its area is left out.
const KEPT_AREA: f64 = 0.3;

/// An object of fewer pixels is left out.
const LEAST_PX: usize = 16;

/// The picture and the masks of an example.
pub(crate) struct Drawn {
    pub(crate) image: Vec<f32>,
    pub(crate) objects: Vec<Vec<u8>>,
}

/// Draws an example of a packed image; without objects although the image has some only if `size`
/// is too small for them.
pub(crate) fn draw(
    packed: &Packed,
    size: usize,
    augment: &AugmentConfig,
    flip: bool,
    seed: &[u64; 3],
) -> Drawn {
    let [mut shape, mut look] =
        [1, 2].map(|purpose| Stream::new(&[seed[0], seed[1], seed[2], purpose]));
    let flips = Flips::draw(augment, flip, &mut shape);
    let ratio = packed.width as f64 / packed.height as f64;
    let mut found = None;
    for _ in 0..TRIES {
        let anchor = packed.objects.get(shape.below(packed.objects.len()));
        let map = geometry::draw(augment, ratio, anchor.map(|object| object.bounds), &mut shape);
        if map == Affine::IDENTITY {
            break;
        }
        let map = map.then(flips.map());
        let objects = masks(packed, &map, size, |area_px, expected_px| {
            area_px >= LEAST_PX && area_px as f64 >= KEPT_AREA * expected_px
        });
        if !objects.is_empty() || packed.objects.is_empty() {
            found = Some((map, objects));
            break;
        }
    }
    let (map, objects) = found.unwrap_or_else(|| {
        let map = flips.map();
        (map, masks(packed, &map, size, |area_px, _| area_px > 0))
    });
    let mut image = picture(packed, &map, size);
    photometry::apply(&mut image, size, augment, &mut look);
    Drawn { image, objects }
}

/// The image through a map, `[size, size]`, 0..=1; black outside.
fn picture(packed: &Packed, map: &Affine, size: usize) -> Vec<f32> {
    let mut image = vec![0.0; size * size];
    let source = Source { width: packed.width, height: packed.height, values: &packed.gray };
    warp(source, map, size, Region::whole(size), |at, value| image[at] = value * (1.0 / 255.0));
    image
}

/// The objects through a map, those that `keep` (pixels, pixels expected of a whole object) wants.
fn masks(
    packed: &Packed,
    map: &Affine,
    size: usize,
    keep: impl Fn(usize, f64) -> bool,
) -> Vec<Vec<u8>> {
    let (width, height) = (packed.width, packed.height);
    let growth = map.determinant().abs() * (size * size) as f64 / (width * height) as f64;
    let mut drawn = vec![0; width * height];
    let mut masks = Vec::with_capacity(packed.objects.len());
    for object in &packed.objects {
        object.draw(&mut drawn, 1);
        let source = Source { width, height, values: &drawn };
        let region = Region::around(map.apply_to_box(object.bounds), size);
        let mut mask = vec![0; size * size];
        let mut area_px = 0;
        warp(source, map, size, region, |at, value| {
            let inside = u8::from(value >= 0.5);
            mask[at] = inside;
            area_px += usize::from(inside);
        });
        object.draw(&mut drawn, 0);
        if keep(area_px, object.area_px as f64 * growth) {
            masks.push(mask);
        }
    }
    masks
}

#[cfg(test)]
#[path = "example_tests.rs"]
mod tests;
